"""The command line under a real mpirun: processes, signals, failures. Needs the extra mpi."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mpiruns import MPIRUN, needs_mpirun, run, start, start_all, wait_for

from pysketch.weights.snapshot import WeightsFile

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, needs_mpirun]
SOLVE = [sys.executable, str(ROOT / "tools" / "solve.py")]


def weights(path):
    with WeightsFile(path) as file:
        return [file.read(layer, k) for layer in file.layers for k in range(file.count(layer))]


@pytest.fixture
def solver(solver_file, tmp_path):
    """The tiny solver, for batches of six, with a snapshot every 5 iterations."""
    netdef = tmp_path / "tiny.prototxt"
    netdef.write_text(netdef.read_text().replace('"batch_size": 2', '"batch_size": 6, "mirror": true'))
    text = re.sub(
        r"(max_iter|snapshot|display|base_lr|momentum|test_interval|test_iter): \S+", "", solver_file.read_text()
    )
    solver_file.write_text(text + "\nbase_lr: 1e-6 momentum: 0.9 max_iter: 6 snapshot: 3 display: 1\n")
    return solver_file


def test_three_processes_learn_what_one_does_and_go_on_for_each_other(solver, pairs, tmp_path):
    arguments = [*SOLVE, solver, "--data", pairs, "--threads", "1"]
    assert subprocess.run([*map(str, arguments)], capture_output=True).returncode == 0
    expected = weights(tmp_path / "out" / "tiny.h5")
    for size, resumed in ((3, None), (2, 3), (3, 3)):
        state = tmp_path / "out" / f"tiny_iter_{resumed}.solverstate.h5"
        status, told = run(size, [*arguments, *(["--resume", state] if resumed else [])], tmp_path / "log")
        assert status == 0, told
        assert told.count("Iteration 5, lr") == told.count("Optimization Done.") == 1
        for one, other in zip(weights(tmp_path / "out" / "tiny.h5"), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1"])
def test_an_mpirun_that_is_told_to_end_ends_with_a_snapshot(solver, pairs, tmp_path, name):
    if name != "SIGUSR1" and "Open MPI" in subprocess.run([MPIRUN, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("Open MPI kills its processes a quarter of a second after it was told to end")
    log = tmp_path / "log"
    process = start(2, [*SOLVE, solver, "--data", pairs, "--max-iter", "100000", "--set", "snapshot=0"], log)
    wait_for("Iteration 10,", log, process)
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=10) == 0, log.read_text()
    assert "Optimization stopped early." in log.read_text()
    (state,) = (tmp_path / "out").glob("*.solverstate.h5")
    more = int(re.search(r"iter_(\d+)", state.name)[1]) + 2
    status, told = run(2, [*SOLVE, solver, "--data", pairs, "--max-iter", more, "--resume", state], log)
    assert status == 0, told


def test_a_process_that_is_killed_ends_all_within_seconds_and_the_last_snapshot_is_good(solver, pairs, tmp_path):
    rng, log = random.Random(5), tmp_path / "log"
    arguments = [*SOLVE, solver, "--data", pairs, "--max-iter", "100000"]
    for _ in range(int(os.environ.get("KILLS", "3"))):
        process = start(3, arguments, log)
        wait_for("Iteration 4,", log, process)
        time.sleep(rng.random() / 2)
        os.kill(rng.choice(ranks_of(solver)), signal.SIGKILL)
        assert process.wait(timeout=10) != 0
        last = max((tmp_path / "out").glob("*.solverstate.h5"), key=lambda path: path.stat().st_mtime)
        begun = int(re.search(r"iter_(\d+)", last.name)[1])
        status, told = run(2, [*arguments[:-1], begun + 1, "--resume", last], log)
        assert status == 0, told
        shutil.rmtree(tmp_path / "out")


def ranks_of(solver):
    """The processes that train by this solver file, by their command lines; Linux."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if words[0].endswith(b"python") and str(solver).encode() in words:
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize(
    ("failure", "message", "expected"),
    [
        ("raise DataError('photo.png: bad')", "rank 1 of 3: error: photo.png: bad", 2),
        ("raise MemoryError('no room')", "rank 1 of 3: error: not enough memory: no room", 2),
        ("raise KeyError('oops')", "error: rank 1 of 3 has failed", 1),
    ],
)
def test_one_that_fails_ends_all_with_its_message_its_rank_and_its_status(tmp_path, failure, message, expected):
    script = tmp_path / "fail.py"
    script.write_text(f"""
import sys
sys.path.append({str(ROOT / "tools")!r})
import common
from pysketch.errors import DataError
from pysketch.parallel import communicator


def main(arguments):
    together = communicator()
    if together.rank == 1:
        {failure}
    together.wait_for_all()


common.run(main)
""")
    begun = time.monotonic()
    status, told = run(3, [sys.executable, script], tmp_path / "log")
    assert time.monotonic() - begun < 30
    assert status == expected
    assert message in told
    assert told.count("Traceback") == told.count("KeyError: 'oops'") == (expected == 1)


def test_nobody_waits_for_ever_for_one_that_ended_before_it_joined(tmp_path):
    script = tmp_path / "begin.py"
    script.write_text("""
import os
from pysketch.parallel import communicator, mpi

mpi.PATIENCE = 3
if os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK")) == "1":
    raise SystemExit(1)
communicator()
""")
    status, _ = run(3, [sys.executable, script], tmp_path / "log")
    assert status != 0


def test_what_is_wrong_for_all_is_said_once(solver, pairs, tmp_path):
    status, told = run(3, [*SOLVE, solver, "--data", "nowhere"], tmp_path / "log")
    assert status != 0
    assert re.findall(r"rank (\d) of 3: error: .*nowhere: no such folder", told) == ["0"]


def test_one_with_another_solver_is_refused(solver, pairs, tmp_path):
    other = tmp_path / "other_solver.txt"
    other.write_text(solver.read_text().replace("momentum: 0.9", "momentum: 0.8"))
    common = ["--data", str(pairs)]
    command = [MPIRUN, "-n", "2", *SOLVE, str(solver), *common, ":", "-n", "1", *SOLVE, str(other), *common]
    process = start_all(command, tmp_path / "log")
    assert process.wait(timeout=120) != 0
    assert (
        "error: rank 2 of 3 does not train what rank 0 does: it has another solver; every process"
        in (tmp_path / "log").read_text()
    )


def test_exchanges_between_processes_are_those_between_threads(tmp_path):
    script = tmp_path / "exchange.py"
    script.write_text("""
import sys
import numpy as np
from pysketch.parallel import communicator

together = communicator()
for count in (1, 5000, 300001):
    one, two = (np.full(count, value[together.rank], np.float32) for value in ([1e9, 1, -1e9], [3, 4, 5]))
    together.begin_all_reduce(one)
    together.begin_all_reduce(two)
    assert together.gather_texts("x" * together.rank) == ["", "x", "xx"]
    together.finish()
    assert (one == 0).all() and (two == 12).all()
    together.broadcast(two[:0])
two[:] = together.rank
together.broadcast(two)
assert (two == 0).all()
assert together.all_gather(np.array([together.rank])).tolist() == [0, 1, 2]
assert together.local_size == 3
""")
    status, told = run(3, [sys.executable, script], tmp_path / "log")
    assert status == 0, told
