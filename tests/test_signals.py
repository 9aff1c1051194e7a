"""Real signals to a real training run: SIGINT snapshots and stops, SIGHUP snapshots and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from solver_helpers import SKETCH_NET, write_net, write_pairs

from pysketch.weights.snapshot import WeightsFile

ROOT = Path(__file__).parents[1]
DEADLINE = 60

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends these signals in another way")


@pytest.fixture
def training(tmp_path):
    """A run of tools/solve.py that would last for minutes; it is ended with the test."""
    (tmp_path / "t_solver.txt").write_text(f"""
        net: "{write_net(tmp_path, SKETCH_NET)}" type: "Adam" base_lr: 0.001 momentum: 0.9
        max_iter: 1000000 display: 20 random_seed: 1 snapshot_prefix: "{(tmp_path / "out" / "t").as_posix()}"
    """)
    command = [sys.executable, ROOT / "tools" / "solve.py", tmp_path / "t_solver.txt"]
    command += ["--data", write_pairs(tmp_path / "data", 3), "--device", "cpu", "--log", tmp_path / "log"]
    with open(tmp_path / "stderr", "wb") as stderr, subprocess.Popen(command, stderr=stderr) as process:
        try:
            wait_for(lambda: "Iteration 20," in log(tmp_path), process)
            yield process
        finally:
            process.kill()


def log(folder):
    return (folder / "log").read_text() if (folder / "log").exists() else ""


def wait_for(condition, process):
    """Until the condition holds; AssertionError if the run ends or a minute passes before."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert process.poll() is None, "the run has ended"
        assert time.monotonic() < end, "nothing happened for a minute"
        time.sleep(0.02)


def states(folder):
    """The iterations of which there are snapshots."""
    return sorted(int(path.name.split(".")[0].split("_")[-1]) for path in (folder / "out").glob("t_*.solverstate.h5"))


SLOWLY = """
import sys, time
import common
import solve
from pysketch.images import pairs

read = pairs._read_pair
pairs._read_pair = lambda *paths: time.sleep(0.1) or read(*paths)
common.run(solve.main)
"""


@pytest.mark.parametrize(("name", "status", "line"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")])
def test_while_pairs_are_read_a_signal_ends_all_with_one_line(tmp_path, name, status, line):
    net, data = write_net(tmp_path, SKETCH_NET), write_pairs(tmp_path / "data", 60)
    (tmp_path / "t_solver.txt").write_text(f'net: "{net}" base_lr: 0.001 max_iter: 1 snapshot_prefix: "t"')
    command = [sys.executable, "-c", SLOWLY, tmp_path / "t_solver.txt", "--data", data, "--device", "cpu"]
    command += ["--log", tmp_path / "log", "--threads", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tools"), str(ROOT)])}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as process:
        wait_for(lambda: "reading the train pairs" in log(tmp_path), process)
        process.send_signal(getattr(signal, name))
        begun = time.monotonic()
        _, told = process.communicate(timeout=DEADLINE)
    assert (process.returncode, told) == (status, f"{line}\n")
    assert time.monotonic() - begun < 2  # all that is to be read takes three seconds
    assert not list(tmp_path.glob("t*.h5"))


@pytest.mark.slow
def test_sigint_snapshots_stops_and_exits_with_0(training, tmp_path):
    training.send_signal(signal.SIGINT)
    assert training.wait(DEADLINE) == 0
    assert "Traceback" not in (tmp_path / "stderr").read_text()
    (iteration,) = states(tmp_path)
    assert iteration >= 20
    with WeightsFile(tmp_path / "out" / f"t_iter_{iteration}.caffemodel.h5") as file:
        assert file.count("conv1") == 2
    assert "Optimization stopped early." in log(tmp_path)
    assert (tmp_path / "out" / f"t_iter_{iteration}.h5").is_file()


@pytest.mark.slow
def test_sighup_snapshots_and_goes_on_and_what_it_wrote_can_be_resumed(training, tmp_path):
    training.send_signal(signal.SIGHUP)
    wait_for(lambda: len(states(tmp_path)) == 1, training)
    length = len(log(tmp_path))
    wait_for(lambda: "Iteration" in log(tmp_path)[length:], training)
    training.send_signal(signal.SIGHUP)
    wait_for(lambda: len(states(tmp_path)) == 2, training)
    training.send_signal(signal.SIGINT)
    assert training.wait(DEADLINE) == 0
    first, second, last = states(tmp_path)
    assert first < second < last
    assert (
        resumed_weights(tmp_path, first, second) == (tmp_path / "out" / f"t_iter_{second}.caffemodel.h5").read_bytes()
    )


def resumed_weights(folder, first, second):
    """The weights file of a run resumed from iteration `first` and run to iteration `second`."""
    text = (folder / "t_solver.txt").read_text().replace("max_iter: 1000000", f"max_iter: {second}")
    (folder / "again_solver.txt").write_text(text.replace("out/t", "again/t"))
    command = [sys.executable, ROOT / "tools" / "solve.py", folder / "again_solver.txt", "--device", "cpu"]
    command += ["--data", folder / "data", "--resume", folder / "out" / f"t_iter_{first}.solverstate.h5"]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)
    return (folder / "again" / f"t_iter_{second}.caffemodel.h5").read_bytes()


@pytest.mark.slow
def test_a_run_killed_in_a_snapshot_leaves_whole_snapshots_only(training, tmp_path):
    training.send_signal(signal.SIGHUP)
    wait_for(lambda: len(states(tmp_path)) == 1, training)
    training.send_signal(signal.SIGHUP)
    time.sleep(0.004)
    training.kill()
    assert training.wait(DEADLINE) == -signal.SIGKILL
    assert len(states(tmp_path)) in (1, 2)
    for path in (tmp_path / "out").glob("t_*.caffemodel.h5"):
        with WeightsFile(path) as file:
            assert file.read("conv1", 0).shape == (3, 5, 4, 3)
