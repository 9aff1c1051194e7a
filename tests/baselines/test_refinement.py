from __future__ import annotations

from dataclasses import dataclass

import baseline_pairs
import numpy as np
import pytest

from pysketch.baselines.baseline import Baseline
from pysketch.baselines.refinement import Refinement, left_out_sketches
from pysketch.errors import BaselineError, DataError
from pysketch.images.pictures import to_luma


class Known(Baseline):
    """Draws a photo's luma; keeps whom it has learned from and who it drew then."""

    name = "known"

    def learn(self, pairs, progress):
        self.names = [pair.name for pair in pairs]
        self.lumas = {to_luma(pair.photo).tobytes() for pair in pairs}

    def draw(self, photo):
        luma = to_luma(photo)
        return np.zeros(luma.shape) if luma.tobytes() in self.lumas else luma


@dataclass(kw_only=True)
class Recorder(Refinement):
    """Keeps what it learns from, and corrects by p - 2 f."""

    name = "recorder"

    def learn_correction(self, p, f, difference, progress):
        self.learned = p, f, difference
        progress(1, 1)

    def correct(self, p, f):
        return p - 2 * f


def random_pairs(n):
    return baseline_pairs.random_pairs(n, 7, 5, seed=n, high=200)


@pytest.mark.parametrize("folds", [2, 3, 9])
def test_no_pair_is_drawn_by_a_method_that_knows_it(folds):
    pairs, first, calls = random_pairs(5), Known(), []
    sketches = left_out_sketches(first, pairs, folds, lambda done, total: calls.append((done, total)))
    np.testing.assert_array_equal(sketches, [to_luma(pair.photo) for pair in pairs])
    assert first.names == [pair.name for pair in pairs]
    assert calls == [(done, 5) for done in range(1, 6)]


@pytest.mark.parametrize(("n", "folds"), [(1, 4), (3, 1)])
def test_a_pair_that_cannot_be_drawn_from_others_is_an_error(n, folds):
    message = rf'^baseline "known": expected at least 2 pairs and 2 folds, .*; found {n} and 1$'
    with pytest.raises(DataError, match=message):
        left_out_sketches(Known(), random_pairs(n), folds, lambda done, total: None)


def test_it_learns_from_details_and_what_the_first_sketch_lacks():
    pairs = random_pairs(3)
    baseline = Recorder(first=Known(), folds=2, size=3, step=2)
    baseline.fit(pairs)
    p, f, difference = baseline.learned
    assert p.shape == (3, 3, 2, 9)
    patches = [image[2:5, 0:3].ravel().astype(float) for image in (to_luma(pairs[1].photo), pairs[1].sketch)]
    photo, sketch = (patch - patch.mean() for patch in patches)
    np.testing.assert_allclose(p[1, 1, 0], photo, atol=1e-4)
    np.testing.assert_allclose(f[1, 1, 0], photo, atol=1e-4)
    np.testing.assert_allclose(difference[1, 1, 0], sketch - photo, atol=1e-4)


def test_it_adds_the_correction_to_the_first_sketch_patch_by_patch():
    query, *pairs = random_pairs(4)
    baseline = Recorder(first=Known(), folds=2, size=3, step=2)
    baseline.fit(pairs)
    luma = to_luma(query.photo).astype(float)
    total, count = np.zeros((7, 5)), np.zeros((7, 5))
    for y in (0, 2, 4):
        for x in (0, 2):
            patch = luma[y : y + 3, x : x + 3]
            total[y : y + 3, x : x + 3] += patch - (patch - patch.mean())
            count[y : y + 3, x : x + 3] += 1
    np.testing.assert_allclose(baseline.draw(query.photo), total / count, atol=1e-3)


def test_two_that_were_given_the_same_first_method_do_not_share_it():
    query, *pairs = random_pairs(4)
    first, other = (Recorder(first=Known(), folds=2, size=3, step=2) for _ in range(2))
    other.first = first.first
    first.fit(pairs)
    drawn = first.draw(query.photo)
    other.fit([query, *pairs])
    np.testing.assert_array_equal(first.draw(query.photo), drawn)


def test_a_patch_larger_than_the_images_is_an_error():
    with pytest.raises(
        BaselineError, match=r'^baseline "recorder": size 6 does not fit 5x7 images \(width x height\)$'
    ):
        Recorder(first=Known(), size=6).fit(random_pairs(2))
