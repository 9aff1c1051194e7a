"""Cuts against trying every path, and pictures stitched of patches against one patch after the other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pysketch.baselines.boundary_cut import minimum_error_cut, stitch


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


def naive_stitch(patches, step):
    """Patch after patch into a strip, then strip after strip."""
    rows, columns, size, _ = patches.shape
    overlap = size - step
    strips = []
    for row in patches:
        strip = row[0]
        for patch in row[1:]:
            strip = naive_join(strip, patch, overlap)
        strips.append(strip)
    picture = strips[0].T
    for strip in strips[1:]:
        picture = naive_join(picture, strip.T, overlap)
    return picture.T


def naive_join(left, right, overlap):
    a, b = left[:, left.shape[1] - overlap :], right[:, :overlap]
    seam = b.copy()
    if overlap:
        for y, cut in enumerate(minimum_error_cut((a - b) ** 2)):
            seam[y, :cut] = a[y, :cut]
    return np.hstack([left[:, : left.shape[1] - overlap], seam, right[:, overlap:]])


@pytest.mark.parametrize(("size", "step"), [(6, 4), (6, 3), (5, 5), (3, 2)])
@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (1, 5), (4, 1), (2, 2)])
def test_all_cuts_together_are_the_cuts_one_by_one(rows, columns, size, step):
    patches = np.random.default_rng(0).random((rows, columns, size, size))
    picture = stitch(patches, step)
    assert picture.shape == ((rows - 1) * step + size, (columns - 1) * step + size)
    assert np.array_equal(picture, naive_stitch(patches, step))


def test_patches_cut_out_of_a_picture_give_the_picture():
    picture = np.random.default_rng(0).random((11, 15))
    windows = np.lib.stride_tricks.sliding_window_view(picture, (5, 5))[::3, ::5]
    assert windows.shape[:2] == (3, 3)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (7, 7))[::4, ::4]
    assert np.array_equal(stitch(windows, 4), picture)


def test_the_cut_runs_where_the_patches_agree():
    left, right = np.full((4, 4), 10.0), np.full((4, 4), 20.0)
    left[:, 3] = right[:, 1] = 15.0  # the two agree in the second column of their overlap
    picture = stitch(np.stack([left, right])[None], step=2)
    assert picture.tolist() == [[10.0, 10.0, 10.0, 15.0, 20.0, 20.0]] * 4


def test_unsigned_patches_do_not_wrap_around():
    patches = np.zeros((1, 2, 3, 3), np.uint8)
    patches[0, 1, :, :] = [16, 1, 2]  # 16 and 1 above what lies beneath; 16^2 = 0 in uint8
    assert stitch(patches, step=1).tolist() == [[0, 0, 1, 2]] * 3
