from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from pysketch.benchmark.card import calls
from pysketch.benchmark.card.calls import WARM_UPS, counted, of_iteration, of_step, pieces
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.race import BenchmarkError
from pysketch.device.backend import CPU


class Counter:
    """Counts what it is told of between its opening and its end."""

    open = False

    def __init__(self, major):
        assert major == 13
        self.names = SimpleNamespace(most_common=lambda: [("cuLaunchKernel", self.number)])
        self.number = 0

    def __enter__(self):
        Counter.open, Counter.last = True, self
        return self

    def __exit__(self, *exception):
        Counter.open = False

    def kinds(self):
        return {"launches": self.number}


@pytest.fixture
def nvidia(monkeypatch):
    """A device of which NVIDIA's driver would tell, whose work is done on the CPU."""
    monkeypatch.setattr(calls, "DriverCalls", Counter)
    monkeypatch.setattr(calls, "cuda_versions", lambda device: {"runtime": 13020})
    xp = SimpleNamespace(cuda=SimpleNamespace(runtime=SimpleNamespace(is_hip=False)))
    return SimpleNamespace(xp=xp, synchronize=lambda: None)


def test_only_a_call_after_the_first_ones_is_counted(nvidia):
    done = []

    def call():
        done.append(Counter.open)
        if Counter.open:
            Counter.last.number += 5

    assert counted(call, nvidia) == {"launches": 5, "by_name": {"cuLaunchKernel": 5}}
    assert done == [False] * WARM_UPS + [True]


def test_steps_to_draw_and_to_learn_run(tiny, nvidia):
    for phase in ("test", "train"):
        assert of_step(Plan("cpu", threads=1).job(tiny, phase, 2), nvidia)["launches"] == 0


@pytest.mark.slow
def test_an_iteration_of_a_training_runs(nvidia, few_faces, monkeypatch):
    monkeypatch.setattr(calls, "counted", lambda call, device: (call(), call(), {})[2])
    assert of_iteration(Plan("cpu"), CPU) == {}


def test_only_nvidias_driver_tells(gpu):
    if gpu.xp.cuda.runtime.is_hip:
        with pytest.raises(BenchmarkError, match="calls are counted by CUPTI, which knows NVIDIA's driver only"):
            counted(lambda: None, gpu)


def test_the_batch_is_the_second_of_the_plan(tiny):
    names = ["tiny, batch 8, test", "tiny, batch 8, train", "an iteration of quick_solver.txt"]
    assert list(pieces(Plan("cpu", nets=(tiny,)), ExitStack(), 0)) == names
    first, *_ = pieces(Plan("cpu", nets=(tiny,), batches=(3,), solver=None), ExitStack(), 0)
    assert first == "tiny, batch 3, test"
