"""Stamps side by side: compiled and not, by hand and as a transpose."""

import numpy as np
import pytest

from pysketch.convolution import stamping
from pysketch.convolution.stamping import stamp, unstamp
from pysketch.device.workers import Workers
from pysketch.native import kernels


@pytest.fixture(params=["compiled", "NumPy"])
def way(request, monkeypatch):
    if request.param == "NumPy":
        monkeypatch.setattr(stamping, "kernels", lambda: None)
    elif kernels() is None:
        pytest.skip("no compiled kernels")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(2, 2), (1, 3), (3, 1), (4, 2)])
def test_every_pixel_stamps_its_channels_kernel(way, size, dtype):
    rng = np.random.default_rng(1)
    x, W, b = (rng.standard_normal(shape).astype(dtype) for shape in ((2, 3, 4, 5), (3, 1, *size), (3,)))
    expected = np.stack([[np.kron(x[n, c], W[c, 0]) + b[c] for c in range(3)] for n in range(2)])
    found = np.full((2, 5, *expected.shape[2:]), np.nan, dtype)
    stamp(x, W, b, found[:, 1:4], Workers(2))
    np.testing.assert_allclose(found[:, 1:4], expected, rtol=1e-5, atol=1e-6)
    assert np.isnan(found[:, [0, 4]]).all()


@pytest.mark.parametrize("size", [(2, 2), (1, 3), (3, 2)])
def test_unstamp_is_the_transpose(way, size):
    rng = np.random.default_rng(2)
    x, W = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((3, 1, *size))
    dy, y, dx = rng.standard_normal((2, 3, 4 * size[0], 5 * size[1])), np.empty(0), np.full_like(x, np.nan)
    y = np.empty_like(dy)
    stamp(x, W, None, y, Workers(2))
    unstamp(dy, W, dx, Workers(2))
    assert (y * dy).sum() == pytest.approx((x * dx).sum(), rel=1e-12)


def test_images_that_do_not_fit_are_refused():
    if kernels() is None:
        pytest.skip("no compiled kernels")
    x, W = np.ones((1, 2, 3, 4)), np.ones((2, 1, 2, 2))
    team = Workers(1).team
    for call, arrays, line in (
        (kernels().stamp, (x, np.ones((1, 2, 6, 9)), W), "expected images that fit each other"),
        (kernels().stamp, (x, np.ones((1, 3, 6, 8)), W), "expected images that fit each other"),
        (kernels().stamp, (x, np.ones((1, 2, 6, 8)), None), "w: expected an array"),
        (kernels().unstamp, (x, np.ones((1, 2, 2, 2)), W), "expected images that fit each other"),
        (kernels().stamp, (x, np.ones((1, 2, 6, 8), np.float32), W), "y: expected numbers"),
    ):
        with pytest.raises((ValueError, TypeError), match=line):
            call(team, 1, *arrays)
    with pytest.raises(ValueError, match="1 to 256 threads"):
        kernels().stamp(team, 0, x, np.empty_like(x), W)
