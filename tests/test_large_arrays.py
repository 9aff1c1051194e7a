"""Kernels on arrays of more than 2^32 elements: the last thread of the grid alone, on a CPU, in files full of holes.

The sources are compiled as C++, with the grid in global variables; a file of zeros takes no room until it is written.
"""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
from functools import cache

import numpy as np
import pytest

from pysketch.convolution import im2col, rectifier, unfolding_batched
from pysketch.convolution.winograd_transforms import transforms
from pysketch.layers import generative_discriminative_loss as loss
from pysketch.solver.update_kernels import KERNELS

COMPILER = shutil.which("g++") or shutil.which("c++")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")]

HEAD = """
#include <cmath>
using std::exp;
using std::sqrt;
#define __global__
#define __device__
#define __shared__ static
#define __forceinline__ inline
#define __syncthreads()
struct Place { unsigned x, y, z; };
extern "C" { Place threadIdx, blockIdx, blockDim, gridDim; }
"""
LARGE = (3, 5, 20_000, 15_000)  # 4.5e9 elements
PLANE = LARGE[2] * LARGE[3]


class Place(ctypes.Structure):
    _fields_ = [(axis, ctypes.c_uint) for axis in "xyz"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """compiled(source): its kernels as functions of a library."""
    folder = tmp_path_factory.mktemp("libraries")

    @cache
    def compiled(source):
        path, target = folder / "kernel.cpp", folder / f"{len(list(folder.iterdir()))}.so"
        path.write_text(HEAD + source)
        command = [COMPILER, "-w", "-shared", "-fPIC", "-Dreal=float", "-o", str(target), str(path)]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(target))

    return compiled


