from __future__ import annotations

import sys

import numpy as np
import pytest
from students import assert_recognised, needs_students

from pysketch.baselines.baseline import Baseline
from pysketch.baselines.et import ET
from pysketch.baselines.svr import SVR, Correction
from pysketch.errors import BaselineError
from pysketch.images.pairs import Pair

CONTRACT = {"svr": {"first": ET(region=None), "folds": 2, "size": 5, "block": 4, "samples": 40, "components": 3}}
NEEDS = {"svr": "sklearn"}


class Flat(Baseline):
    """Draws every photo in one grey."""

    name = "flat"

    def learn(self, pairs, progress):
        assert pairs

    def draw(self, photo):
        return np.full(photo.shape[:2], 100)


class Linear:
    """In place of a machine: z(x) = the first half of x."""

    def predict(self, x):
        return x[:, : x.shape[1] // 2]


def pairs_whose_sketch_is_half_the_photos_detail(n, h=17, w=14, seed=0):
    rng = np.random.default_rng(seed)
    pairs = []
    for i in range(n):
        wave = rng.uniform(-1, 1) * np.sin(np.arange(h)[:, None] / 2 + rng.uniform(0, 6)) * np.ones(w)
        photo = np.repeat(np.uint8(128 + 80 * wave)[..., None], 3, axis=2)
        pairs.append(Pair(str(i), photo, np.uint8(100 + 40 * wave)))
    return pairs


def test_a_correction_is_the_machines_in_the_units_of_the_detail():
    correction = Correction(Linear(), [2.0, 5.0, 10.0], np.array([[0.0, 1.0], [1.0, 0.0]]))
    p, f = np.array([[4.0, -4.0], [2.0, -2.0]]), np.array([[5.0, -5.0], [0.0, 0.0]])
    np.testing.assert_array_equal(correction.inputs(p, f), [[2, -2, 1, -1], [1, -1, 0, 0]])
    np.testing.assert_array_equal(correction.predict(p, f), [[-20, 20], [-10, 10]])


def test_the_detail_that_the_first_method_lacks_is_learned():
    pytest.importorskip("sklearn", reason='needs pip install -e ".[baselines]"')
    query, *pairs = pairs_whose_sketch_is_half_the_photos_detail(13)
    baseline = SVR(first=Flat(), folds=3, size=5, step=2, block=4, samples=150, components=4, C=10, epsilon=0.05)
    baseline.fit(pairs)
    mean = baseline.grid.cut(query.sketch.astype(float)).mean(axis=(2, 3), keepdims=True)
    wanted = baseline.grid.average(100 + baseline.grid.cut(query.sketch.astype(float)) - mean)
    error = np.sqrt(((baseline.sketch(query.photo) - wanted) ** 2).mean())
    assert error < 0.3 * np.sqrt(((wanted - 100) ** 2).mean())


def test_every_place_of_the_grid_is_in_one_block():
    pytest.importorskip("sklearn", reason='needs pip install -e ".[baselines]"')
    baseline = SVR(first=Flat(), folds=2, size=5, step=2, block=3, samples=20, components=2)
    calls = []
    baseline.fit(pairs_whose_sketch_is_half_the_photos_detail(3), lambda done, total: calls.append((done, total)))
    assert baseline.grid.shape == (7, 6)
    assert calls == [(done, 3 + 3 * 2) for done in range(1, 10)]


def test_without_scikit_learn_nothing_is_drawn_before_the_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(BaselineError, match=r"scikit-learn is not installed"):
        SVR(first=None).fit(pairs_whose_sketch_is_half_the_photos_detail(2))


@needs_students
def test_each_twentieth_of_the_student_set_is_recognised():
    pytest.importorskip("sklearn", reason='needs pip install -e ".[baselines]"')
    assert_recognised(SVR(samples=100, components=3, folds=2), rmse=39, train_every=8)
