"""Winograd's engine against the GEMM engine and plain loops: every kernel, any size, bounded, repeatable."""

import tracemalloc

import naive
import numpy as np
import pytest

from pysketch.convolution.gemm_engine import GemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import Finish
from pysketch.convolution.winograd import KERNELS
from pysketch.convolution.winograd_engine import WinogradEngine
from pysketch.device.workers import Workers


def engines(kernel, pad=(0, 0), limit=1 << 26, threads=2):
    """(Winograd's engine, the GEMM engine) of one geometry."""
    window = Window((kernel, kernel), pad=pad)
    return WinogradEngine(kernel, pad, Workers(threads, limit)), GemmEngine(window, Workers(1))


def run(engine, x, W, dy):
    """(y, dW, dx): dW starts at 1, the others as NaN."""
    y, dW, dx = np.full_like(dy, np.nan), np.ones_like(W), np.full_like(x, np.nan)
    engine.forward(x, W, y)
    engine.backward_weights(x, dy, dW)
    engine.backward_bottom(W, dy, dx)
    return y, dW, dx


def arrays(kernel, size, pad=(0, 0), n=2, c=3, o=4, dtype=np.float64):
    """Random x, W, dy."""
    rng = np.random.default_rng(kernel + sum(size))
    out = [size[k] + 2 * pad[k] - kernel + 1 for k in (0, 1)]
    shapes = (n, c, *size), (o, c, kernel, kernel), (n, o, *out)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("pad", [(0, 0), (1, 2), (8, 7)])