@pytest.fixture
def run_last_thread(compiled):
    """run(kernel, shape, *arguments): the last thread of the grid, as `Kernel` would launch it."""

    def run(kernel, shape, *arguments):
        library = compiled(kernel.source)
        grid = (-(-shape[0] // kernel.threads), *shape[1:], 1, 1)[:3]
        places = {"gridDim": grid, "blockIdx": [size - 1 for size in grid], "blockDim": (kernel.threads, 1, 1)}
        places["threadIdx"] = ((shape[0] - 1) % kernel.threads, 0, 0)
        for name, place in places.items():
            variable = Place.in_dll(library, name)
            variable.x, variable.y, variable.z = place
        kinds = {"int": ctypes.c_int, "long long": ctypes.c_longlong, "real": ctypes.c_float}
        values = [
            kinds[type](value) if type in kinds else ctypes.c_void_p(None if value is None else value.ctypes.data)
            for type, value in zip(kernel.types, arguments, strict=True)
        ]
        getattr(library, kernel.name)(*values)

    return run


@pytest.fixture
def large(tmp_path):
    """large(shape): zeros in a file."""
    arrays = []

    def make(*shape):
        arrays.append(np.memmap(tmp_path / f"{len(arrays)}", np.float32, "w+", shape=shape))
        return arrays[-1]

    return make


def test_the_last_pixel_is_unfolded_and_folded(run_last_thread, large):
    n, c, h, w = LARGE
    x, col = large(*LARGE), large(*LARGE)
    x[-1, -1, -1, -1] = 7
    geometry = 1, 1, 1, 1, 0, 0, 1, 1
    run_last_thread(im2col._IM2COL, (PLANE, c, n), x, col, n, c, h, w, w, 0, PLANE, *geometry, c * PLANE)
    assert col[-1, -1, -1, -1] == 7
    x[-1, -1, -1, -1] = 1
    run_last_thread(im2col._COL2IM, (PLANE, c, n), col, x, n, c, h, w, 0, h, h, w, 0, PLANE, *geometry, c * PLANE)
    assert x[-1, -1, -1, -1] == 8


def test_the_last_pixel_is_rectified_gated_finished_and_summed(run_last_thread, large):
    n, c = LARGE[:2]
    x, y, bias = large(*LARGE), large(*LARGE), np.arange(5, dtype=np.float32)
    x[-1, -1, -1, -1] = -2
    run_last_thread(rectifier._RECTIFY, (x.size,), x, y, x.size, 0.5)
    assert y[-1, -1, -1, -1] == -1
    run_last_thread(rectifier._GATE, (x.size,), y, x, y, x.size, 0.5)
    assert y[-1, -1, -1, -1] == -0.5
    steps = c * PLANE, PLANE, c * PLANE, PLANE
    run_last_thread(rectifier._FINISH, (PLANE, c, n), y, bias, x, 0.5, 1, n, c, PLANE, *steps)
    assert y[-1, -1, -1, -1] == 1.75
    chunks = -(-PLANE // 8192)
    sums = large(n, c, chunks)
    y[-1, -1].reshape(-1)[(chunks - 1) * 8192] = 3  # the first thread of the last chunk takes it
    run_last_thread(unfolding_batched._SUMS, ((chunks - 1) * 256 + 1, c, n), y, sums, n, c, PLANE - 100, *steps[:2], 0)
    assert sums[-1, -1, -1] == 3


@pytest.mark.parametrize("rule", KERNELS)
def test_the_last_weight_steps_as_it_would_alone(run_last_thread, large, rule):
    size, numbers = math.prod(LARGE), (0.5, 0.1, 0, 0.01, 0.9, 0.1, 0.99, 0.01, 1e-3)
    alone, among = [large(1) for _ in range(4)], [large(size) for _ in range(4)]
    for arrays in (alone, among):
        for array, value in zip(arrays, (3, -2, 0.5, 0.25), strict=True):
            array[-1] = value
        run_last_thread(KERNELS[rule], arrays[0].shape, *arrays, len(arrays[0]), *numbers)
    assert [array[-1] for array in among] == [array[-1] for array in alone]
    assert alone[0][-1] == np.float32(3) - alone[1][-1] != 3


def test_the_last_tile_is_transformed_there_and_back(run_last_thread, large):
    n, c, h, w = LARGE
    these = transforms(3)
    down, across = these.tiles((h, w))
    total, kernels = n * down * across, these.kernels
    count = total // 2
    x, V = large(*LARGE), large(64, c, count)
    x[-1, -1, -1, -1] = 1
    tiles = c, h, w, down, across, total - count, count
    run_last_thread(kernels["diff_tiles"], (count, c), x, V, *tiles, c * PLANE)
    corner = these.matrices.AT[(w - 1) % these.outputs]
    expected = np.outer(these.matrices.AT[(h - 1) % these.outputs], corner)
    np.testing.assert_allclose(V[:, -1, -1].reshape(8, 8), expected)
    V[:, -1, -1] = 0
    V[9, -1, -1] = 3
    run_last_thread(kernels["output_tiles"], (count, c), V, x, None, x, 0.5, 1, *tiles, c * PLANE, c * PLANE)
    assert x[-1, -1, -1, -1] == pytest.approx(3 * expected.reshape(-1)[9])
    tiles = c, h, w, 2, 2, down, across, total - count, count
    run_last_thread(kernels["input_tiles"], (count, c), x, V, *tiles, c * PLANE)
    assert V[:, -1, -1].any()


def test_the_last_kernel_is_transformed_there_and_back(run_last_thread, large):
    kernels, o, c = transforms(2).kernels, 9000, 8000
    W, U = large(o, c, 2, 2), large(64, o, c)
    W[-1, -1, 0, 0] = 5
    run_last_thread(kernels["kernel_tiles"], (o * c,), W, U, o, c, 0)
    G = transforms(2).matrices.G
    np.testing.assert_allclose(U[:, -1, -1].reshape(8, 8), 5 * np.outer(G[:, 0], G[:, 0]), rtol=1e-6)
    run_last_thread(kernels["kernel_gradient"], (o * c,), U, W, o * c)
    assert W[-1, -1, 0, 0] == pytest.approx(5 + 5 * (G[:, 0] @ G[:, 0]) ** 2)


def test_the_last_pair_and_the_last_pixel_of_the_loss(run_last_thread, large):
    n = 50_000
    gram, e = large(2 * n, 2 * n), large(n, n)
    gram[n - 2, n - 2] = 3
    gram[-1, -1] = 5
    gram[n - 2, -1] = 1
    # the last thread is on the diagonal, so that the grid is a row shorter
    run_last_thread(loss._EXPONENTIALS, (n, n - 1), gram, e, n, 0.5)
    assert e[n - 2, n - 1] == pytest.approx(np.exp(-3))
    pixels = 2**30
    f, S, rows = large(3, pixels), large(3, pixels), large(6, pixels)
    f[:, -1], S[:, -1] = (1, 2, 3), (4, 6, 8)
    run_last_thread(loss._CENTRE, (pixels,), f, S, rows, 3, pixels)
    np.testing.assert_array_equal(rows[:, -1], [-2, 0, 2, -5, -4, -3])
