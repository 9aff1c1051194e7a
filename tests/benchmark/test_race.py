import json

import numpy as np
import pytest

from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import BenchmarkError, Spread, _compare, largest_difference, run_race


def test_the_largest_difference_is_relative_to_the_largest_magnitude():
    ours = {"a": np.array([1.0, -4.0]), "b": np.array([2.0])}
    assert largest_difference(ours, {"a": np.array([1.5, -4.0]), "b": np.array([2.0])}) == (0.125, "a")
    assert largest_difference(ours, ours) == (0.0, "b")


@pytest.mark.parametrize(
    "theirs", [{}, {"a": np.ones(3)}, {"a": np.array([1.0, np.nan])}, {"a": np.ones(2), "b": np.ones(1)}]
)
def test_what_is_missing_of_another_shape_or_not_finite_differs_infinitely(theirs):
    assert largest_difference({"a": np.ones(2)}, theirs)[0] == np.inf


class Fake:
    """A contender that has written its result."""

    def ask(self, request):
        assert request == "check"


def test_a_peer_that_computes_something_else_is_refused(tmp_path):
    for name, value in (("pysketch", 1.0), ("right", 1.0001), ("wrong", 1.1)):
        np.savez(tmp_path / f"{name}.npz", y=np.array([value]))
    assert _compare({"pysketch": Fake(), "right": Fake()}, tmp_path, 1e-3)["right"] == pytest.approx(1e-4, rel=1e-3)
    with pytest.raises(BenchmarkError, match=r'wrong: its "y" differs from ours by 0\.1 of the largest magnitude'):
        _compare({"pysketch": Fake(), "wrong": Fake()}, tmp_path, 1e-3)


def test_opencv_cannot_train(tiny, monkeypatch):
    monkeypatch.setattr("pysketch.benchmark.race.missing_libraries", lambda peer: [])
    with pytest.raises(BenchmarkError, match="opencv cannot train"):
        run_race(Job(tiny, "train"), ("opencv",), 3)


@pytest.mark.slow
def test_a_race_without_peers_times_ourselves(tiny):
    result = run_race(Job(tiny), (), 4)
    assert len(result.steps["pysketch"].runs) == 4
    assert result.ratios == {}
    assert [layer.name for layer in result.layers] == ["data", "conv1", "relu1", "conv2"]
    assert json.dumps(result.peak_bytes)


def test_a_spread_shows_median_and_quartiles():
    assert str(Spread([10.0, 20.0, 30.0])) == "20.0 (15.0-25.0)"
    assert Spread([3.0, 1.0, 2.0]).median == 2
