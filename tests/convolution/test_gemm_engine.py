"""The GEMM engines, which unfold inputs or outputs, against plain loops."""

from functools import cache

import naive
import numpy as np
import pytest

from pysketch.convolution.gemm_engine import GemmEngine, ThinGemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import Finish
from pysketch.device.workers import Workers

WINDOWS = {
    "everything": (Window((3, 2), (2, 1), (1, 2), (1, 2)), GemmEngine),
    "large stride": (Window((2, 2), (3, 4)), GemmEngine),
    "pixel": (Window((1, 1)), GemmEngine),
    "padded pixel": (Window((1, 1), pad=(1, 0)), GemmEngine),
    "thin": (Window((3, 3)), ThinGemmEngine),
    "thin, padded": (Window((3, 2), pad=(2, 1)), ThinGemmEngine),
    "thin, dilated": (Window((2, 3), pad=(1, 2), dilation=(3, 2)), ThinGemmEngine),
    "thin pixel": (Window((1, 1)), ThinGemmEngine),
}


def options(window):
    """The window as the plain loops take it."""
    return {"stride": window.stride, "pad": window.pad, "dilation": window.dilation}


def arrays(window, dtype=np.float64):
    """x, W, b, dy."""
    rng = np.random.default_rng(4)
    shapes = (2, 3, 9, 8), (4, 3, *window.kernel), (4,), (2, 4, *window.output_size((9, 8)))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@cache
def loops(name):
    """y, dx, dW and db of the plain loops."""
    window, _ = WINDOWS[name]
    x, W, b, dy = arrays(window)
    y = naive.convolution(x, W, b, **options(window))
    return y, *naive.convolution_backward(x, W, dy, **options(window))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("limit", [1, 900, 1 << 20])
@pytest.mark.parametrize("name", WINDOWS)
def test_forward_overwrites_weights_add_up_and_the_bottom_is_overwritten(name, limit, threads):
    window, kind = WINDOWS[name]
    (x, W, b, dy), engine = arrays(window), kind(window, Workers(threads, limit))
    y, dW, db, dx = np.full_like(dy, np.nan), np.ones_like(W), np.ones_like(b), np.full_like(x, np.nan)
    engine.forward(x, W, y, Finish(b))
    engine.backward_weights(x, dy, dW, db)
    engine.backward_bottom(W, dy, dx)
    right_y, right_dx, right_dW, right_db = loops(name)
    np.testing.assert_allclose(y, right_y, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dW, 1 + right_dW, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(db, 1 + right_db, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dx, right_dx, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("limit", [1, 1 << 20])
@pytest.mark.parametrize("name", WINDOWS)
def test_blocks_are_rectified_on_the_way_up_and_gated_on_the_way_down(name, limit):
    window, kind = WINDOWS[name]
    (x, W, b, dy), engine = arrays(window), kind(window, Workers(2, limit))
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    engine.forward(x, W, y, Finish(b, 0.0))
    engine.backward_bottom(W, dy, dx, Finish(slope=0.25, made=x))
    right_y, right_dx, *_ = loops(name)
    np.testing.assert_allclose(y, np.maximum(right_y, 0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dx, np.where(x > 0, right_dx, 0.25 * right_dx), rtol=1e-10, atol=1e-12)


def test_outputs_can_be_unfolded_at_stride_1_with_pads_below_the_extent():
    assert ThinGemmEngine.fits(Window((3, 2), pad=(2, 1)))
    assert ThinGemmEngine.fits(Window((3, 2), pad=(4, 1), dilation=(2, 1)))
    assert not ThinGemmEngine.fits(Window((3, 2), pad=(2, 2)))
    assert not ThinGemmEngine.fits(Window((3, 3), stride=(1, 2)))


def test_a_single_pixel_kernel_makes_no_columns():
    workers = Workers(2)
    x, W = np.ones((1, 2, 30, 50)), np.full((4, 2, 1, 1), 0.5)
    y = np.empty((1, 4, 30, 50))
    GemmEngine(Window((1, 1)), workers).forward(x, W, y)
    assert (y == 1).all()
    assert workers.nbytes < 10_000
