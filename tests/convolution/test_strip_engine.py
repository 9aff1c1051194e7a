"""The strip engine against plain loops and the GEMM engine: every geometry that it takes, bounded, repeatable."""

import naive
import numpy as np
import pytest
from convolutions import WINDOWS, arrays, run

from pysketch.convolution.gemm_engine import GemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import Finish
from pysketch.convolution.strip_engine import StripEngine, Strips
from pysketch.device.workers import Workers


@pytest.mark.parametrize("window", WINDOWS)
def test_it_agrees_with_im2col_for_every_geometry_and_images_smaller_than_a_strip(window):
    assert StripEngine.fits(window)
    for size in ((window.extent(0), window.extent(1) + 1), (29, 23)):
        values = arrays(window, size)
        fast, plain = StripEngine(window, Workers(2)), GemmEngine(window, Workers(1))
        for found, expected in zip(run(fast, *values), run(plain, *values), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "window", [Window((9, 3)), Window((4, 4), stride=(2, 2), pad=(1, 1)), Window((3, 3), dilation=(2, 2), pad=(2, 2))]
)
def test_it_agrees_with_the_plain_loop(window):
    x, W, dy = arrays(window, (11, 9), n=1, c=2, o=2)
    geometry = window.stride, window.pad, window.dilation
    y, dW, dx = run(StripEngine(window, Workers(2)), x, W, dy)
    right_dx, right_dW, _ = naive.convolution_backward(x, W, dy, *geometry)
    np.testing.assert_allclose(y, naive.convolution(x, W, None, *geometry), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(dW, 1 + right_dW, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(dx, right_dx, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(
    "window", [Window((1, 3)), Window((2, 2), stride=(2, 1)), Window((4, 4), stride=(2, 2), dilation=(2, 2))]
)
def test_what_it_cannot_do_is_said(window):
    assert not StripEngine.fits(window)


def test_high_kernels_are_cut_into_parts_and_strides_into_phases():
    assert [(Strips(Window((k, 3))).parts, Strips(Window((k, 3))).outputs) for k in (3, 6, 7, 9, 10, 13)] == [
        (1, 6),
        (1, 3),
        (2, 4),
        (2, 4),
        (3, 4),
        (3, 4),
    ]
    strided = Strips(Window((4, 5), stride=(2, 3)))
    assert (strided.phases, strided.rows, strided.outputs, strided.depth) == (2, 2, 7, 10)


@pytest.mark.parametrize("window", [Window((9, 9)), Window((5, 5)), Window((3, 3)), Window((4, 4), stride=(2, 2))])
def test_in_float32_its_error_is_below_1e_5_of_the_largest_result(window):
    values = arrays(window, (38, 41), n=1, c=32, o=24)
    exact = run(GemmEngine(window, Workers(2)), *values)
    found = run(StripEngine(window, Workers(2)), *(each.astype(np.float32) for each in values))
    for fast, right in zip(found, exact, strict=True):
        assert fast.dtype == np.float32
        assert abs(fast - right).max() < 1e-5 * abs(right).max()


@pytest.mark.parametrize("limit", [1, 20_000, 100_000])
def test_a_tight_limit_cuts_smaller_blocks_and_gives_the_same_numbers(limit):
    window = Window((5, 5), pad=(2, 2))
    values = arrays(window, (30, 33))
    tight = run(StripEngine(window, Workers(2, limit)), *values)
    for one, other in zip(tight, run(StripEngine(window, Workers(2)), *values), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def test_arenas_and_transformed_filters_stay_within_the_limit_if_a_strip_fits():
    window, limit = Window((5, 5)), 2 << 20
    x, W, dy = arrays(window, (90, 95), n=1, c=16, o=16, dtype=np.float32)
    engine = StripEngine(window, Workers(2, limit))
    run(engine, x, W, dy)
    assert limit / 8 < engine.workers.nbytes <= limit


def test_the_same_call_gives_the_same_bits_with_as_many_threads():
    window = Window((3, 3))
    values = arrays(window, (61, 47), n=3, dtype=np.float32)
    first = run(StripEngine(window, Workers(3, 300_000)), *values)
    for _ in range(5):
        again = run(StripEngine(window, Workers(3, 300_000)), *values)
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)


def test_views_of_some_channels_are_read_and_written_in_place():
    window = Window((3, 3))
    x, W, dy = arrays(window, (9, 11), c=6, o=8)
    y = np.zeros_like(dy)
    StripEngine(window, Workers(2)).forward(x[:, 3:], W[:4, 3:], y[:, 4:])
    assert not y[:, :4].any()
    np.testing.assert_allclose(y[:, 4:], naive.convolution(x[:, 3:], W[:4, 3:], None), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("window", [Window((5, 5)), Window((3, 3), dilation=(2, 2), pad=(2, 2))])
def test_bias_rectifier_and_gate_are_part_of_the_passes(window):
    x, W, dy = arrays(window, (13, 18))
    b, y, dx = np.array([0.5, -1.0, 2.0, 30.0]), np.full_like(dy, np.nan), np.full_like(x, np.nan)
    engine = StripEngine(window, Workers(2))
    engine.forward(x, W, y, Finish(b, 0.25))
    engine.backward_bottom(W, dy, dx, Finish(slope=0.25, made=x))
    geometry = window.stride, window.pad, window.dilation
    plain, diff = naive.convolution(x, W, b, *geometry), naive.convolution_backward(x, W, dy, *geometry)[0]
    np.testing.assert_allclose(y, np.where(plain > 0, plain, 0.25 * plain), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(dx, np.where(x > 0, diff, 0.25 * diff), rtol=1e-10, atol=1e-10)


def test_the_biass_gradient_is_the_sum_of_the_tops_diff():
    x, W, dy = arrays(Window((4, 4), stride=(2, 2)), (13, 18))
    db = np.ones(4)
    StripEngine(Window((4, 4), stride=(2, 2)), Workers(2)).backward_weights(x, dy, np.zeros_like(W), db)
    np.testing.assert_allclose(db, 1 + dy.sum(axis=(0, 2, 3)), rtol=1e-12)


def test_kept_filters_serve_as_long_as_no_weight_changes():
    window = Window((3, 3))
    x, W, dy = arrays(window, (13, 18))
    engine, y = StripEngine(window, Workers(2), keep_kernels=True), np.empty_like(dy)
    engine.forward(x, W, y)
    kept = engine._kept
    engine.forward(2 * x, W, y)
    assert engine._kept is kept
    np.testing.assert_allclose(y, naive.convolution(2 * x, W, None), rtol=1e-10, atol=1e-10)
    W[3, 2, 0, 1] += 1
    engine.forward(x, W, y)
    assert engine._kept is not kept
    np.testing.assert_allclose(y, naive.convolution(x, W, None), rtol=1e-10, atol=1e-10)
