"""im2col and col2im against their defining loops, and windows' sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from pysketch.convolution.blocks import Block, cut
from pysketch.convolution.im2col import Window, col2im, copy_seen, fold, im2col, unfold
from pysketch.device.backend import Device, to_host

WINDOWS = {
    "plain": Window((3, 3)),
    "rectangular": Window((2, 4)),
    "strided": Window((3, 2), stride=(2, 3)),
    "dilated": Window((2, 3), dilation=(3, 2)),
    "strided and dilated": Window((2, 2), stride=(3, 2), dilation=(2, 3)),
    "one pixel, strided": Window((1, 1), stride=(2, 2)),
}
SHAPE = (2, 7, 8)  # channels, height, width


def whole(window: Window) -> Block:
    """The tile that is all of the output for an input of SHAPE."""
    out_h, out_w = window.output_size(SHAPE[1:])
    return Block(0, 0, out_h, 0, out_w)


def columns_of(x: np.ndarray, window: Window, tile: Block) -> np.ndarray:
    """The columns of a tile, in an array full of something else before."""
    out = np.full((x.shape[0], *window.kernel, tile.rows, tile.cols), 99.0)
    im2col(seen_by(x, window, tile), window, out)
    return out


def seen_by(x: np.ndarray, window: Window, tile: Block) -> np.ndarray:
    """The part of x that a tile sees."""
    (top, bottom), (left, right) = (
        window.input_range(tile.top, tile.bottom, 0),
        window.input_range(tile.left, tile.right, 1),
    )
    return x[:, top:bottom, left:right]


def sources(window: Window, tile: Block) -> np.ndarray:
    """For every element (c, ky, kx, i, j) of a tile's columns, the flat index of the pixel it comes from."""
    indices = np.zeros((SHAPE[0], *window.kernel, tile.rows, tile.cols), int)
    for c, ky, kx, i, j in np.ndindex(indices.shape):
        y = (tile.top + i) * window.stride[0] + ky * window.dilation[0]
        x = (tile.left + j) * window.stride[1] + kx * window.dilation[1]
        indices[c, ky, kx, i, j] = (c * SHAPE[1] + y) * SHAPE[2] + x
    return indices


def tiles_of(window: Window, rows: int, cols: int) -> list[Block]:
    """The whole output cut into tiles of at most so many rows and columns."""
    return cut(1, *window.output_size(SHAPE[1:]), rows, cols)


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize(("rows", "cols"), [(99, 99), (1, 99), (1, 1), (2, 2)])
def test_columns_hold_the_pixels_that_each_output_sees(window: Window, rows: int, cols: int) -> None:
    x = np.random.default_rng(0).standard_normal(SHAPE)
    for tile in tiles_of(window, rows, cols):
        np.testing.assert_array_equal(columns_of(x, window, tile), x.ravel()[sources(window, tile)])


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize(("rows", "cols"), [(99, 99), (1, 99), (1, 1), (2, 2)])
def test_col2im_adds_every_column_element_to_the_pixel_it_came_from(window: Window, rows: int, cols: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(SHAPE)
    expected = x.copy()
    for tile in tiles_of(window, rows, cols):
        col = rng.standard_normal((SHAPE[0], *window.kernel, tile.rows, tile.cols))
        np.add.at(expected.reshape(-1), sources(window, tile), col)
        col2im(col, window, seen_by(x, window, tile))
    np.testing.assert_allclose(x, expected, rtol=1e-12)


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_col2im_is_the_transpose_of_im2col(window: Window) -> None:
    """<im2col(x), col> = <x, col2im(col)>."""
    rng = np.random.default_rng(0)
    x, back = rng.standard_normal(SHAPE), np.zeros(SHAPE)
    unfolded = columns_of(x, window, whole(window))
    col = rng.standard_normal(unfolded.shape)
    col2im(col, window, seen_by(back, window, whole(window)))
    assert (unfolded * col).sum() == pytest.approx((x * back).sum(), rel=1e-12)


def test_an_input_that_is_not_contiguous_is_unfolded_the_same() -> None:
    window = WINDOWS["strided and dilated"]
    x = np.random.default_rng(0).standard_normal(SHAPE)
    turned = np.asfortranarray(x)
    np.testing.assert_array_equal(columns_of(turned, window, whole(window)), columns_of(x, window, whole(window)))


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


def test_outputs_see_input_pixels_from_before_the_image_where_it_is_padded() -> None:
    window = Window((3, 2), stride=(2, 1), pad=(1, 0), dilation=(2, 3))
    assert window.input_range(0, 1, 0) == (-1, 4)
    assert window.input_range(1, 4, 0) == (1, 10)
    assert window.input_range(2, 4, 1) == (2, 7)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (2, 1), (-3, 2), (4, -1), (-9, 0), (0, 9), (-1, -2)])
