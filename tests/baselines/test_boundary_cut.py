"""Cuts against trying every path, and pictures stitched of patches against one patch after the other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pysketch.baselines.boundary_cut import minimum_error_cut, stitch
from pysketch.baselines.patches import Grid


def brute_force(error):
    """The first of the cheapest paths, by trying them all."""
    h, w = error.shape
    paths = (
        path
        for path in itertools.product(range(w), repeat=h)
        if all(abs(a - b) <= 1 for a, b in itertools.pairwise(path))
    )
    return list(min(paths, key=lambda path: sum(error[y, x] for y, x in enumerate(path))))


@pytest.mark.parametrize("shape", [(5, 4), (2, 5), (1, 3), (4, 1), (6, 2)])
def test_no_path_costs_less(shape):
    for seed in range(8):
        error = np.random.default_rng(seed).random(shape)
        assert minimum_error_cut(error).tolist() == brute_force(error)


def test_of_many_overlaps_each_gets_its_own_path():
    error = np.random.default_rng(1).random((2, 3, 5, 4))
    paths = minimum_error_cut(error)
    for index in np.ndindex(2, 3):
        assert paths[index].tolist() == brute_force(error[index])


def test_a_path_cannot_jump_two_columns():
    error = np.array([[0.0, 5.0, 9.0], [9.0, 9.0, 0.0]])
    assert minimum_error_cut(error).tolist() == [1, 2]


def naive_stitch(patches, grid):
    """Patch after patch into a strip, then strip after strip."""
    strips = []
    for row in patches:
        strip = row[0]
        for left, patch in zip(grid.lefts[1:], row[1:], strict=True):
            strip = naive_join(strip, patch, left)
        strips.append(strip)
    picture = strips[0].T
    for top, strip in zip(grid.tops[1:], strips[1:], strict=True):
        picture = naive_join(picture, strip.T, top)
    return picture.T


def naive_join(left, right, start):
    overlap = left.shape[1] - start
    seam = right[:, :overlap].copy()
    if overlap:
        for y, cut in enumerate(minimum_error_cut((left[:, start:] - seam) ** 2)):
            seam[y, :cut] = left[y, start : start + cut]
    return np.hstack([left[:, :start], seam, right[:, overlap:]])


@pytest.mark.parametrize(
    "grid",
    [Grid(14, 18, 6, 4), Grid(12, 15, 6, 3), Grid(15, 20, 5, 5), Grid(3, 9, 3, 2), Grid(9, 3, 3, 2), Grid(5, 5, 5, 4)],
)
def test_all_cuts_together_are_the_cuts_one_by_one(grid):
    patches = np.random.default_rng(0).random((*grid.shape, grid.size, grid.size)).astype(np.float32)
    picture = stitch(patches, grid)
    assert picture.shape == (grid.height, grid.width)
    assert np.array_equal(picture, naive_stitch(patches, grid))


@pytest.mark.parametrize("grid", [Grid(13, 17, 6, 4), Grid(7, 8, 6, 3), Grid(11, 9, 4, 4)])
def test_a_last_row_or_column_that_overlaps_more_is_cut_too(grid):
    assert grid.tops[-1] - grid.tops[-2] < grid.step
    patches = np.random.default_rng(0).random((*grid.shape, grid.size, grid.size)).astype(np.float32)
    assert np.array_equal(stitch(patches, grid), naive_stitch(patches, grid))


def test_patches_cut_out_of_a_picture_give_the_picture():
    grid = Grid(11, 16, 7, 4)
    picture = np.random.default_rng(0).random((11, 16))
    assert np.array_equal(stitch(grid.cut(picture), grid), picture)


def test_the_cut_runs_where_the_patches_agree():
    left, right = np.full((4, 4), 10.0), np.full((4, 4), 20.0)
    left[:, 3] = right[:, 1] = 15.0  # the two agree in the second column of their overlap
    picture = stitch(np.stack([left, right])[None], Grid(4, 6, 4, 2))
    assert picture.tolist() == [[10.0, 10.0, 10.0, 15.0, 20.0, 20.0]] * 4


def test_unsigned_patches_do_not_wrap_around():
    patches = np.zeros((1, 2, 3, 3), np.uint8)
    patches[0, 1, :, :] = [16, 1, 2]  # 16 and 1 above what lies beneath; 16^2 = 0 in uint8
    assert stitch(patches, Grid(3, 4, 3, 1)).tolist() == [[0, 0, 1, 2]] * 3
