"""The batched engine against plain loops, on every device: every kernel, any run of tiles, within its workspace."""

from functools import cache

import naive
import numpy as np
import pytest

from pysketch.convolution import winograd_batched
from pysketch.convolution.rectifier import Finish
from pysketch.convolution.winograd import KERNELS
from pysketch.convolution.winograd_batched import BatchedWinogradEngine
from pysketch.device.backend import to_host
from pysketch.device.workers import Workers

pytestmark = pytest.mark.slow

TILE_BYTES = 64 * (3 + 4) * 8  # of a tile in float64, with 3 channels and 4 filters
PAD = (0, 2)


@cache
def arrays(kernel):
    """x, W, b, dy, the images and filters some channels of larger arrays, and what must come of them: y, dx, dW, db."""
    rng, size = np.random.default_rng(kernel), (8 + kernel, 5 + kernel)
    out = [size[k] + 2 * PAD[k] - kernel + 1 for k in (0, 1)]
    shapes = (2, 5, *size), (4, 3, kernel, kernel), (4,), (2, 6, *out)
    x, W, b, dy = values = [rng.standard_normal(shape).astype(np.float32).astype(np.float64) for shape in shapes]
    y = naive.relu(naive.convolution(x[:, 1:4], W, b, pad=PAD), 0.25)
    dx, dW, db = naive.convolution_backward(x[:, 1:4], W, dy[:, 2:], pad=PAD)
    return values, (y, naive.relu_backward(x[:, 1:4], dx, 0.5), 1 + dW, 1 + db)


@pytest.mark.kernels
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-11)])
@pytest.mark.parametrize("limit", [1, 1 << 20])
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_convolution_and_its_gradients_are_plain_loops(device, kernel, limit, dtype, tolerance, monkeypatch):
    """With 3 tiles at a time and all at once."""
    monkeypatch.setattr(winograd_batched, "_STEP", 3)
    values, expected = arrays(kernel)
    xp, engine = device.xp, BatchedWinogradEngine(kernel, PAD, Workers(1, limit))
    x, W, b, dy = (xp.asarray(each.astype(dtype)) for each in values)
    y, dx, dW, db = xp.full_like(dy, np.nan), xp.full_like(x, np.nan), xp.ones_like(W), xp.ones_like(b)
    engine.forward(x[:, 1:4], W, y[:, 2:], Finish(b, 0.25))
    engine.backward_weights(x[:, 1:4], dy[:, 2:], dW, db)
    engine.backward_bottom(W, dy[:, 2:], dx[:, 1:4], Finish(slope=0.5, made=x[:, 1:4]))
    for found, right in zip((y[:, 2:], dx[:, 1:4], dW, db), expected, strict=True):
        np.testing.assert_allclose(to_host(found), right, rtol=tolerance, atol=tolerance * abs(right).max())
    assert np.isnan(to_host(y[:, :2])).all() and np.isnan(to_host(dx)[:, [0, 4]]).all()


@pytest.mark.parametrize("tiles", [50, 100])
def test_runs_of_tiles_stay_within_the_workspace(tiles):
    limit = 64 * 3 * 4 * 8 + tiles * TILE_BYTES
    engine = BatchedWinogradEngine(3, (0, 0), Workers(1, limit))
    x, W, y = np.ones((2, 3, 62, 68)), np.ones((4, 3, 3, 3)), np.empty((2, 4, 60, 66))
    engine.forward(x, W, y)
    assert limit / 2 < engine.workers.nbytes <= limit


def test_at_least_32_tiles_are_made_at_a_time():
    engine = BatchedWinogradEngine(3, (0, 0), Workers(1, 1))
    x, y = np.ones((1, 3, 62, 68)), np.empty((1, 4, 60, 66))
    assert [V.shape[2] for _, _, V, _ in engine._runs(x, y)] == [32, 32, 32, 14]
