from __future__ import annotations

import numpy as np
import pytest

from pysketch.baselines import patches
from pysketch.baselines.patches import Grid, nearest, offsets, search


def images(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("height", "width", "tops", "lefts"),
    [(11, 8, [0, 3, 6, 7], [0, 3, 4]), (10, 7, [0, 3, 6], [0, 3]), (4, 5, [0], [0, 1])],
)
def test_a_grid_ends_exactly_at_the_border(height, width, tops, lefts):
    grid = Grid(height, width, 4, 3)
    assert grid.tops.tolist() == tops
    assert grid.lefts.tolist() == lefts
    assert grid.shape == (len(tops), len(lefts))


def test_patches_are_cut_at_the_grids_places():
    grid, image = Grid(11, 8, 4, 3), images(11, 8)
    patches = grid.cut(image)
    assert patches.shape == (4, 3, 4, 4)
    for r, top in enumerate([0, 3, 6, 7]):
        for c, left in enumerate([0, 3, 4]):
            np.testing.assert_array_equal(patches[r, c], image[top : top + 4, left : left + 4])


def test_several_images_are_cut_alike():
    grid, many = Grid(11, 8, 4, 3), images(2, 5, 11, 8)
    np.testing.assert_array_equal(grid.cut(many)[1, 3], grid.cut(many[1, 3]))


def test_the_average_of_an_images_patches_is_the_image():
    grid, image = Grid(11, 8, 4, 3), images(11, 8)
    np.testing.assert_allclose(grid.average(grid.cut(image)), image, rtol=1e-12)


def test_overlaps_are_averaged():
    grid = Grid(3, 5, 3, 2)  # two patches that share the middle column
    patches = np.stack([np.full((3, 3), 10.0), np.full((3, 3), 40.0)])[None]
    np.testing.assert_array_equal(grid.average(patches), [[10, 10, 25, 40, 40]] * 3)


def test_offsets_are_the_multiples_of_the_step_within_reach_the_nearest_first():
    assert offsets(0).tolist() == [[0, 0]]
    assert sorted(offsets(5, 2).tolist()) == [[y, x] for y in (-4, -2, 0, 2, 4) for x in (-4, -2, 0, 2, 4)]
    lengths = (offsets(5, 2) ** 2).sum(axis=1)
    assert (np.diff(lengths) >= 0).all()
    assert offsets(5, 2)[0].tolist() == [0, 0]


def naive_candidates(photo, photos, top, left, size, displacements):
    """(distance, image, top, left) of every training patch that may be chosen, the nearest first."""
    h, w = photo.shape[:2]
    q, found = photo[top : top + size, left : left + size], []
    for n, image in enumerate(photos):
        for dy, dx in displacements:
            y, x = top + dy, left + dx
            if 0 <= y <= h - size and 0 <= x <= w - size:
                found.append((((image[y : y + size, x : x + size] - q) ** 2).sum(), n, y, x))
    return sorted(found)


@pytest.mark.parametrize("channels", [(), (2,)])
@pytest.mark.parametrize("one_per_image", [False, True])
@pytest.mark.parametrize("block_bytes", [1, 16 << 20])
def test_search_finds_what_looking_at_every_candidate_finds(monkeypatch, channels, one_per_image, block_bytes):
    monkeypatch.setattr(patches, "BLOCK_BYTES", block_bytes)
    grid, photo, photos = Grid(11, 8, 4, 3), images(11, 8, *channels), images(5, 11, 8, *channels, seed=1)
    matches = search(photo, photos, grid, offsets(3, 2), 4, one_per_image)
    for r, top in enumerate(grid.tops):
        for c, left in enumerate(grid.lefts):
            expected = naive_candidates(photo, photos, top, left, 4, offsets(3, 2))
            if one_per_image:
                expected = sorted({each[1]: each for each in reversed(expected)}.values())
            found = zip(matches.images[r, c], matches.tops[r, c], matches.lefts[r, c], strict=True)
            assert [tuple(map(int, each)) for each in found] == [tuple(map(int, each[1:])) for each in expected[:4]]
            np.testing.assert_allclose(matches.distances[r, c], [each[0] for each in expected[:4]], rtol=1e-5)


def test_a_place_with_too_few_candidates_fills_up_with_its_own_at_an_infinite_distance():
    grid = Grid(6, 5, 5, 1)
    matches = search(images(6, 5), images(1, 6, 5, seed=1), grid, offsets(1), 4)
    assert np.isinf(matches.distances).sum(axis=-1).tolist() == [[2], [2]]
    assert matches.tops[..., 2:].tolist() == [[[0, 0]], [[1, 1]]]
    assert matches.lefts.tolist() == [[[0] * 4], [[0] * 4]]


def test_taken_patches_are_those_that_were_found():
    grid, photo, photos = Grid(9, 8, 4, 3), images(9, 8), images(3, 9, 8, seed=1)
    matches = search(photo, photos, grid, offsets(1), 2)
    taken = matches.take(photos, 4)
    assert taken.shape == (*grid.shape, 2, 4, 4)
    distances = ((taken - grid.cut(photo)[:, :, None]) ** 2).sum(axis=(-2, -1))
    np.testing.assert_allclose(distances, matches.distances, rtol=1e-5)


@pytest.mark.parametrize("block_bytes", [1, 500, 16 << 20])
def test_the_nearest_rows_are_those_of_the_sorted_distances(monkeypatch, block_bytes):
    monkeypatch.setattr(patches, "BLOCK_BYTES", block_bytes)
    queries, candidates = images(7, 5), images(11, 5, seed=1)
    indices, distances = nearest(queries, candidates, 3)
    every = ((queries[:, None] - candidates) ** 2).sum(axis=-1)
    np.testing.assert_array_equal(indices, np.argsort(every, axis=1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :3], rtol=1e-6)


def test_the_distance_to_itself_is_exactly_zero_however_large_the_values():
    candidates = images(6, 5) + 1e5
    indices, distances = nearest(candidates, candidates.astype(np.float32), 1)
    assert indices[:, 0].tolist() == list(range(6))
    assert (distances == 0).all()


def test_all_rows_may_be_wanted():
    indices, _ = nearest(images(2, 5), images(4, 5, seed=1), 4)
    assert np.sort(indices, axis=1).tolist() == [[0, 1, 2, 3]] * 2