def test_what_is_seen_outside_the_image_is_zero(top: int, left: int) -> None:
    image, out = np.random.default_rng(0).standard_normal((2, 5, 6)), np.full((2, 7, 4), np.nan)
    copy_seen(image, top, left, out)
    padded = np.pad(image, [(0, 0), (20, 20), (20, 20)])
    np.testing.assert_array_equal(out, padded[:, 20 + top : 27 + top, 20 + left : 24 + left])


ODD = Window((3, 2), stride=(2, 3), pad=(2, 1), dilation=(1, 2))
GEOMETRIES = {
    **WINDOWS,
    "padded": Window((3, 2), pad=(4, 3)),
    "everything": ODD,
    "gaps": Window((1, 2), stride=(3, 1), pad=(1, 0)),
}


def positions_of(window: Window, start: int, count: int, c: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Every element of such columns that is not padding, (c, ky, kx, p), with the pixel (c, y, x) it comes from."""
    h, w = SHAPE[1:]
    out_w = window.output_size((h, w))[1]
    for channel, ky, kx, p in np.ndindex(c, *window.kernel, count):
        y = (start + p) // out_w * window.stride[0] + ky * window.dilation[0] - window.pad[0]
        x = (start + p) % out_w * window.stride[1] + kx * window.dilation[1] - window.pad[1]
        if 0 <= y < h and 0 <= x < w:
            yield (channel, ky, kx, p), (channel, y, x)


@pytest.mark.kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("window", GEOMETRIES.values(), ids=GEOMETRIES)
def test_many_images_are_unfolded_at_once_from_any_position_on(device: Device, window: Window, dtype: type) -> None:
    """The images are some channels of larger ones."""
    x = np.random.default_rng(0).standard_normal((3, 5, *SHAPE[1:])).astype(dtype)
    positions = math.prod(window.output_size(SHAPE[1:]))
    for start, stop in ((0, positions), (positions // 3, positions - 1), (positions - 1, positions)):
        expected = np.zeros((3, 2, *window.kernel, stop - start), dtype)
        for there, here in positions_of(window, start, stop - start, 2):
            expected[(slice(None), *there)] = x[:, 1:3][(slice(None), *here)]
        col = device.xp.full(expected.shape, np.nan, dtype)
        unfold(device.xp.asarray(x)[:, 1:3], window, start, col)
        np.testing.assert_array_equal(to_host(col), expected)


@pytest.mark.kernels
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-13)])
@pytest.mark.parametrize("window", GEOMETRIES.values(), ids=GEOMETRIES)
def test_folding_adds_to_the_rows_before_and_overwrites_the_fresh_ones(
    device: Device, window: Window, dtype: type, rtol: float
) -> None:
    rng = np.random.default_rng(0)
    positions = math.prod(window.output_size(SHAPE[1:]))
    end_of_row = window.output_size(SHAPE[1:])[1] - 1
    cases = (0, positions, 0, 7, 0), (1, positions, 2, 6, 4), (0, 1, 1, 3, 3), (end_of_row, positions, 0, 7, 3)
    for start, stop, top, bottom, fresh in cases:
        before, col = rng.standard_normal((3, 5, *SHAPE[1:])), rng.standard_normal((3, 2, *window.kernel, stop - start))
        before, col = before.astype(dtype), col.astype(dtype)
        expected = before.copy()
        expected[:, 1:3, fresh:bottom] = 0
        for there, (c, y, x) in positions_of(window, start, stop - start, 2):
            if top <= y < bottom:
                expected[:, 1 + c, y, x] += col[(slice(None), *there)]
        x = device.xp.asarray(before)
        x[:, 1:3, fresh:bottom] = np.nan
        fold(device.xp.asarray(col), window, start, x[:, 1:3], top, bottom, fresh)
        np.testing.assert_allclose(to_host(x), expected, rtol=rtol, atol=rtol)
