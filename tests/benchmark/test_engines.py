"""The engines measured beside the model that chooses among them."""

import pytest

from pysketch.benchmark.engines import Trial, factor, measure_engines, report_engines, slower, speedup, summary_engines
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import Spread
from pysketch.native import describe, kernels


def trial(layer, way, chosen, expected, measured):
    return Trial(layer, "3x3, 4 -> 5, 7x6", way, chosen, expected, Spread([measured] * 3))


TRIALS = [
    trial("a", "gemm", True, 1.0, 2.0),
    trial("a", "strips", False, 1.5, 2.5),
    trial("b", "gemm", False, 3.0, 6.0),
    trial("b", "winograd", True, 2.0, 9.0),
]


def test_the_models_times_are_brought_to_this_machine_by_one_factor():
    assert factor(TRIALS) == 2.0
    found = summary_engines(Job("net", threads=2), TRIALS)
    assert [layer["model_ms"] for layer in found["layers"]] == [2.0, 3.0, 6.0, 4.0]


def test_a_wrong_choice_is_counted_and_shown():
    assert slower(TRIALS) == {"a": 1.0, "b": 1.5}
    lines = report_engines(Job("net"), TRIALS)
    assert (
        "The fastest engine is chosen in 1 of 2 layers; elsewhere the chosen one takes at most 1.50 times" in lines[-1]
    )
    (row,) = (line.split() for line in lines if "winograd" in line)
    assert row[-5:-2] == ["<", "4.00", "9.00"]
    assert row[-1] == "-56%"


def test_every_convolution_is_measured_in_every_way_that_fits(tiny):
    trials = measure_engines(Job(tiny, threads=2), 3)
    assert {trial.layer for trial in trials} == {"conv1", "conv2"}
    for layer in ("conv1", "conv2"):
        ways = [trial for trial in trials if trial.layer == layer]
        assert [trial.chosen for trial in ways].count(True) == 1
        assert {"gemm"} <= {trial.way for trial in ways}
    assert all(trial.measured.median > 0 and trial.expected > 0 for trial in trials)


@pytest.mark.parametrize("batch", [1, 3])
def test_the_models_time_grows_with_the_batch(tiny, batch):
    (first, *_), (alone, *_) = (measure_engines(Job(tiny, batch=n), 3) for n in (batch, 1))
    assert first.expected == pytest.approx(batch * alone.expected)


def test_cores_that_a_net_can_feed_are_counted_by_its_blocks():
    one = Trial("a", "", "direct", True, 1.0, Spread([4.0] * 3), {1: 1.0, 2: 0.5, 4: 0.5, 8: 0.25, 16: 0.25, 32: 0.25})
    two = Trial("b", "", "direct", True, 1.0, Spread([2.0] * 3), {1: 1.0, 2: 0.5, 4: 0.25, 8: 0.25, 16: 0.25, 32: 0.25})
    slow = Trial("b", "", "gemm", False, 1.0, Spread([9.0] * 3))
    # measured on two cores: 6 ms; on one 12, on four 4 + 1
    found = speedup([one, two, slow], 2)
    assert found == pytest.approx({2: 2, 4: 12 / 5, 8: 12 / 3, 16: 4, 32: 4})
    assert speedup([slow], 2) == speedup([one], 3) == {}
    assert (
        "so many cores are so many times as fast as one: 2: 2.0, 4: 2.4,"
        in report_engines(Job("net", threads=2), [one, two])[-1]
    )


@pytest.mark.skipif(kernels() is None, reason=describe())
def test_the_shares_of_compiled_layers_are_those_of_their_blocks(tiny):
    for trial in measure_engines(Job(tiny, threads=2), 3):
        assert bool(trial.shares) is trial.chosen
        if trial.chosen:
            assert trial.shares[1] == 1
            assert 0 < trial.shares[32] <= trial.shares[8] <= trial.shares[2] <= 1