@pytest.mark.parametrize("kernel", KERNELS)
def test_it_agrees_with_im2col_for_every_kernel_odd_sizes_and_images_smaller_than_a_tile(kernel, pad):
    for size in ((kernel, kernel + 1), (kernel + 2, 9), (19, 23)):
        values = arrays(kernel, size, pad)
        fast, plain = engines(kernel, pad)
        for found, expected in zip(run(fast, *values), run(plain, *values), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel", [3, 5])
def test_it_agrees_with_the_plain_loop(kernel):
    x, W, dy = arrays(kernel, (7, 8))
    y, dW, dx = run(engines(kernel)[0], x, W, dy)
    right_dx, right_dW, _ = naive.convolution_backward(x, W, dy)
    np.testing.assert_allclose(y, naive.convolution(x, W, None), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(dW, 1 + right_dW, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(dx, right_dx, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kernel", [3, 5])
def test_in_float32_its_error_is_a_few_1e_6_of_the_result(kernel):
    x, W, dy = arrays(kernel, (38, 41), n=1, c=64, o=48)
    exact = run(engines(kernel)[1], x, W, dy)
    single = [values.astype(np.float32) for values in (x, W, dy)]
    results = [run(engine, *single) for engine in engines(kernel)]
    for fast, plain, right in zip(*results, exact, strict=True):
        error, usual = (np.sqrt(((found - right) ** 2).mean() / (right**2).mean()) for found in (fast, plain))
        assert usual < 5e-7
        assert error < 5e-6
        assert abs(fast - right).max() < 2e-5 * abs(right).max()


@pytest.mark.parametrize("limit", [1, 60_000, 200_000])
def test_a_tight_limit_cuts_smaller_blocks_and_gives_the_same_numbers(limit):
    values = arrays(5, (30, 33))
    for tight, roomy in zip(run(engines(5, limit=limit)[0], *values), run(engines(5)[0], *values), strict=True):
        np.testing.assert_allclose(tight, roomy, rtol=1e-10, atol=1e-10)


def test_arenas_and_transformed_kernels_stay_within_the_limit_if_a_tile_fits():
    limit, (x, W, dy) = 4 << 20, arrays(5, (90, 95), n=1, c=16, o=16, dtype=np.float32)
    engine, _ = engines(5, limit=limit)
    y, dx = np.empty_like(dy), np.empty_like(x)
    engine.forward(x, W, y)
    engine.backward_bottom(W, dy, dx)
    engine.backward_weights(x, dy, np.zeros_like(W))
    assert limit / 8 < engine.workers.nbytes <= limit


def test_a_second_pass_allocates_no_more_than_transformed_kernels():
    x, W, dy = arrays(5, (90, 95), n=2, c=16, o=16, dtype=np.float32)
    engine, _ = engines(5, threads=1)
    y = np.empty_like(dy)
    engine.forward(x, W, y)
    tracemalloc.start()
    try:
        engine.forward(x, W, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * 8 * 8 * 16 * 16 * 4


def test_the_same_call_gives_the_same_bits_with_as_many_threads():
    values = arrays(3, (61, 47), n=3, dtype=np.float32)
    first = run(engines(3, threads=3, limit=300_000)[0], *values)
    for _ in range(5):
        again = run(engines(3, threads=3, limit=300_000)[0], *values)
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)


def test_views_of_some_channels_are_read_and_written_in_place():
    x, W, dy = arrays(3, (9, 11), c=6, o=8)
    y = np.zeros_like(dy)
    engines(3)[0].forward(x[:, 3:], W[:4, 3:], y[:, 4:])
    assert not y[:, :4].any()
    np.testing.assert_allclose(y[:, 4:], naive.convolution(x[:, 3:], W[:4, 3:], None), rtol=1e-10, atol=1e-11)


def test_the_bias_and_the_rectifier_are_part_of_the_forward_pass():
    x, W, dy = arrays(5, (13, 18))
    b, y = np.array([0.5, -1.0, 2.0, 30.0]), np.full_like(dy, np.nan)
    engines(5)[0].forward(x, W, y, Finish(b, 0.25))
    plain = naive.convolution(x, W, b)
    np.testing.assert_allclose(y, np.where(plain > 0, plain, 0.25 * plain), rtol=1e-10, atol=1e-10)


def test_the_bottoms_diff_is_gated_by_what_a_rectifier_made():
    x, W, dy = arrays(3, (13, 18))
    dx = np.full_like(x, np.nan)
    engines(3)[0].backward_bottom(W, dy, dx, Finish(slope=0.25, made=x))
    plain = naive.convolution_backward(x, W, dy)[0]
    np.testing.assert_allclose(dx, np.where(x > 0, plain, 0.25 * plain), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_biass_gradient_is_the_sum_of_the_tops_diff(kernel):
    x, W, dy = arrays(kernel, (13, 18))
    db = np.ones(4)
    engines(kernel)[0].backward_weights(x, dy, np.zeros_like(W), db)
    np.testing.assert_allclose(db, 1 + dy.sum(axis=(0, 2, 3)), rtol=1e-12)


def test_many_channels_are_multiplied_in_several_groups():
    values = arrays(3, (25, 31), n=1, c=150, o=140, dtype=np.float32)
    fast, plain = engines(3)
    for found, expected in zip(run(fast, *values), run(plain, *values), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5 * abs(expected).max())


def test_kept_kernels_serve_as_long_as_no_weight_changes():
    x, W, dy = arrays(3, (13, 18))
    engine, y = WinogradEngine(3, (0, 0), Workers(2), keep_kernels=True), np.empty_like(dy)
    engine.forward(x, W, y)
    kept = engine._kept.transformed
    engine.forward(2 * x, W, y)
    assert engine._kept.transformed is kept
    np.testing.assert_allclose(y, naive.convolution(2 * x, W, None), rtol=1e-10, atol=1e-10)
    W[3, 2, 0, 1] += 1
    engine.forward(x, W, y)
    assert engine._kept.transformed is not kept
    np.testing.assert_allclose(y, naive.convolution(x, W, None), rtol=1e-10, atol=1e-10)


def test_kernels_are_not_kept_unless_asked_for():
    x, W, dy = arrays(3, (13, 18))
    engine, _ = engines(3)
    engine.forward(x, W, np.empty_like(dy))
    assert engine._kept is None


def test_threads_agree_to_rounding():
    values = arrays(5, (31, 27), n=3)
    single = run(engines(5, threads=1)[0], *values)
    for one, other in zip(single, run(engines(5, threads=3)[0], *values), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
