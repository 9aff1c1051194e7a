"""The GEMM engine by itself; tests/layers/test_convolution.py holds it against loops in every option."""

import naive
import numpy as np
import pytest

from pysketch.gemm_engine import GemmEngine
from pysketch.im2col import Window, Workspace

WINDOW = Window((3, 2), (2, 1), (1, 2), (1, 2))
SAME = {"stride": (2, 1), "pad": (1, 2), "dilation": (1, 2)}


def arrays():
    """x, W, dy of WINDOW."""
    rng = np.random.default_rng(4)
    x, W = rng.standard_normal((2, 3, 7, 5)), rng.standard_normal((4, 3, 3, 2))
    return x, W, rng.standard_normal((2, 4, *WINDOW.output_size((7, 5))))


@pytest.mark.parametrize("limit", [1, 700, 1 << 20])
def test_forward_overwrites_weights_add_up_and_the_bottom_is_overwritten(limit):
    (x, W, dy), engine = arrays(), GemmEngine(WINDOW, Workspace(limit))
    y, dW, dx = np.full_like(dy, np.nan), np.ones_like(W), np.full_like(x, np.nan)
    engine.forward(x, W, y)
    engine.backward_weights(x, dy, dW)
    engine.backward_bottom(W, dy, dx)
    right_dx, right_dW, _ = naive.convolution_backward(x, W, dy, **SAME)
    np.testing.assert_allclose(y, naive.convolution(x, W, None, **SAME), rtol=1e-10)
    np.testing.assert_allclose(dW, 1 + right_dW, rtol=1e-10)
    np.testing.assert_allclose(dx, right_dx, rtol=1e-10, atol=1e-13)


def test_a_single_pixel_kernel_makes_no_columns():
    workspace = Workspace()
    x, W = np.ones((1, 2, 3, 5)), np.full((4, 2, 1, 1), 0.5)
    y = np.empty((1, 4, 3, 5))
    GemmEngine(Window((1, 1)), workspace).forward(x, W, y)
    assert (y == 1).all()
    assert workspace.peak == 0
