"""What the base class checks and does for every baseline, and the registry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from pysketch.baselines.baseline import BASELINES, Baseline, baseline_class, register
from pysketch.errors import BaselineError, DataError
from pysketch.images.pairs import Pair


@dataclass(kw_only=True)
class Ramp(Baseline):
    """Draws the grey levels low, low + 100, low + 200, ... whatever the photo."""

    name = "ramp"
    source = "nobody"

    low: float = -100

    def learn(self, pairs, progress):
        self.names = [pair.name for pair in pairs]

    def draw(self, photo):
        h, w = photo.shape[:2]
        return self.low + 100 * np.arange(h * w).reshape(h, w)


def pair(name, h=2, w=3, sketch_w=None):
    return Pair(name, np.zeros((h, w, 3), np.uint8), np.zeros((h, sketch_w or w), np.uint8))


def fitted(**options):
    baseline = Ramp(**options)
    baseline.fit([pair("a")])
    return baseline


def test_a_sketch_is_float32_and_clipped_to_the_grey_levels():
    sketch = fitted().sketch(np.zeros((2, 3, 3), np.uint8))
    assert sketch.dtype == np.float32
    assert sketch.tolist() == [[0, 0, 100], [200, 255, 255]]


def test_fit_hands_the_pairs_to_learn():
    baseline = Ramp()
    baseline.fit([pair("a"), pair("b")])
    assert baseline.names == ["a", "b"]


def test_a_sketch_before_fit_is_an_error():
    with pytest.raises(BaselineError, match=r'^baseline "ramp": nothing learned yet; fit it first$'):
        Ramp().sketch(np.zeros((2, 3, 3), np.uint8))


def test_no_pairs_are_an_error():
    with pytest.raises(DataError, match=r'^baseline "ramp": no pairs to learn from$'):
        Ramp().fit([])


@pytest.mark.parametrize(("other", "found"), [(pair("b", 4, 3), "3x4 and 3x4"), (pair("b", 2, 3, 5), "3x2 and 5x2")])
def test_pairs_of_several_sizes_are_an_error_that_names_the_pair(other, found):
    message = (
        f'baseline "ramp": pair b: expected a photo and a sketch of 3x2 (width x height) as in pair a, found {found}'
    )
    with pytest.raises(DataError) as error:
        Ramp().fit([pair("a"), other])
    assert str(error.value) == message


@pytest.mark.parametrize("photo", [np.zeros((3, 2, 3), np.uint8), np.zeros((2, 3), np.uint8), np.zeros((2, 3, 3))])
def test_a_photo_of_another_shape_or_dtype_is_an_error(photo):
    with pytest.raises(
        DataError, match=r"expected a uint8 photo of shape \(2, 3, 3\), as those it learned from; found"
    ):
        fitted().sketch(photo)


def test_options_are_keywords_and_others_are_refused():
    assert fitted(low=50).sketch(np.zeros((2, 3, 3), np.uint8))[0].tolist() == [50, 150, 250]
    with pytest.raises(TypeError):
        Ramp(lowest=50)


def test_chance_depends_on_the_seed_and_the_numbers_given():
    def draws(seed, *numbers):
        return Ramp(seed=seed).generator(*numbers).integers(0, 1 << 40, 4).tolist()

    assert draws(3, 1) == draws(3, 1)
    assert len({tuple(draws(*each)) for each in ((3, 1), (3, 2), (4, 1), (3,))}) == 4


def test_a_registered_baseline_is_found_by_its_name(monkeypatch):
    monkeypatch.setattr("pysketch.baselines.baseline.BASELINES", {})
    assert register(Ramp) is Ramp
    assert baseline_class("ramp") is Ramp


def test_an_unknown_name_is_an_error_with_the_nearest_and_all_known():
    known = ", ".join(BASELINES)
    with pytest.raises(BaselineError) as error:
        baseline_class("gray")
    assert str(error.value) == f'unknown baseline "gray"; did you mean "grey"?; known baselines: {known}'
