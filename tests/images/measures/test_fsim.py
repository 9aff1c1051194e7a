"""FSIM: equal pictures, symmetry, the formula on a small pair, and how large pictures are reduced."""

import sys

import numpy as np
import pytest

from pysketch.images.measures.fsim import _reduced, fsim
from pysketch.images.measures.phase_congruency import phase_congruency

RNG = np.random.default_rng(5)
ONE, OTHER = (RNG.integers(0, 256, (18, 21)).astype(np.uint8) for _ in range(2))


def test_equal_pictures_have_1_and_flat_ones_too():
    assert fsim(ONE, ONE) == pytest.approx(1)
    assert fsim(np.full((16, 18), 9), np.full((16, 18), 9)) == 1


def test_it_does_not_matter_which_is_which():
    assert fsim(ONE, OTHER) == pytest.approx(fsim(OTHER, ONE))
    assert fsim(ONE, OTHER) < 0.99


def test_it_is_the_formula_pixel_by_pixel():
    def scharr(image, y, x):
        at = np.pad(image.astype(float), 1)[y : y + 3, x : x + 3]
        mask = np.array([[3, 10, 3], [0, 0, 0], [-3, -10, -3]]) / 16
        return np.hypot((at * mask).sum(), (at * mask.T).sum())

    p1, p2 = phase_congruency(ONE), phase_congruency(OTHER)
    top = below = 0.0
    for y, x in np.ndindex(ONE.shape):
        g1, g2 = scharr(ONE, y, x), scharr(OTHER, y, x)
        phase = (2 * p1[y, x] * p2[y, x] + 0.85) / (p1[y, x] ** 2 + p2[y, x] ** 2 + 0.85)
        weight = max(p1[y, x], p2[y, x])
        top += weight * phase * (2 * g1 * g2 + 160) / (g1**2 + g2**2 + 160)
        below += weight
    assert fsim(ONE, OTHER) == pytest.approx(top / below)


def test_a_blurred_picture_is_less_alike_than_a_lighter_one():
    image = np.kron(RNG.integers(0, 200, (6, 7)), np.ones((8, 8)))
    blurred = (image + np.roll(image, 3, 0) + np.roll(image, 3, 1)) / 3
    assert fsim(blurred, image) < fsim(image + 40, image) < 1.0001


def test_large_pictures_are_reduced_to_means_of_squares(monkeypatch):
    image = np.arange(30.0).reshape(5, 6)
    reduced = _reduced(image, 2)
    assert reduced.shape == (3, 3)
    assert reduced[1, 1] == image[2:4, 2:4].mean()
    monkeypatch.setattr(sys.modules[fsim.__module__], "_SIDE", 8)  # 18 is twice as large
    assert fsim(ONE, OTHER) == pytest.approx(fsim(*(_reduced(each.astype(float), 2) for each in (ONE, OTHER))))
