import numpy as np
import pytest

from pysketch.benchmark import search_reference
from pysketch.benchmark.search_reference import Everybody, nearest, thirds_of
from pysketch.search import DETAIL_SCALE, Query, outlines
from pysketch.search.describe import DETAIL


class Given(Query):
    """A query of these details."""

    def __init__(self, details):
        self.details, self.outlines = details, outlines(details)


@pytest.fixture(scope="module")
def people():
    """Sixty people, mixed of a pool of eight, of whom two are the same; numbers above 60 are clipped."""
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(8, DETAIL)) + rng.normal(size=DETAIL)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pool = np.rint(vectors * DETAIL_SCALE).astype(np.int8)
    sources, owner = rng.integers(8, size=(60, 3)).astype(np.int32), np.arange(DETAIL) % 3
    sources[7] = sources[8]
    whole = pool[sources[:, owner], np.arange(DETAIL)]
    factors = 1 / np.linalg.norm(whole, axis=1, keepdims=True)
    details = np.clip(np.rint(whole * factors * DETAIL_SCALE), -60, 60).astype(np.int8)
    rest = np.linalg.norm(whole * factors - details / DETAIL_SCALE, axis=1, keepdims=True)
    fit = np.hstack([factors, rest]).astype(np.float32)
    return Everybody(np.zeros((60, 4), np.int8), details, sources, fit, owner, thirds_of(pool, owner))


@pytest.fixture(params=[1, 8, 1024])
def likely(request, monkeypatch):
    """How many people are looked at first; and three at a time."""
    monkeypatch.setattr(search_reference, "_LIKELY", request.param)
    monkeypatch.setattr(search_reference, "_BLOCK", 3)


def query_of(people, row, noise, seed=0):
    rng = np.random.default_rng(seed)
    vector = people.details[row] / DETAIL_SCALE + noise * rng.normal(size=(5, DETAIL)) / np.sqrt(DETAIL)
    return Given((vector / np.linalg.norm(vector, axis=1, keepdims=True)).astype(np.float32))


@pytest.mark.parametrize("row", [0, 3, 9, 40])
@pytest.mark.parametrize("noise", [0.3, 1.5, 6.0])
def test_the_nearest_is_who_the_exact_matcher_puts_first(people, row, noise, likely):
    query = query_of(people, row, noise)
    distances = query.distances(people.details)
    found = nearest(query, people)
    assert found.row == distances.argmin()
    assert found.distance == pytest.approx(distances.min(), abs=1e-6)


def test_whoever_cannot_be_nearest_is_not_compared(people):
    assert nearest(query_of(people, 3, 0.1), people).compared == 1
    assert nearest(query_of(people, 7, 0.1), people).compared == 2


def test_somebody_whose_rest_may_make_him_the_nearest_is_compared(people):
    doubtful = people.fit.copy()
    doubtful[40, 1] = 2
    assert nearest(query_of(people, 3, 0.1), people._replace(fit=doubtful)).compared >= 2


def test_a_part_of_all_people_knows_of_no_other(people):
    query = query_of(people, 3, 0.1)
    found = nearest(query, people.part(slice(4, 60)))
    assert found.row == query.distances(people.details[4:]).argmin()
