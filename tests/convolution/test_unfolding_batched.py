"""Tiles of images and positions: which there are, and convolutions made of them against plain loops."""

from functools import cache

import naive
import numpy as np
import pytest

from pysketch.convolution import unfolding_batched
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import Finish
from pysketch.convolution.unfolding_batched import Tile, add_sums
from pysketch.device.backend import to_host
from pysketch.device.workers import Workers

WINDOWS = {
    "everything": Window((3, 2), (2, 1), (1, 2), (1, 2)),
    "gaps between strides": Window((2, 2), (3, 4)),
    "pixel": Window((1, 1)),
    "padded pixel": Window((1, 1), pad=(1, 0)),
    "padded more than the kernel": Window((2, 3), pad=(4, 5)),
    "dilated": Window((2, 3), pad=(1, 2), dilation=(3, 2)),
}
LIMITS = {"a position": 1, "a few positions": 900, "an image": 9000, "two images": 26_000, "all": 1 << 20}


@cache
def arrays(window):
    """x, W, b, dy, the images and filters some channels of larger arrays, and what must come of them: y, dx, dW."""
    rng = np.random.default_rng(4)
    shapes = (3, 7, 9, 8), (4, 3, *window.kernel), (4,), (3, 9, *window.output_size((9, 8)))
    x, W, b, dy = values = [rng.standard_normal(shape).astype(np.float32).astype(np.float64) for shape in shapes]
    x, dy = x[:, 2:5], dy[:, 3:7]
    same = {"stride": window.stride, "pad": window.pad, "dilation": window.dilation}
    dx, dW, _ = naive.convolution_backward(x, W, dy, **same)
    return values, (naive.relu(naive.convolution(x, W, b, **same), 0.25), naive.relu_backward(x, dx, 0.5), 1 + dW)


@pytest.mark.slow
@pytest.mark.kernels
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_tiles_of_any_size_make_the_convolution(device, window, limit, dtype, tolerance):
    values, expected = arrays(window)
    x, W, b, dy = (device.xp.asarray(each.astype(dtype)) for each in values)
    y, dx, dW = device.xp.full_like(dy, np.nan), device.xp.full_like(x, np.nan), device.xp.ones_like(W)
    workers = Workers(1, limit)
    unfolding_batched.gather(window, workers, x[:, 2:5], W, y[:, 3:7], Finish(b, 0.25))
    unfolding_batched.outer(window, workers, x[:, 2:5], dy[:, 3:7], dW)
    unfolding_batched.scatter(window, workers, W, dy[:, 3:7], dx[:, 2:5], Finish(slope=0.5, made=x[:, 2:5]))
    for found, right in zip((y[:, 3:7], dx[:, 2:5], dW), expected, strict=True):
        np.testing.assert_allclose(to_host(found), right, rtol=tolerance, atol=tolerance)
    for found, rest in ((y, [0, 1, 2, 7, 8]), (dx, [0, 1, 5, 6])):
        assert np.isnan(to_host(found)[:, rest]).all()


@pytest.mark.kernels
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-3), (np.float64, 1e-11)])
def test_the_bias_gradient_is_added_to_from_several_chunks_of_a_channel(device, dtype, tolerance):
    dy = np.random.default_rng(0).standard_normal((3, 4, 91, 181)).astype(dtype)
    db = device.xp.ones(2, dtype)
    add_sums(Workers(1), device.xp.asarray(dy)[:, 1:3], db)
    expected = 1 + dy[:, 1:3].astype(np.float64).sum(axis=(0, 2, 3))
    np.testing.assert_allclose(to_host(db), expected, atol=tolerance)


@pytest.mark.kernels
def test_a_repeated_convolution_has_the_same_bits(device):
    window = WINDOWS["everything"]
    x, W, _, dy = (device.xp.asarray(each.astype(np.float32)) for each in arrays(window)[0])
    results = []
    for _ in range(2):
        dW, dx = device.xp.zeros_like(W), device.xp.empty_like(x[:, :3])
        unfolding_batched.outer(window, Workers(1, 900), x[:, :3], dy[:, :4], dW)
        unfolding_batched.scatter(window, Workers(1, 900), W, dy[:, :4], dx, Finish())
        results.append((to_host(dW), to_host(dx)))
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_tile_is_several_images_one_or_some_positions_as_the_workspace_allows():
    """Ten images of 6x7 outputs, 100 bytes a column."""
    assert unfolding_batched.cut_tiles(10, 6, 7, 100, 42_000) == [Tile(0, 10, 0, 42)]
    assert unfolding_batched.cut_tiles(10, 6, 7, 100, 17_000) == [
        Tile(0, 3, 0, 42),
        Tile(3, 6, 0, 42),
        Tile(6, 10, 0, 42),
    ]
    assert unfolding_batched.cut_tiles(1, 6, 7, 100, 4199) == [Tile(0, 1, 0, 32), Tile(0, 1, 32, 42)]
    assert unfolding_batched.cut_tiles(1, 6, 7, 100, 2000) == [
        Tile(0, 1, 0, 14),
        Tile(0, 1, 14, 28),
        Tile(0, 1, 28, 42),
    ]
    assert [tile.stop for tile in unfolding_batched.cut_tiles(1, 6, 13, 100, 4000)] == [32, 64, 78]
    assert len(unfolding_batched.cut_tiles(2, 6, 7, 100, 1)) == 84


@pytest.mark.parametrize("limit", [900, 9000])
def test_columns_stay_within_the_workspace(limit):
    window, workers = Window((3, 3)), Workers(1, limit)
    x, W, y = np.ones((2, 3, 9, 8)), np.ones((4, 3, 3, 3)), np.empty((2, 4, 7, 6))
    unfolding_batched.gather(window, workers, x, W, y, Finish())
    assert limit / 3 < workers.nbytes <= limit
