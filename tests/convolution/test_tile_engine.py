"""Winograd's compiled kernels against plain loops and the GEMM engine: every kernel, bounded, repeatable."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import naive
import numpy as np
import pytest
from convolutions import WINDOWS, arrays, run

from pysketch.convolution.direct_engine import Correlation
from pysketch.convolution.gemm_engine import GemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import Finish
from pysketch.convolution.tile_engine import TileDirectEngine, _TileGradientPlan
from pysketch.convolution.winograd import KERNELS, winograd_matrices
from pysketch.device.workers import Workers
from pysketch.native import describe, kernels

pytestmark = pytest.mark.skipif(kernels() is None, reason=describe())


def square(kernel, pad=(0, 0)):
    return Window((kernel, kernel), pad=pad)


class InTiles(TileDirectEngine):
    """The filters' gradient in tiles, also where that costs more."""

    def _gradient_plan(self, correlation, x, dy):
        return _TileGradientPlan(correlation, x, dy, self.workers)


@pytest.mark.parametrize("pad", [(0, 0), (1, 2), (8, 7)])
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_filters_gradient_agrees_with_im2col_for_every_kernel(kernel, pad):
    window = square(kernel, pad)
    for size, o in (((kernel, kernel + 1), 1), ((19, 23), 7), ((11, 150), 13)):
        x, W, dy = arrays(window, size, n=3, c=5, o=o)
        dW, db, right = np.ones_like(W), np.full(o, 2.0), np.ones_like(W)
        InTiles(window, Workers(2)).backward_weights(x, dy, dW, db)
        GemmEngine(window, Workers(1)).backward_weights(x, dy, right)
        np.testing.assert_allclose(dW, right, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(db, 2 + dy.sum(axis=(0, 2, 3)), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("limit", [1, 100_000, 400_000])
def test_the_filters_gradient_stays_within_the_workspace_where_one_tile_does(limit):
    window = square(5, (2, 2))
    x, W, dy = arrays(window, (30, 33), c=3, o=7)
    workers, dW, right = Workers(3, limit), np.zeros_like(W), np.zeros_like(W)
    InTiles(window, workers).backward_weights(x, dy, dW)
    GemmEngine(window, Workers(1)).backward_weights(x, dy, right)
    np.testing.assert_allclose(dW, right, rtol=1e-9, atol=1e-9)
    assert workers.nbytes <= limit or limit < 400_000


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_filters_gradient_has_the_same_bits_every_time_and_a_small_error_in_float32(threads):
    window = square(3, (1, 1))
    x, W, dy = arrays(window, (61, 47), n=3, c=16, o=8)
    right = np.zeros_like(W)
    GemmEngine(window, Workers(1)).backward_weights(x, dy, right)
    found = []
    for _ in range(4):
        dW = np.zeros(W.shape, np.float32)
        InTiles(window, Workers(threads)).backward_weights(x.astype(np.float32), dy.astype(np.float32), dW)
        found.append(dW)
    for dW in found:
        np.testing.assert_array_equal(dW, found[0])
        assert abs(dW - right).max() < 1e-5 * abs(right).max()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pixel_that_is_not_finite_reaches_the_gradient_of_those_who_see_it(value):
    window = square(3)
    x, W, dy = arrays(window, (9, 10), n=2, c=2, o=2)
    for at in ((0, 1, 0, 0), (1, 1, 8, 9), (0, 0, 5, 4)):
        spoilt, dW = x.copy(), np.zeros_like(W)
        spoilt[at] = value
        InTiles(window, Workers(2)).backward_weights(spoilt, dy, dW)
        right = naive.convolution_backward(spoilt, W, dy)[1]
        np.testing.assert_array_equal(np.isfinite(dW), np.isfinite(right))
        np.testing.assert_allclose(dW[np.isfinite(dW)], right[np.isfinite(dW)], rtol=1e-9, atol=1e-9)


def test_tiles_take_the_filters_gradient_of_many_channels_only():
    window = square(5)
    for channels, tiles in ((5, False), (128, True)):
        x, W, dy = arrays(window, (196, 151), n=1, c=channels, o=128, dtype=np.float32)
        engine = TileDirectEngine(window, Workers(2))
        engine.backward_weights(x, dy, W)
        (plan,) = engine._plans.values()
        assert isinstance(plan, _TileGradientPlan) == tiles


def passes(engine, x, W, dy):
    """(y, dx), which start as NaN."""
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    engine.forward(x, W, y)
    engine.backward_bottom(W, dy, dx)
    return y, dx


@pytest.mark.parametrize("pad", [(0, 0), (1, 2), (8, 7)])
@pytest.mark.parametrize("kernel", KERNELS)
def test_it_agrees_with_im2col_for_every_kernel_odd_sizes_and_images_smaller_than_a_tile(kernel, pad):
    window = square(kernel, pad)
    for size in ((kernel, kernel + 1), (kernel + 2, 9), (19, 23), (11, 150)):
        values = arrays(window, size, o=11)
        fast, plain = TileDirectEngine(window, Workers(2)), GemmEngine(window, Workers(1))
        for found, expected in zip(run(fast, *values), run(plain, *values), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_that_tiles_do_not_fit_are_done_in_strips_or_directly(window):
    values = arrays(window, (29, 23))
    fast, plain = TileDirectEngine(window, Workers(2)), GemmEngine(window, Workers(1))
    for found, expected in zip(run(fast, *values), run(plain, *values), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("window", [square(2), square(3), square(5, (3, 1)), Window((6, 6), stride=(2, 2), pad=(2, 2))])
def test_it_agrees_with_the_plain_loop(window):
    x, W, dy = arrays(window, (11, 9), c=2, o=2)
    y, dW, dx = run(TileDirectEngine(window, Workers(2)), x, W, dy)
    right_dx, right_dW, _ = naive.convolution_backward(x, W, dy, window.stride, window.pad)
    np.testing.assert_allclose(y, naive.convolution(x, W, None, window.stride, window.pad), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(dW, 1 + right_dW, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(dx, right_dx, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(("channels", "filters"), [(1, 1), (7, 50), (130, 3)])
def test_any_number_of_channels_and_filters_is_right_whether_v_stays_in_the_cache_or_not(channels, filters):
    for kernel, size in ((3, (10, 12)), (5, (40, 70))):
        x, W, dy = arrays(square(kernel), size, n=1, c=channels, o=filters)
        y, dx = passes(TileDirectEngine(square(kernel), Workers(2)), x, W, dy)
        right_y, right_dx = passes(GemmEngine(square(kernel), Workers(2)), x, W, dy)
        np.testing.assert_allclose(y, right_y, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(dx, right_dx, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
def test_in_float32_its_error_is_below_1e_5_of_the_largest_result(kernel):
    """Twice that where products are rounded, and of 2x2 kernels: their outputs are sums with 6th powers of points."""
    limit = 2e-5 if kernel == 2 or kernels().__name__.endswith("_generic") else 1e-5
    values = arrays(square(kernel), (38, 41), n=1, c=64, o=48)
    exact = passes(GemmEngine(square(kernel), Workers(2)), *values)
    found = passes(TileDirectEngine(square(kernel), Workers(2)), *(each.astype(np.float32) for each in values))
    for fast, right in zip(found, exact, strict=True):
        assert fast.dtype == np.float32
        assert abs(fast - right).max() < limit * abs(right).max()


@pytest.mark.parametrize("limit", [1, 60_000, 200_000])
def test_a_tight_limit_cuts_smaller_blocks_and_gives_the_same_numbers(limit):
    window = square(5, (2, 2))
    x, W, dy = arrays(window, (30, 33))
    engine = TileDirectEngine(window, Workers(2, limit))
    tight = passes(engine, x, W, dy)
    for one, other in zip(tight, passes(TileDirectEngine(window, Workers(2)), x, W, dy), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
    blocks = [plan.blocks for plan in engine._plans.values()]
    if limit == 1:
        assert all(bottom - top <= 4 and right - left <= 4 for _, top, bottom, left, right in blocks[0])


def test_arenas_stay_within_the_limit_if_a_tile_fits():
    limit = 3 << 19
    x, W, dy = arrays(square(5), (90, 95), n=1, c=16, o=16, dtype=np.float32)
    engine = TileDirectEngine(square(5), Workers(2, limit))
    passes(engine, x, W, dy)
    assert limit / 8 < engine.workers.nbytes <= limit


def test_the_same_call_gives_the_same_bits_with_any_number_of_threads():
    x, W, dy = arrays(square(3), (61, 47), n=3, dtype=np.float32)
    first = passes(TileDirectEngine(square(3), Workers(1)), x, W, dy)
    for threads in (2, 3, 8, 3, 2):
        for one, other in zip(first, passes(TileDirectEngine(square(3), Workers(threads)), x, W, dy), strict=True):
            np.testing.assert_array_equal(one, other)


def test_views_of_some_channels_are_read_and_written_in_place():
    x, W, dy = arrays(square(3), (9, 11), c=6, o=8)
    y = np.zeros_like(dy)
    TileDirectEngine(square(3), Workers(2)).forward(x[:, 3:], W[:4, 3:], y[:, 4:])
    assert not y[:, :4].any()
    np.testing.assert_allclose(y[:, 4:], naive.convolution(x[:, 3:], W[:4, 3:], None), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("slope", [None, 0.0, 0.25])
@pytest.mark.parametrize("window", [square(5), square(3, (1, 1)), Window((6, 6), stride=(2, 2))])
def test_bias_rectifier_and_gate_are_part_of_the_passes(window, slope):
    x, W, dy = arrays(window, (14, 18))
    b, y, dx = np.array([0.5, -1.0, 2.0, 30.0]), np.full_like(dy, np.nan), np.full_like(x, np.nan)
    engine = TileDirectEngine(window, Workers(2))
    engine.forward(x, W, y, Finish(b, slope))
    engine.backward_bottom(W, dy, dx, Finish(slope=slope, made=None if slope is None else x))
    plain = naive.convolution(x, W, b, window.stride, window.pad)
    diff = naive.convolution_backward(x, W, dy, window.stride, window.pad)[0]
    factor = 1 if slope is None else slope
    np.testing.assert_allclose(y, np.where(plain > 0, plain, factor * plain), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(dx, np.where(x > 0, diff, factor * diff), rtol=1e-10, atol=1e-10)


def test_the_gradient_for_the_bottom_agrees_with_centred_differences():
    x, W, dy = arrays(square(3, (1, 1)), (7, 9), n=1, c=2, o=3)
    engine = TileDirectEngine(square(3, (1, 1)), Workers(1))
    _, dx = passes(engine, x, W, dy)
    for at in np.ndindex(x.shape):
        losses = []
        for step in (1e-3, -1e-3):
            moved, y = x.copy(), np.empty_like(dy)
            moved[at] += step
            engine.forward(moved, W, y)
            losses.append((y * dy).sum())
        np.testing.assert_allclose(dx[at], (losses[0] - losses[1]) / 2e-3, rtol=1e-8, atol=1e-9)


def test_kept_filters_serve_as_long_as_no_weight_changes():
    x, W, dy = arrays(square(3), (13, 18))
    engine, y = TileDirectEngine(square(3), Workers(2), keep_kernels=True), np.empty_like(dy)
    engine.forward(x, W, y)
    kept = engine._kept
    engine.forward(2 * x, W, y)
    assert engine._kept is kept
    W[3, 2, 0, 1] += 1
    engine.forward(x, W, y)
    assert engine._kept is not kept
    np.testing.assert_allclose(y, naive.convolution(x, W, None), rtol=1e-10, atol=1e-10)


def call(change):
    """`tiles` on good arrays, but for what is changed."""
    matrices = winograd_matrices(6, 3)
    given = {
        "team": Workers(1).team,
        "x": np.ones((2, 3, 5, 6)),
        "w": np.ones((-(-4 // kernels().rows()), 64, 3, kernels().rows())),
        "bias": None,
        "made": None,
        "y": np.empty((2, 4, 5, 6)),
        "geometry": (3, 3, 1, 1, 1, 1, -1, -1),
        "target": (0, 0, 1, 1, False, 0.0),
        "size": (5, 6),
        "blocks": [(0, 0, 5, 0, 6), (1, 0, 5, 0, 6)],
        "scratch": [np.empty(1 << 20, np.uint8)],
        "outputs": 6,
        "pairs": 4,
        "AT": matrices.AT,
        "BT": matrices.BT,
    }
    kernels().tiles(*(given | change).values())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"w": np.ones(3)}, "w: expected [0-9]+ numbers, found 3"),
        ({"AT": np.ones((5, 8))}, "AT: expected 48 numbers, found 40"),
        ({"BT": np.ones((7, 8))}, "BT: expected 64 numbers, found 56"),
        ({"outputs": 5}, "expected square kernels, strides and dilations of 1, tiles of 8, 1, 2 or 4 pairs"),
        ({"pairs": 3}, "expected square kernels, strides and dilations of 1, tiles of 8, 1, 2 or 4 pairs"),
        ({"geometry": (3, 4, 1, 1, 1, 1, -1, -1)}, "expected square kernels"),
        ({"geometry": (3, 3, 1, 2, 1, 1, -1, -1)}, "expected square kernels"),
        ({"geometry": (3, 3, 1, 1, 2, 1, -1, -1)}, "expected square kernels"),
        ({"size": (6, 6)}, "expected outputs that lie in y"),
        ({"scratch": [np.empty(64, np.uint8)]}, "scratch: expected [0-9]+ numbers, found 64"),
    ],
)
def test_a_kernel_that_is_called_wrongly_says_so_and_touches_nothing(change, line):
    call({})
    with pytest.raises((TypeError, ValueError), match=line):
        call(change)


@pytest.mark.parametrize("pairs", [1, 2, 4])
def test_a_block_stays_in_the_scratch_memory_that_the_largest_one_needs(pairs):
    """Bytes behind it are left alone; blocks are of many sizes, the results right."""
    for kernel in KERNELS:
        m, geometry = 9 - kernel, (kernel, kernel, 1, 1, 1, 1, -1, -2)
        x, W, dy = arrays(square(kernel, (1, 2)), (41, 52), n=1, c=5, o=19, dtype=np.float32)
        y, height, width = np.full_like(dy, np.nan), dy.shape[2], dy.shape[3]
        downs, rights = [0, m, 3 * m, height], [0, m, 4 * m, width]
        blocks = [(0, *rows, *cols) for rows in pairwise(downs) for cols in pairwise(rights)]
        high, wide = height - 3 * m, width - 4 * m
        nbytes = kernels().tiles_scratch(5, geometry, high, wide, 4, 19, m, pairs)
        scratch, matrices = np.full(nbytes + 4096, 7, np.uint8)[8:], winograd_matrices(m, kernel)
        correlation = Correlation((kernel, kernel), (1, 1), (1, 1), (-1, -2), (height, width))
        packed = TileDirectEngine(square(kernel), Workers(1))._packed(correlation, W)
        told = m, pairs, matrices.AT.astype(np.float32), matrices.BT.astype(np.float32)
        target, images = (0, 0, 1, 1, False, 0.0), (x, packed, None, None, y)
        team = Workers(1).team
        kernels().tiles(team, *images, geometry, target, (height, width), blocks, [scratch[:nbytes]], *told)
        assert (scratch[nbytes:] == 7).all()
        expected = np.empty_like(y)
        GemmEngine(square(kernel, (1, 2)), Workers(1)).forward(x, W, expected)
        np.testing.assert_allclose(y, expected, rtol=1e-3, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["avx2", "generic"])
def test_every_set_of_instructions_passes_these_tests(name):
    environment = {**os.environ, "PYSKETCH_KERNELS": name}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist"]
    options = ["-o", "addopts=--import-mode=importlib -m 'not slow'"]
    told = subprocess.run(
        [*words, *options, __file__], capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2]
    )
    if "this CPU has no" in told.stdout + told.stderr:
        pytest.skip(f"this CPU has no {name}")
    assert told.returncode == 0, told.stdout + told.stderr
