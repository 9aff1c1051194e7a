"""How several processes are started, what is said of what they found, and what is said of those that fail."""

import importlib.util
import json
import sys
from dataclasses import asdict

import pytest

from pysketch.benchmark import ranks
from pysketch.benchmark.machine import Machine
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import BenchmarkError
from pysketch.benchmark.rank import PingPong, Steps
from pysketch.benchmark.ranks import measure_ranks, report_ranks, run_ranks, summary_ranks

PING_PONG = PingPong(1e-5, 2e-6, 1e9)


def steps(size, batch, cores=2):
    """What processes of a machine with two cores would find that share their work perfectly but for a tenth."""
    seconds = batch / min(size, cores)
    parts = ([share * seconds] * 3 for share in ((1.0, 0.0, 0.0) if size == 1 else (0.9, 0.04, 0.06)))
    return Steps(
        [seconds] * 3, [1.05 * seconds] * 3, [0.9 * seconds] * 3, *parts, 3, cores, PING_PONG if size == 2 else None
    )


@pytest.fixture
def started(monkeypatch):
    """What was asked of mpirun; the answers are made up."""
    found = []

    def run(mpirun, size, job, runs):
        found.append((list(mpirun), size, job.batch))
        return steps(size, job.batch)

    monkeypatch.setattr(ranks, "run_ranks", run)
    monkeypatch.setattr(ranks, "find_mpirun", lambda: "/found/mpirun")
    monkeypatch.setattr(ranks, "measure", lambda *arguments: Machine(1e15, 1e15, order=2048, copied=1 << 26))
    return found


def test_one_two_and_four_share_a_batch_and_bring_one_each(tiny, started):
    growth = measure_ranks(Job(tiny, "train", batch=4), 3)
    assert [(size, batch) for _, size, batch in started] == [(1, 4), (2, 4), (4, 4), (2, 8), (4, 16)]
    assert {tuple(mpirun) for mpirun, _, _ in started} == {("/found/mpirun",)}
    assert [row.scaling for row in growth.rows] == ["one", "strong", "strong", "weak", "weak"]
    assert [row.oversubscribed for row in growth.rows] == [False, False, True, False, True]
    for row in growth.rows:
        assert row.model == pytest.approx(row.apart, rel=1e-3)
        assert row.stamps == pytest.approx(0.05)


def test_another_mpirun_may_be_named(tiny, started):
    measure_ranks(Job(tiny, "train", batch=4), 3, ["mpirun", "-f", "hosts"])
    assert started[0][0] == ["mpirun", "-f", "hosts"]


def test_the_table_says_who_is_oversubscribed_and_how_far_off_the_model_is(tiny, started):
    growth = measure_ranks(Job(tiny, "train", batch=4), 3)
    lines = list(report_ranks(growth))
    assert lines[0].startswith("| scaling | processes | batch | ms a step | pairs/s | speed-up | computing |")
    assert lines[4].startswith(
        "| strong | 4 (oversubscribed) | 4 | 2000.0 | 2.00 | 2.00 | 85.7 % | 3.8 % | 5.7 % | 1800.0 | 18"
    )
    assert lines[4].endswith(" (-10 %) |")
    assert len({line.count("|") for line in lines[:7]}) == 1
    text = " ".join(lines)
    for word in ("on 2 cores", "+5.0 % longer", "10 us for an exchange, 2.0 us for each", "1.00 GB/s each way"):
        assert word in text


def test_programs_get_the_same(tiny, started):
    found = json.loads(json.dumps(summary_ranks(measure_ranks(Job(tiny, "train", batch=4), 3))))
    assert found["ping_pong"] == asdict(PING_PONG)
    row = found["rows"][2]
    assert (row["scaling"], row["ranks"], row["batch"], row["oversubscribed"]) == ("strong", 4, 4, True)
    assert row["median_ms"] == 2000
    assert row["waiting"] == pytest.approx(0.06 / 1.05)


def test_a_batch_that_they_cannot_share_is_refused_before_anything_is_started(tiny, started):
    with pytest.raises(BenchmarkError, match=r"batches of 6 cannot be shared out among 4 .* --batch .* such as 8$"):
        measure_ranks(Job(tiny, "train", batch=6), 3)
    assert not started


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("sys.stderr.write('noise\\nerror: photo.png: bad\\nmore\\n'); sys.exit(2)", r"^2 processes: photo.png: bad$"),
        (
            "sys.stderr.write('no such host\\n'); sys.exit(3)",
            r"^2 .*: mpirun ended with status 3: no such host$",
        ),
        ("", r"^2 processes: mpirun ended with status 0: it said nothing$"),
    ],
)
def test_the_reason_of_the_one_that_failed_is_told(tiny, program, message):
    with pytest.raises(BenchmarkError, match=message):
        run_ranks([sys.executable, "-S", "-c", f"import sys; {program}"], 2, Job(tiny, "train"), 3)


def test_an_mpirun_that_is_not_there_is_one_line(tiny):
    with pytest.raises(BenchmarkError, match=r"^no/mpirun cannot be started: No such file"):
        run_ranks(["no/mpirun"], 2, Job(tiny, "train"), 3)


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("mpi4py"), reason='no mpi4py: pip install -e ".[mpi]"')
def test_real_processes_are_timed(tiny, monkeypatch):
    monkeypatch.setattr(ranks, "ORDERS", {"cpu": 65})
    monkeypatch.setattr(ranks, "COPIED", 4096)
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"):
        monkeypatch.setenv(name, "1")
    growth = measure_ranks(Job(tiny, "train", batch=4), 3)
    for row in growth.rows:
        assert len(row.steps.plain) == 3
        assert row.seconds > 0
        parts = [row.share(part) for part in (row.steps.computing, row.steps.communicating, row.steps.waiting)]
        assert sum(parts) == pytest.approx(1, abs=0.5)
        assert (row.steps.exchanges > 0) == (row.ranks > 1)
    assert 0 < growth.ping_pong.latency < 1
