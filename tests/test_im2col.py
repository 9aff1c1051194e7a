"""im2col and col2im against their defining loops, windows' sizes, tiles, and the workspace."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pysketch.im2col import Tile, Window, Workspace, col2im, im2col

WINDOWS = {
    "plain": Window((3, 3)),
    "rectangular": Window((2, 4)),
    "strided": Window((3, 2), stride=(2, 3)),
    "dilated": Window((2, 3), dilation=(3, 2)),
    "strided and dilated": Window((2, 2), stride=(3, 2), dilation=(2, 3)),
    "one pixel, strided": Window((1, 1), stride=(2, 2)),
}
SHAPE = (2, 7, 8)  # channels, height, width


def whole(window: Window) -> Tile:
    """The tile that is all of the output for an input of SHAPE."""
    out_h, out_w = window.output_size(SHAPE[1:])
    return Tile(0, out_h, 0, out_w)


def unfold(x: np.ndarray, window: Window, tile: Tile) -> np.ndarray:
    """The columns of a tile, in an array full of something else before."""
    out = np.full((x.shape[0], *window.kernel, *tile.size), 99.0)
    im2col(x, window, tile, out)
    return out


def sources(window: Window, tile: Tile) -> np.ndarray:
    """For every element (c, ky, kx, i, j) of a tile's columns, the flat index of the pixel it comes from."""
    indices = np.zeros((SHAPE[0], *window.kernel, *tile.size), int)
    for c, ky, kx, i, j in np.ndindex(indices.shape):
        y = (tile.top + i) * window.stride[0] + ky * window.dilation[0]
        x = (tile.left + j) * window.stride[1] + kx * window.dilation[1]
        indices[c, ky, kx, i, j] = (c * SHAPE[1] + y) * SHAPE[2] + x
    return indices


def tiles_of(window: Window, rows: int, cols: int) -> list[Tile]:
    """The whole output cut into tiles of at most so many rows and columns."""
    end = whole(window)
    return [
        Tile(top, min(top + rows, end.bottom), left, min(left + cols, end.right))
        for top, left in itertools.product(range(0, end.bottom, rows), range(0, end.right, cols))
    ]


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize(("rows", "cols"), [(99, 99), (1, 99), (1, 1), (2, 2)])
def test_columns_hold_the_pixels_that_each_output_sees(window: Window, rows: int, cols: int) -> None:
    x = np.random.default_rng(0).standard_normal(SHAPE)
    for tile in tiles_of(window, rows, cols):
        np.testing.assert_array_equal(unfold(x, window, tile), x.ravel()[sources(window, tile)])


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize(("rows", "cols"), [(99, 99), (1, 99), (1, 1), (2, 2)])
def test_col2im_adds_every_column_element_to_the_pixel_it_came_from(window: Window, rows: int, cols: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(SHAPE)
    expected = x.copy()
    for tile in tiles_of(window, rows, cols):
        col = rng.standard_normal((SHAPE[0], *window.kernel, *tile.size))
        np.add.at(expected.reshape(-1), sources(window, tile), col)
        col2im(col, window, tile, x)
    np.testing.assert_allclose(x, expected, rtol=1e-12)


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_col2im_is_the_transpose_of_im2col(window: Window) -> None:
    """<im2col(x), col> = <x, col2im(col)>."""
    rng = np.random.default_rng(0)
    x, back = rng.standard_normal(SHAPE), np.zeros(SHAPE)
    unfolded = unfold(x, window, whole(window))
    col = rng.standard_normal(unfolded.shape)
    col2im(col, window, whole(window), back)
    assert (unfolded * col).sum() == pytest.approx((x * back).sum(), rel=1e-12)


def test_an_input_that_is_not_contiguous_is_unfolded_the_same() -> None:
    window = WINDOWS["strided and dilated"]
    x = np.random.default_rng(0).standard_normal(SHAPE)
    turned = np.asfortranarray(x)
    np.testing.assert_array_equal(unfold(turned, window, whole(window)), unfold(x, window, whole(window)))


@pytest.mark.parametrize(
    ("window", "size", "out"),
    [
        (Window((3, 3)), (5, 7), (3, 5)),
        (Window((5, 5)), (200, 155), (196, 151)),
        (Window((3, 2), stride=(2, 3)), (8, 9), (3, 3)),
        (Window((3, 3), pad=(1, 2)), (5, 7), (5, 9)),
        (Window((3, 3), dilation=(2, 1)), (5, 7), (1, 5)),
        (Window((3, 3)), (3, 3), (1, 1)),
        (Window((3, 3), stride=(2, 2)), (4, 4), (1, 1)),
    ],
)
def test_the_output_size_is_caffes_rounded_down(window: Window, size: tuple[int, int], out: tuple[int, int]) -> None:
    assert window.output_size(size) == out


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("lacking", [1, 2, 5])
def test_a_kernel_that_does_not_fit_has_an_output_size_below_1(stride: int, lacking: int) -> None:
    """Also with a stride, where rounding towards 0 would make it 1."""
    assert Window((7, 7), stride=(stride, stride)).output_size((7 - lacking, 7))[0] < 1


def test_a_dilated_kernel_sees_d_times_k_minus_1_plus_1_pixels() -> None:
    window = Window((3, 4), dilation=(2, 5))
    assert (window.extent(0), window.extent(1)) == (5, 16)


@pytest.mark.parametrize("limit", [0, 1, 10, 11, 25, 69, 70, 75, 140, 209, 210, 10_000])
def test_tiles_cover_the_output_once_and_hold_no_more_columns_than_the_limit(limit: int) -> None:
    out_h, out_w, column_bytes = 3, 7, 10
    seen = np.zeros((out_h, out_w), int)
    for tile in Workspace(limit).tiles((out_h, out_w), column_bytes):
        seen[tile.top : tile.bottom, tile.left : tile.right] += 1
        rows, cols = tile.size
        assert rows * cols * column_bytes <= max(limit, column_bytes)
        assert rows == 1 or cols == out_w
    assert (seen == 1).all()


@pytest.mark.parametrize(("limit", "count"), [(10, 21), (40, 6), (70, 3), (140, 2), (210, 1), (10**9, 1)])
def test_tiles_are_as_few_as_the_limit_allows(limit: int, count: int) -> None:
    assert len(list(Workspace(limit).tiles((3, 7), 10))) == count


def test_a_workspace_lends_the_same_memory_again() -> None:
    workspace = Workspace()
    large = workspace.lend((3, 4), np.dtype(np.float64), np)
    small = workspace.lend((5,), np.dtype(np.float32), np)
    assert (large.shape, large.dtype) == ((3, 4), np.float64)
    assert (small.shape, small.dtype) == ((5,), np.float32)
    assert np.shares_memory(large, small)


def test_a_workspace_remembers_its_largest_loan() -> None:
    workspace = Workspace()
    assert workspace.peak == 0
    for count in (3, 10, 2):
        workspace.lend((count,), np.dtype(np.float32), np)
    assert workspace.peak == 40
