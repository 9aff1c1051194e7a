from __future__ import annotations

from functools import partial

import baseline_pairs
import numpy as np
import pytest
from students import needs_students, students

from pysketch.baselines.et import ET, kept_eigenvectors
from pysketch.errors import BaselineError, DataError
from pysketch.images.metrics import cumulative_match_score, own_ranks, squared_distances
from pysketch.images.pairs import Pair
from pysketch.images.pictures import to_luma
from pysketch.report.evaluation import evaluate

CONTRACT = {"et": {"region": None}}


random_pairs = partial(baseline_pairs.random_pairs, h=7, w=5)


def fitted(pairs, **options):
    baseline = ET(**{"region": None, **options})
    baseline.fit(pairs)
    return baseline


def naive(pairs, photo, k):
    """Projects on k eigenphotos, the left singular vectors of the photos as columns, then rebuilds by sketches."""
    columns = np.stack([to_luma(pair.photo).ravel().astype(float) for pair in pairs], axis=1)
    mean = columns.mean(axis=1, keepdims=True)
    U, d, Vt = np.linalg.svd(columns - mean, full_matrices=False)
    b = U[:, :k].T @ (to_luma(photo).ravel()[:, None] - mean)  # the photo in eigenphotos
    c = Vt[:k].T @ (b / d[:k, None])  # an eigenphoto is sum_n V_n / d P_n
    sketches = np.stack([pair.sketch.astype(float) for pair in pairs])
    mean_sketch = sketches.mean(axis=0)
    return mean_sketch + sum(c[n, 0] * (sketches[n] - mean_sketch) for n in range(len(pairs)))


@pytest.mark.parametrize("energy", [0.3, 0.6, 0.9, 1.0])
def test_the_sketch_is_the_projection_on_eigenphotos_rebuilt_by_sketches(energy):
    query, *pairs = random_pairs(7)
    columns = np.stack([to_luma(pair.photo).ravel().astype(float) for pair in pairs], axis=1)
    shares = np.linalg.svd(columns - columns.mean(axis=1, keepdims=True))[1][:5] ** 2
    shares = np.cumsum(shares) / shares.sum()
    k = next(n for n in range(1, 6) if shares[n - 1] >= energy - 1e-9)
    drawn = fitted(pairs, energy=energy).draw(query.photo)
    np.testing.assert_allclose(drawn, naive(pairs, query.photo, k), rtol=1e-4, atol=1e-2)


def test_with_all_components_a_training_photo_gives_its_own_sketch():
    pairs = random_pairs(6)
    baseline = fitted(pairs, energy=1)
    for pair in pairs:
        np.testing.assert_allclose(baseline.sketch(pair.photo), pair.sketch, atol=0.01)


def test_fewer_components_do_not():
    pairs = random_pairs(6)
    baseline = fitted(pairs, energy=0.5)
    assert np.abs(baseline.sketch(pairs[0].photo) - pairs[0].sketch).max() > 1


def test_only_the_region_of_the_photo_counts_and_all_of_the_sketch_is_drawn():
    query, *pairs = random_pairs(5)
    baseline = fitted(pairs, region=(3, 5))
    changed = np.zeros_like(query.photo)
    changed[1:6, 1:4] = query.photo[1:6, 1:4]
    drawn = baseline.draw(query.photo)
    assert drawn.shape == (7, 5)
    np.testing.assert_array_equal(baseline.draw(changed), drawn)
    changed[1, 1] ^= 128
    assert np.abs(baseline.draw(changed) - drawn).max() > 0.1


def test_a_region_larger_than_the_photo_is_an_error():
    with pytest.raises(DataError, match="a 155x200 crop does not fit a 5x7 image"):
        ET().fit(random_pairs(2))


@pytest.mark.parametrize("n", [1, 3])
def test_equal_photos_give_the_mean_sketch(n):
    pair, *others = random_pairs(n)
    pairs = [Pair(each.name, pair.photo, each.sketch) for each in [pair, *others]]
    mean = np.mean([each.sketch for each in pairs], axis=0)
    np.testing.assert_allclose(fitted(pairs).sketch(random_pairs(1, seed=9)[0].photo), mean, rtol=1e-6)


@pytest.mark.parametrize("energy", [0, -0.5, 1.01])
def test_an_energy_outside_of_0_to_1_is_an_error(energy):
    with pytest.raises(BaselineError, match=f'^baseline "et": energy must be above 0 and at most 1, found {energy}$'):
        fitted(random_pairs(3), energy=energy)


@pytest.mark.parametrize(("energy", "kept"), [(0.1, 1), (0.6, 1), (0.61, 2), (0.9, 2), (0.91, 3), (1, 3)])
def test_as_few_eigenvalues_are_kept_as_hold_the_energy(energy, kept):
    L, V = kept_eigenvectors(np.diag([0, 3.0, 1, 6]), energy)
    np.testing.assert_allclose(L, [6, 3, 1][:kept])
    np.testing.assert_allclose(np.abs(V), np.eye(4)[:, [3, 1, 2][:kept]], atol=1e-12)


@needs_students
def test_all_components_of_whole_photos_recognise_as_measured_before():
    baseline = fitted(students("train"), energy=1)
    drawn = [baseline.draw(pair.photo) for pair in students("test")]
    ranks = own_ranks(squared_distances(drawn, [pair.sketch for pair in students("test")]))
    assert [cumulative_match_score(ranks, n) for n in (1, 3, 5, 10)] == pytest.approx([71, 88, 92, 94])


@needs_students
def test_the_student_set_is_recognised_at_least_as_in_the_paper():
    baseline = ET()
    baseline.fit(students("train"))
    scores = evaluate("et", baseline.sketch, students("test"))
    for n, at_least in ((1, 71), (3, 81), (5, 88), (10, 96)):
        assert scores.matched(n) >= at_least
    assert scores.rmses.mean() < 40
