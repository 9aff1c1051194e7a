"""Launching kernels: every argument in its parameter's type, refused if it does not fit."""

import numpy as np
import pytest

from pysketch.convolution.im2col import Window, fold, unfold
from pysketch.convolution.rectifier import Finish, finish_images
from pysketch.convolution.unfolding_batched import add_sums
from pysketch.convolution.winograd_transforms import transforms
from pysketch.device.backend import to_host
from pysketch.device.kernel import Kernel
from pysketch.device.workers import Workers
from pysketch.layers.generative_discriminative_loss import exponentials

SOURCE = """
extern "C" __global__ void scale(const real* x, real* y, const real* offset, real factor, int rows, long long step) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= step) return;
    for (int row = blockIdx.y; row < rows; row += gridDim.y)
        y[row * step + i] = factor * x[row * step + i] + (offset ? *offset : (real)0);
}
"""


def test_parameters_are_read_from_the_declaration():
    assert Kernel("scale", SOURCE).types == ["const real*", "real*", "const real*", "real", "int", "long long"]


@pytest.mark.kernels
@pytest.mark.on_gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [None, 3])
def test_numbers_and_null_pointers_arrive(gpu, dtype, offset):
    x, y = gpu.xp.arange(5 * 301, dtype=dtype), gpu.xp.zeros((5, 301), dtype)
    Kernel("scale", SOURCE)((301, 5), x, y, offset if offset is None else gpu.xp.full(1, offset, dtype), 0.5, 5, 301)
    np.testing.assert_array_equal(to_host(y).ravel(), np.arange(5 * 301) / 2 + (offset or 0))


@pytest.mark.kernels
@pytest.mark.on_gpu
def test_more_rows_than_a_grid_has_are_served_in_turn(gpu):
    x = gpu.xp.ones((70_001, 1), np.float32)
    Kernel("scale", SOURCE)((1, 70_001), x, x, None, 4, 70_001, 1)
    assert to_host(x).min() == 4


def normal(xp, *shape):
    return xp.asarray(np.random.default_rng(sum(shape)).standard_normal(shape))


def call_unfold(xp):
    col = xp.full((3, 5, 2, 3, 14), np.nan)
    unfold(normal(xp, 3, 5, 6, 7), Window((2, 3), pad=(1, 0)), 4, col)
    return col


def call_fold(xp):
    x = normal(xp, 3, 5, 6, 7)
    fold(normal(xp, 3, 5, 2, 3, 14), Window((2, 3), pad=(1, 0)), 4, x, 1, 5, 3)
    return x


def call_finish(xp):
    y = normal(xp, 3, 5, 6, 7)
    finish_images(Finish(normal(xp, 5), 0.5, y.copy()), y, slice(0, 3), slice(2, 40))
    return y


def call_add_sums(xp):
    db = normal(xp, 5)
    add_sums(Workers(1), normal(xp, 3, 5, 2, 4097), db)
    return db


def call_input(xp):
    V = xp.full((64, 5, 4), np.nan)
    transforms(4).input(normal(xp, 3, 5, 9, 7), (1, 0), 1, V)
    return V


def call_diff(xp):
    dM = xp.full((64, 5, 4), np.nan)
    transforms(4).diff(normal(xp, 3, 5, 6, 7), 1, dM)
    return dM


def call_output(xp):
    y = normal(xp, 3, 5, 6, 7)
    transforms(4).output(normal(xp, 64, 5, 4), 1, y, Finish(normal(xp, 5), 0.5))
    return y


def call_exponentials(xp):
    return exponentials(normal(xp, 7, 5), normal(xp, 7, 5) + 1, 3.0)


CALLS = [call_unfold, call_fold, call_finish, call_add_sums, call_input, call_diff, call_output, call_exponentials]


@pytest.mark.kernels
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__.removeprefix("call_"))
def test_three_images_and_five_channels_are_served_by_grids_of_two(gpu, call, monkeypatch):
    """As more than 65535 would be: every kernel of ours with loops over y or z, against its NumPy twin."""
    monkeypatch.setattr("pysketch.device.kernel._MOST", 2)
    np.testing.assert_allclose(to_host(call(gpu.xp)), call(np), rtol=1e-12, atol=1e-12)


@pytest.mark.kernels
@pytest.mark.on_gpu
def test_an_empty_grid_launches_nothing(gpu):
    x = gpu.xp.ones(0, np.float32)
    Kernel("scale", SOURCE)((0, 5), x, x, None, 1, 5, 0)


@pytest.mark.on_gpu
def test_what_does_not_fit_its_parameter_is_refused(gpu):
    kernel, x = Kernel("scale", SOURCE), gpu.xp.ones(3, np.float32)
    with pytest.raises(OverflowError):
        kernel((3, 1), x, x, None, 1, 2**31, 3)
    with pytest.raises(AssertionError, match="scale: 5 arguments, not 6"):
        kernel((3, 1), x, x, None, 1, 3)
    with pytest.raises(AssertionError, match="another kind"):
        kernel((3, 1), x, x.astype(np.float64), None, 1, 1, 3)
    with pytest.raises(AssertionError, match="another kind"):
        kernel((3, 1), x, np.ones(3, np.float32), None, 1, 1, 3)


def test_a_name_that_the_source_lacks_is_a_mistake():
    with pytest.raises(AssertionError, match="no kernel other"):
        Kernel("other", SOURCE)
