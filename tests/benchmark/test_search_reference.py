import numpy as np
import pytest

from pysketch.benchmark.search_reference import _bounds, everybody, further_basis, nearest
from pysketch.search import DETAIL_SCALE, Query, outlines
from pysketch.search.describe import DETAIL


class Given(Query):
    """A query of these details."""

    def __init__(self, details):
        self.details, self.outlines = details, outlines(details)


@pytest.fixture(scope="module")
def people():
    """Sixty people: two whose details are alike, nothing, and others as in life, who share some."""
    rng = np.random.default_rng(2)
    kinds = rng.normal(size=(8, DETAIL))
    vectors = kinds[rng.integers(8, size=60)] + 0.7 * rng.normal(size=(60, DETAIL))
    vectors[7] = vectors[8]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    details = np.clip(np.rint(vectors * DETAIL_SCALE), -127, 127).astype(np.int8)
    details[9] = 0
    return everybody(details, further_basis(details, 16))


def query_of(people, row, noise, seed=0):
    rng = np.random.default_rng(seed)
    vector = people.details[row] / DETAIL_SCALE + noise * rng.normal(size=(5, DETAIL)) / np.sqrt(DETAIL)
    return Given((vector / np.linalg.norm(vector, axis=1, keepdims=True)).astype(np.float32))


def test_directions_of_the_second_projection_are_orthonormal_and_orthogonal_to_outlines(people):
    np.testing.assert_allclose(people.basis @ people.basis.T, np.eye(16), atol=1e-5)
    np.testing.assert_allclose(outlines(people.basis), 0, atol=1e-5)


def test_no_product_exceeds_its_bound(people):
    query = query_of(people, 3, 0.5)
    other = query_of(people, 5, 0.2)
    bounds = _bounds([query, other], people, 2)
    for each, its_bounds in zip((query, other), bounds, strict=True):
        assert (1 - each.distances(people.details) <= its_bounds + 1e-5).all()
    assert (bounds < 1.5).all()


@pytest.mark.parametrize("row", [0, 3, 9, 40])
@pytest.mark.parametrize("noise", [0.3, 1.5])
def test_the_nearest_is_who_the_exact_matcher_puts_first(people, row, noise):
    query = query_of(people, row, noise)
    distances = query.distances(people.details)
    other = query_of(people, 5, 0.2)
    for found in nearest([query, other, query], [np.array([1, 2]), np.array([1]), np.array([row])], people)[::2]:
        assert found.row == distances.argmin()
        assert found.distance == pytest.approx(distances.min(), abs=1e-6)


def test_whoever_cannot_be_nearest_is_not_compared(people):
    queries = [query_of(people, row, 0.1) for row in (3, 3, 7)]
    compared = [found.compared for found in nearest(queries, [np.array([row]) for row in (3, 4, 7)], people)]
    assert (compared[0], compared[2]) == (1, 2)
    assert compared[1] > 1


def test_a_part_of_all_people_knows_of_no_other(people):
    query = query_of(people, 3, 0.1)
    (found,) = nearest([query], [np.array([0])], people.part(slice(4, 60)))
    assert found.row == query.distances(people.details[4:]).argmin()
