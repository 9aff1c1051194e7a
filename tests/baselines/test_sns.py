from __future__ import annotations

from functools import partial

import baseline_pairs
import numpy as np
from students import assert_recognised, needs_students

from pysketch.baselines.lle import LLE, reconstruction_weights
from pysketch.baselines.sns import SNS
from pysketch.baselines.sparse_coding import encode
from pysketch.images.pictures import to_luma

CONTRACT = {"sns": {"size": 5, "step": 3, "neighbours": 7, "most": 3, "reach": 2, "reach_step": 2}}


random_pairs = partial(baseline_pairs.random_pairs, h=9, w=8)


def test_each_patch_is_the_weighted_sum_of_the_neighbours_that_its_code_chooses():
    query, *pairs = random_pairs(8)
    baseline = SNS(size=4, step=4, neighbours=5, most=3, tolerance=0.1, reach=0, ridge=0.2)
    baseline.fit(pairs)
    drawn = baseline.draw(query.photo)
    q = to_luma(query.photo)[:4, :4].astype(float).ravel()
    candidates = np.array([to_luma(pair.photo)[:4, :4].astype(float).ravel() for pair in pairs])
    order = np.argsort(((candidates - q) ** 2).sum(axis=1))[:5]
    atoms = candidates[order] - q.mean()
    y = q - q.mean()
    codes = [encode(atoms / np.linalg.norm(atoms, axis=1, keepdims=True), y[None], most)[0] for most in (1, 2, 3)]
    dictionary = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    enough = [code for code in codes if ((y - code @ dictionary) ** 2).sum() <= 0.1 * (y**2).sum()]
    chosen = order[np.flatnonzero((enough or codes[-1:])[0])]
    w = reconstruction_weights((candidates[chosen] - q)[None], 0.2)[0]
    sketch = sum(a * pairs[k].sketch[:4, :4].astype(float) for a, k in zip(w, chosen, strict=True))
    np.testing.assert_allclose(drawn[:4, :4], sketch, rtol=1e-5)


def test_a_tolerance_decides_how_many_neighbours_there_are():
    rng = np.random.default_rng(1)
    queries, candidates = rng.normal(size=(6, 1, 9)), rng.normal(size=(6, 7, 9))
    numbers = []
    for tolerance in (0.9, 0.3, 0.0):
        chosen = SNS(most=5, tolerance=tolerance).chosen(queries, candidates)
        numbers.append(chosen.sum())
        assert chosen.any(axis=1).all()
        assert (chosen.sum(axis=1) <= 5).all()
    assert numbers[0] < numbers[1] < numbers[2] == 30


def test_a_patch_of_one_grey_takes_the_nearest_candidate():
    candidates = np.array([[[5.0, 5, 6], [9, 9, 1]]])
    assert SNS().chosen(np.full((1, 1, 3), 5.0), candidates).tolist() == [[True, False]]


def test_with_all_candidates_chosen_it_is_lle():
    query, *pairs = random_pairs(4, seed=2)
    options = {"size": 5, "step": 2, "neighbours": 3, "reach": 0, "ridge": 0.1}
    sparse, plain = SNS(most=3, tolerance=0.0, **options), LLE(**options)
    sparse.fit(pairs)
    plain.fit(pairs)
    np.testing.assert_allclose(sparse.draw(query.photo), plain.draw(query.photo), rtol=1e-3)


@needs_students
def test_each_twentieth_of_the_student_set_is_recognised():
    assert_recognised(SNS(), rmse=36)
