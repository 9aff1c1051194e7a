"""Each transform against its definition, tile by tile, on every device."""

import numpy as np
import pytest

from pysketch.convolution.rectifier import Finish
from pysketch.convolution.winograd import KERNELS, TILE, winograd_matrices
from pysketch.convolution.winograd_transforms import transforms
from pysketch.device.backend import to_host

DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-12)])
SIZES = pytest.mark.parametrize("size", [(11, 13), (2, 3)], ids=["tiles hang over", "smaller than a tile"])
RUN = (1, 5)  # tiles 1..5 of all, ends excluded: of several rows and images


def close(found, expected, tolerance):
    np.testing.assert_allclose(to_host(found), expected, rtol=tolerance, atol=tolerance * abs(expected).max())


def normal(*shape, dtype):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def run_of(images, down, across):
    """(t, image, ty, tx) of the tiles of RUN, those that there are."""
    places = [(n, ty, tx) for n in range(images) for ty in range(down) for tx in range(across)]
    return [(t, *places[t]) for t in range(RUN[0], min(RUN[1], len(places)))]


def pixels(image, top, left, size):
    """(C, size, size), zeros outside."""
    out = np.zeros((len(image), size, size))
    for c, i, k in np.ndindex(out.shape):
        y, x = top + i, left + k
        if 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
            out[c, i, k] = image[c, y, x]
    return out


@pytest.mark.kernels
@DTYPES
@SIZES
@pytest.mark.parametrize("pad", [(0, 0), (3, 1), (-1, 2)])
@pytest.mark.parametrize("kernel", KERNELS)
def test_input_tiles_are_transformed_on_both_sides(device, kernel, pad, size, dtype, tolerance):
    m, BT = TILE + 1 - kernel, winograd_matrices(TILE + 1 - kernel, kernel).BT
    size = [max(size[k], kernel - 2 * pad[k]) for k in (0, 1)]
    x = normal(3, 4, *size, dtype=dtype)
    run = run_of(3, *(-(-(size[k] + 2 * pad[k] - kernel + 1) // m) for k in (0, 1)))
    expected = np.empty((TILE, TILE, 2, len(run)))
    for t, n, ty, tx in run:
        for c, d in enumerate(pixels(x[n, 1:3], ty * m - pad[0], tx * m - pad[1], TILE)):
            expected[:, :, c, t - RUN[0]] = BT @ d @ BT.T
    V = device.xp.full((TILE**2, 2, len(run)), np.nan, dtype)
    transforms(kernel).input(device.xp.asarray(x)[:, 1:3], pad, RUN[0], V)
    close(V, expected.reshape(V.shape), tolerance)


@pytest.mark.kernels
@DTYPES
@SIZES
@pytest.mark.parametrize("kernel", KERNELS)
def test_diff_tiles_are_transformed_on_both_sides(device, kernel, size, dtype, tolerance):
    m, AT = TILE + 1 - kernel, winograd_matrices(TILE + 1 - kernel, kernel).AT
    dy = normal(3, 4, *size, dtype=dtype)
    run = run_of(3, -(-size[0] // m), -(-size[1] // m))
    expected = np.empty((TILE, TILE, 2, len(run)))
    for t, n, ty, tx in run:
        for c, d in enumerate(pixels(dy[n, 1:3], ty * m, tx * m, m)):
            expected[:, :, c, t - RUN[0]] = AT.T @ d @ AT
    dM = device.xp.full((TILE**2, 2, len(run)), np.nan, dtype)
    transforms(kernel).diff(device.xp.asarray(dy)[:, 1:3], RUN[0], dM)
    close(dM, expected.reshape(dM.shape), tolerance)


@pytest.mark.kernels
@DTYPES
@SIZES
@pytest.mark.parametrize("finish", ["nothing", "bias", "rectified", "gated"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_outputs_are_transformed_finished_and_cut_at_the_borders(device, kernel, finish, size, dtype, tolerance):
    m, AT = TILE + 1 - kernel, winograd_matrices(TILE + 1 - kernel, kernel).AT
    run = run_of(3, -(-size[0] // m), -(-size[1] // m))
    M, made, bias = (normal(*s, dtype=dtype) for s in ((TILE**2, 2, len(run)), (3, 2, *size), (2,)))
    expected = np.full((3, 4, *size), 7.0)
    for t, n, ty, tx in run:
        for c, a, b in np.ndindex(2, m, m):
            oy, ox = ty * m + a, tx * m + b
            if oy < size[0] and ox < size[1]:
                value = AT[a] @ M[:, c, t - RUN[0]].reshape(TILE, TILE).astype(float) @ AT[b]
                value += bias[c] if finish in ("bias", "rectified") else 0
                sign = {"rectified": value, "gated": made[n, c, oy, ox]}.get(finish, 1)
                expected[n, 1 + c, oy, ox] = value if sign > 0 else 0.25 * value
    xp = device.xp
    b, y, made = xp.asarray(bias), xp.full(expected.shape, 7, dtype), xp.asarray(made)
    finishes = {"nothing": Finish(), "bias": Finish(b), "rectified": Finish(b, 0.25), "gated": Finish(None, 0.25, made)}
    transforms(kernel).output(xp.asarray(M), RUN[0], y[:, 1:3], finishes[finish])
    close(y, expected, tolerance)


@pytest.mark.kernels
@DTYPES
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_are_transformed_as_they_are_or_turned_and_their_gradient_back(device, kernel, dtype, tolerance):
    G = winograd_matrices(TILE + 1 - kernel, kernel).G
    W, dU = normal(3, 5, kernel, kernel, dtype=dtype), normal(TILE**2, 3, 5, dtype=dtype)
    plain, turned = np.empty((TILE, TILE, 3, 5)), np.empty((TILE, TILE, 5, 3))
    gradient = np.ones(W.shape)
    for o, c in np.ndindex(3, 5):
        plain[:, :, o, c] = G @ W[o, c] @ G.T
        turned[:, :, c, o] = G @ W[o, c, ::-1, ::-1] @ G.T
        gradient[o, c] += G.T @ dU[:, o, c].reshape(TILE, TILE) @ G
    xp = device.xp
    U, U_turned, dW = xp.empty((TILE**2, 3, 5), dtype), xp.empty((TILE**2, 5, 3), dtype), xp.ones(W.shape, dtype)
    transforms(kernel).weights(xp.asarray(W), U)
    transforms(kernel).weights(xp.asarray(W), U_turned, turned=True)
    transforms(kernel).gradient(xp.asarray(dU), dW)
    close(U, plain.reshape(U.shape), tolerance)
    close(U_turned, turned.reshape(U_turned.shape), tolerance)
    close(dW, gradient, tolerance)
