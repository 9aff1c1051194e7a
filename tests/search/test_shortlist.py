import tracemalloc

import numpy as np
import pytest

from pysketch.search.shortlist import FEW, Exhaustive, candidate_count, largest, spread


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def outlines_of(rng, count, width=24):
    return rng.integers(-100, 101, (count, width)).astype(np.int8)


def moved(rng, vector, count):
    """Transforms that differ as a sketch's do: a little."""
    return (vector + 0.2 * np.linalg.norm(vector) * rng.normal(0, 1 / 5, (count, len(vector)))).astype(np.float32)


def naive(outlines, transforms):
    return np.array([max(float(np.dot(row.astype(float), each)) for each in transforms) for row in outlines])


def test_a_thousand_are_compared_and_of_a_million_four_thousand():
    assert [candidate_count(rows) for rows in (10, 250_000, 300_000, 1_000_000)] == [1000, 1000, 1200, 4000]


@pytest.mark.parametrize("count", [1, 7, 60])
def test_the_candidates_are_those_that_plain_loops_find(rng, count):
    outlines, transforms = outlines_of(rng, 90), rng.normal(size=(5, 24)).astype(np.float32)
    expected = np.sort(np.argsort(-naive(outlines, transforms), kind="stable")[:count])
    assert Exhaustive(outlines).nearest(transforms, count).tolist() == expected.tolist()


def test_the_best_transform_counts_in_every_block(rng):
    outlines, transforms = outlines_of(rng, 16 * 512 + 5), rng.normal(size=(3, 24)).astype(np.float32)
    found, rows = Exhaustive(outlines).correlations(transforms, outlines), [0, 511, 512, 8191, 8192, -1]
    np.testing.assert_allclose(found[rows], naive(outlines[rows], transforms), rtol=1e-5)


def test_a_few_transforms_choose_whom_all_are_tried_on(rng):
    outlines = outlines_of(rng, 400)
    transforms = moved(rng, outlines[5], 5 * FEW)
    expected = np.sort(largest(naive(outlines, transforms), 20))
    assert Exhaustive(outlines).nearest(transforms, 20).tolist() == expected.tolist()


def test_as_many_threads_as_you_like_find_the_same(rng):
    outlines, transforms = outlines_of(rng, 20000), rng.normal(size=(40, 24)).astype(np.float32)
    one, three = (Exhaustive(outlines, threads).nearest(transforms, 50) for threads in (1, 3))
    assert one.tolist() == three.tolist()


def test_where_there_are_fewer_all_are_candidates(rng):
    outlines, transforms = outlines_of(rng, 12), rng.normal(size=(3, 24)).astype(np.float32)
    assert Exhaustive(outlines).nearest(transforms, 1000).tolist() == list(range(12))
    assert Exhaustive(outlines[:0]).nearest(transforms, 1000).tolist() == []


def test_memory_grows_by_twelve_bytes_a_person_and_not_by_their_outlines(rng, tmp_path):
    np.save(tmp_path / "outlines.npy", outlines_of(rng, 100_000, 64))
    outlines, transforms = np.load(tmp_path / "outlines.npy", mmap_mode="r"), rng.normal(size=(40, 64))
    found = {}
    for count in (50_000, 100_000):
        search = Exhaustive(outlines[:count], 1)
        search.nearest(transforms.astype(np.float32), 10)  # the workers' memory is there now
        tracemalloc.start()
        search.nearest(transforms.astype(np.float32), 10)
        found[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found[100_000] - found[50_000] <= 13 * 50_000
    assert found[100_000] < 3 << 20


def test_the_transforms_that_are_tried_first_leave_none_far_away(rng):
    line = np.column_stack([np.arange(40), np.zeros(40)]).astype(np.float32)
    places = np.sort(spread(line, 5))
    assert places[[0, -1]].tolist() == [0, 39]
    assert np.diff(places).max() <= 10
    assert spread(line[:3], 5).tolist() == [0, 2, 1]
