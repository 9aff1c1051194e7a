"""A sketch that is looked for: against loops over every transform, and what it finds of itself."""

import math

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic, warp
from pysketch.search.describe import DETAIL_SCALE, OUTLINE_SCALE, describe
from pysketch.search.matching import ACROSS, DOWN, SIZES, TURNS, Query, _distances
from pysketch.search.views import INNER_VIEWS


@pytest.fixture(scope="module")
def sketches():
    return [synthetic.draw_sketch(synthetic.random_face(900000 + k)) for k in range(4)]


@pytest.fixture(scope="module")
def gallery(sketches):
    """Their details, (4, DETAIL), and outlines, (4, OUTLINE)."""
    found = [describe(each) for each in sketches]
    return np.stack([each.detail for each in found]), np.stack([each.outline for each in found])


def moved(sketch, shift=(0, 0), turn=0.0, size=1.0):
    """Moved across and down, turned anticlockwise as seen and grown, about the middle."""
    angle = np.radians(turn)
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / size
    middle = np.array([99.5, 124.5])
    return warp(sketch, np.column_stack([linear, middle - linear @ (middle + shift)]), (200, 250))


def test_a_distance_is_1_less_the_best_correlation_over_all_transforms(sketches, gallery):
    query, (details, outlines) = Query(sketches[0]), gallery
    count = len(DOWN) * len(ACROSS) * len(TURNS) * len(SIZES)
    assert (len(query.details), len(query.outlines)) == (count, count)
    for k in range(2):
        best = max(float(row.astype(float) @ details[k]) for row in query.details) / DETAIL_SCALE
        assert query.distances(details)[k] == pytest.approx(1 - best, abs=1e-5)
        best = max(float(row.astype(float) @ outlines[k]) for row in query.outlines) / OUTLINE_SCALE
        assert query.outline_distances(outlines)[k] == pytest.approx(1 - best, abs=1e-5)
    np.testing.assert_allclose(np.linalg.norm(query.details, axis=1), 1, atol=1e-5)


def test_of_the_inner_face_it_is_1_less_the_correlation_at_its_place(sketches):
    query, details = Query(sketches[0], INNER_VIEWS), [describe(each, INNER_VIEWS).detail for each in sketches]
    best = max(float(row.astype(float) @ details[1]) for row in query.details) / DETAIL_SCALE
    distances = query.distances(np.stack(details))
    assert distances[1] == pytest.approx(1 - best, abs=1e-5)
    assert len(query.details) == 1  # it is not moved
    assert distances[0] == pytest.approx(0, abs=0.01)
    assert distances.argmin() == 0


def test_what_each_number_adds_is_added_up_to_the_best_correlation(sketches, gallery):
    query, (details, _) = Query(sketches[0]), gallery
    added = query.contributions(details[1])
    best = query.details[np.argmax(query.details @ details[1].astype(np.float32))]
    assert math.fsum(added.tolist()) == pytest.approx(1 - query.distances(details)[1], abs=1e-5)
    np.testing.assert_allclose(added, [q * d / DETAIL_SCALE for q, d in zip(best, details[1], strict=True)], rtol=1e-5)


def test_nobody_is_nearer_than_oneself(sketches, gallery):
    for k, sketch in enumerate(sketches):
        distances = Query(sketch).distances(gallery[0])
        assert distances[k] == pytest.approx(0, abs=0.01)
        assert distances.argmin() == k
        assert np.delete(distances, k).min() > 0.2


@pytest.mark.parametrize(
    ("shift", "turn", "size"),
    [((4, 0), 0, 1), ((-4, 4), 0, 1), ((0, 0), 3, 1), ((0, 0), -3, 1), ((0, 0), 0, 1.04), ((4, -4), 3, 0.96)],
)
def test_a_sketch_that_lies_a_little_elsewhere_finds_its_own_almost_as_near(sketches, gallery, shift, turn, size):
    query = Query(moved(sketches[0], shift, turn, size))
    middle = len(query.details) // 2
    searched, plain = query.distances(gallery[0]), 1 - query.details[middle] @ gallery[0][0] / DETAIL_SCALE
    assert searched.argmin() == 0
    assert searched[0] < 0.12
    assert searched[0] < 0.7 * plain


def test_one_between_the_steps_finds_its_own_first(sketches, gallery):
    distances = Query(moved(sketches[1], (2, -2), 1.5, 1.02)).distances(gallery[0])
    assert distances.argmin() == 1
    assert distances[1] < 0.75 * np.delete(distances, 1).min()


@pytest.mark.parametrize("change", [lambda s: s * 0.5 + 100, lambda s: 255 * (s / 255) ** 1.6, lambda s: s * 0.3])
def test_another_tone_finds_its_own_first(sketches, gallery, change):
    distances = Query(np.rint(change(sketches[2].astype(float))).astype(np.uint8)).distances(gallery[0])
    assert distances.argmin() == 2
    assert distances[2] < 0.15


def test_a_gallery_larger_than_a_block_is_compared_as_a_small_one_is():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3)).astype(np.float32)
    others = rng.integers(-127, 128, ((1 << 22) // 3 + 5, 3)).astype(np.int8)
    found = _distances(query, others, 100.0)
    for k in (0, 1234567, len(others) - 1):
        assert found[k] == pytest.approx(1 - max(float(row @ others[k]) for row in query) / 100, rel=1e-5, abs=1e-5)
    assert _distances(query, others[:0], 100.0).shape == (0,)


def test_a_sketch_larger_than_the_frame_is_refused():
    with pytest.raises(DataError, match="expected an aligned sketch of 200x250 pixels, found 200x260"):
        Query(np.zeros((260, 200), np.uint8))
