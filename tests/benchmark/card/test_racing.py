"""Races of many jobs: processes that stay, one that fails and is started anew, results that must agree."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from pysketch.benchmark.card import racing
from pysketch.benchmark.card.pieces import Partial
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.card.racing import Racers, piece_name
from pysketch.benchmark.race import BenchmarkError

PARTS = {"forward": {"seconds": 0.002, "host_seconds": 0.001}, "backward": {"seconds": 0.003, "host_seconds": 0.001}}
DOUBLE = Path(__file__).parents[2] / "torch_double"


class FakeContender:
    """Answers every request; `broken`: by name, a request that ends its process; `scale`: of its results."""

    broken: dict[str, str] = {}
    scale: dict[str, float] = {}
    started: list[str] = []

    def __init__(self, folder, name, threads):
        self.folder, self.name, self.limit, self.place = folder, name, None, folder
        self.started.append(name)

    def ask(self, request=None):
        assert 0 < self.limit <= 100
        if request and request == self.broken.get(self.name):
            raise BenchmarkError(f"{self.name}: lost")
        if request and request.startswith("job"):
            self.place = self.folder / request.split()[1]
            assert (self.place / "job.json").exists()
        if request == "check":
            np.savez(self.place / f"{self.name}.npz", y=np.array([1.0, self.scale.get(self.name, 1.0)]))
        return {"parts": PARTS, "device_bytes": 5}

    def close(self):
        self.started.append(f"{self.name} ended")


@pytest.fixture
def racers(monkeypatch, tmp_path):
    """Contenders that do not compute; none has anything of an earlier test."""
    monkeypatch.setattr(racing, "Contender", FakeContender)
    monkeypatch.setattr(racing, "missing_libraries", lambda peer: ["nothing"] if peer == "absent" else [])
    monkeypatch.setattr(FakeContender, "broken", {})
    monkeypatch.setattr(FakeContender, "scale", {})
    monkeypatch.setattr(FakeContender, "started", [])

    def make(*peers):
        return Racers(
            tmp_path, Plan("cpu", runs=4, threads=1, peers={"default": peers}), "default", time.monotonic() + 99
        )

    return make


def job(tiny, phase="train"):
    return Plan("cpu", threads=1).job(tiny, phase, 2)


def test_a_job_has_everybodys_times_memory_and_difference(tiny, racers):
    FakeContender.scale = {"torch": 1 + 1e-4}
    found = racers("torch").race(job(tiny))
    assert (found["net"], found["phase"], found["batch"], found["image"][0]) == ("tiny", "train", 2, 2)
    assert found["flops"] > 0
    ours, torch = found["contenders"]["pysketch"], found["contenders"]["torch"]
    assert ours["median_ms"] == pytest.approx(5)
    assert ours["parts_ms"] == pytest.approx({"forward": 2, "backward": 3})
    assert ours["host_ms"] == pytest.approx(2)
    assert len(ours["runs_ms"]) == 4
    assert ours["device_bytes"] == 5
    assert torch["difference"] == pytest.approx(1e-4, rel=1e-3)


def test_processes_stay_for_the_next_job_and_end_at_last(tiny, racers):
    two = racers("torch")
    for phase in ("test", "train"):
        two.race(job(tiny, phase))
    two.close()
    assert FakeContender.started == ["pysketch", "torch", "pysketch ended", "torch ended"]
    assert not [path for path in two.folder.iterdir() if path.is_dir()]


@pytest.mark.parametrize("request_", ["job 1", "check", "parts"])
@pytest.mark.parametrize(("broken", "left"), [("torch", "pysketch"), ("pysketch", "torch")])
def test_who_fails_is_named_started_anew_and_does_not_stop_the_other(request_, broken, left, tiny, racers):
    FakeContender.broken = {broken: request_}
    two = racers("torch")
    with pytest.raises(Partial, match=f"^{broken}: lost$") as caught:
        two.race(job(tiny))
    assert list(caught.value.found["contenders"]) == [left]
    FakeContender.broken = {}
    assert set(two.race(job(tiny))["contenders"]) == {"pysketch", "torch"}
    assert FakeContender.started.count(broken) == 2


def test_if_nobody_is_left_the_piece_has_failed(tiny, racers):
    FakeContender.broken = {"pysketch": "check", "torch": "check"}
    with pytest.raises(BenchmarkError, match="pysketch: lost; torch: lost"):
        racers("torch").race(job(tiny))


def test_a_peer_that_is_not_installed_is_named_and_we_run_alone(tiny, racers):
    with pytest.raises(Partial, match="absent: nothing is not installed") as caught:
        racers("absent").race(job(tiny))
    assert list(caught.value.found["contenders"]) == ["pysketch"]


def test_a_peer_that_does_not_know_a_layer_is_named_and_we_run_alone(tiny, racers, monkeypatch):
    monkeypatch.setattr("pysketch.benchmark.contender.peers.TORCH_LAYERS", ("Input",))
    with pytest.raises(Partial, match="type Convolution is not known to the peer torch"):
        racers("torch").race(job(tiny))


def test_a_peer_that_computes_something_else_is_named(tiny, racers):
    FakeContender.scale = {"torch": 1.01}
    with pytest.raises(Partial, match=r'torch: its "y" differs from ours by 0.01 of the largest magnitude') as caught:
        racers("torch").race(job(tiny))
    assert "torch" in caught.value.found["contenders"]


def test_where_patience_is_over_few_runs_are_enough(tiny, racers, monkeypatch):
    monkeypatch.setattr(racing, "time", SlowTime())
    alone = racers()
    alone.deadline = 1e9
    monkeypatch.setattr(FakeContender, "ask", lambda self, request=None: answer(self, request))
    assert len(alone.race(job(tiny))["contenders"]["pysketch"]["runs_ms"]) == racing.LEAST_RUNS


class SlowTime:
    """Every look at the clock is ten seconds later."""

    def __init__(self):
        self.now = 0

    def monotonic(self):
        self.now += 10
        return self.now


def answer(contender, request):
    """As FakeContender's, whatever time is left."""
    if request == "check":
        np.savez(contender.folder / "1" / f"{contender.name}.npz", y=np.ones(1))
    return {"parts": PARTS, "device_bytes": None}


def test_a_piece_is_called_by_its_net_batch_and_phase():
    assert piece_name("netdefs/medium.prototxt", 8, "train") == "medium, batch 8, train"


@pytest.mark.slow
def test_real_processes_take_one_job_after_another_and_one_that_hangs_is_ended(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(DOUBLE), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("HANGING_BATCH", "3")
    monkeypatch.setattr(racing, "missing_libraries", lambda peer: [])
    plan = Plan("cpu", runs=3, threads=1, peers={"default": ("torch",)})
    racers = Racers(tmp_path, plan, "default", time.monotonic() + 300)
    try:
        for phase in ("test", "train"):
            found = racers.race(plan.job(tiny, phase, 2))
            assert found["contenders"]["torch"]["difference"] < 1e-6
            assert found["contenders"]["torch"]["device_bytes"] == 7 << 20
        racers.deadline = time.monotonic() + 5
        with pytest.raises((Partial, BenchmarkError), match="torch: no answer to job 3 in"):
            racers.race(plan.job(tiny, "test", 3))
    finally:
        racers.close()
