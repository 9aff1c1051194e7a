"""The engines of compiled kernels against plain loops and the GEMM engine: any geometry, bounded, repeatable."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import naive
import numpy as np
import pytest
from convolutions import WINDOWS, arrays, run

from pysketch.convolution.direct_engine import DirectEngine, StripDirectEngine, _GradientPlan
from pysketch.convolution.gemm_engine import GemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import Finish
from pysketch.device.workers import Workers
from pysketch.native import describe, kernels

pytestmark = pytest.mark.skipif(kernels() is None, reason=describe())

BOTH = [DirectEngine, StripDirectEngine]


class InStrips(StripDirectEngine):
    """The filters' gradient in strips, also where that costs more."""

    def _gradient_plan(self, correlation, x, dy):
        return _GradientPlan(correlation, self._strips(correlation), x, dy, self.workers)


GRADIENTS = [DirectEngine, InStrips]
MORE = [
    Window((1, 1)),
    Window((1, 3)),
    Window((1, 1), stride=(2, 2)),
    Window((2, 2), stride=(2, 1)),
    Window((2, 2), stride=(3, 4)),
    Window((4, 4), stride=(2, 2), dilation=(2, 2)),
    Window((3, 3), stride=(2, 4), dilation=(3, 2), pad=(1, 2)),
    Window((3, 3), stride=(4, 4), dilation=(2, 2)),
]


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("window", [*WINDOWS, *MORE])
def test_they_agree_with_im2col_for_every_geometry_and_images_smaller_than_a_vector(window, make):
    for size in ((window.extent(0), window.extent(1) + 1), (29, 23)):
        values = arrays(window, size, o=11)
        fast, plain = make(window, Workers(2)), GemmEngine(window, Workers(1))
        for found, expected in zip(run(fast, *values), run(plain, *values), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    "window", [Window((9, 3)), Window((4, 4), stride=(2, 2), pad=(1, 1)), Window((3, 3), dilation=(2, 2), pad=(2, 2))]
)
def test_they_agree_with_the_plain_loop(window, make):
    x, W, dy = arrays(window, (11, 9), n=1, c=2, o=2)
    geometry = window.stride, window.pad, window.dilation
    y, dW, dx = run(make(window, Workers(2)), x, W, dy)
    right_dx, right_dW, _ = naive.convolution_backward(x, W, dy, *geometry)
    np.testing.assert_allclose(y, naive.convolution(x, W, None, *geometry), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(dW, 1 + right_dW, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(dx, right_dx, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("window", [Window((9, 9)), Window((5, 5)), Window((3, 3)), Window((4, 4), stride=(2, 2))])
def test_in_float32_their_error_is_below_1e_5_of_the_largest_result(window, make):
    values = arrays(window, (38, 41), n=1, c=32, o=24)
    exact = run(GemmEngine(window, Workers(2)), *values)
    found = run(make(window, Workers(2)), *(each.astype(np.float32) for each in values))
    for fast, right in zip(found, exact, strict=True):
        assert fast.dtype == np.float32
        assert abs(fast - right).max() < 1e-5 * abs(right).max()


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("limit", [1, 20_000, 100_000])
def test_a_tight_limit_cuts_smaller_blocks_and_gives_the_same_numbers(limit, make):
    window = Window((5, 5), pad=(2, 2))
    values = arrays(window, (30, 33))
    tight = run(make(window, Workers(2, limit)), *values)
    for one, other in zip(tight, run(make(window, Workers(2)), *values), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", BOTH)
def test_the_same_call_gives_the_same_bits_with_any_number_of_threads(make):
    window = Window((3, 3))
    x, W, dy = arrays(window, (61, 47), n=3, dtype=np.float32)
    found = []
    for threads in (1, 2, 3, 8, 3, 2):
        y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
        engine = make(window, Workers(threads))
        engine.forward(x, W, y)
        engine.backward_bottom(W, dy, dx)
        found.append((y, dx))
    for y, dx in found[1:]:
        np.testing.assert_array_equal(y, found[0][0])
        np.testing.assert_array_equal(dx, found[0][1])


@pytest.mark.parametrize("make", BOTH)
def test_views_of_some_channels_are_read_and_written_in_place(make):
    window = Window((3, 3))
    x, W, dy = arrays(window, (9, 11), c=6, o=8)
    y = np.zeros_like(dy)
    make(window, Workers(2)).forward(x[:, 3:], W[:4, 3:], y[:, 4:])
    assert not y[:, :4].any()
    np.testing.assert_allclose(y[:, 4:], naive.convolution(x[:, 3:], W[:4, 3:], None), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("slope", [0.0, 0.25])
@pytest.mark.parametrize(
    "window", [Window((5, 5)), Window((3, 3), stride=(2, 2), pad=(1, 1)), Window((1, 1), stride=(2, 2))]
)
def test_bias_rectifier_and_gate_are_part_of_the_passes(window, slope, make):
    x, W, dy = arrays(window, (13, 18))
    b, y, dx = np.array([0.5, -1.0, 2.0, 30.0]), np.full_like(dy, np.nan), np.full_like(x, np.nan)
    engine = make(window, Workers(2))
    engine.forward(x, W, y, Finish(b, slope))
    engine.backward_bottom(W, dy, dx, Finish(slope=slope, made=x))
    geometry = window.stride, window.pad, window.dilation
    plain, diff = naive.convolution(x, W, b, *geometry), naive.convolution_backward(x, W, dy, *geometry)[0]
    np.testing.assert_allclose(y, np.where(plain > 0, plain, slope * plain), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(dx, np.where(x > 0, diff, slope * diff), rtol=1e-10, atol=1e-10)


def test_what_is_not_a_number_stays_so_and_reaches_only_outputs_that_see_it():
    x, W, _ = arrays(Window((3, 3)), (12, 14))
    x[0, 1, 5, 6] = np.nan
    y = np.empty((2, 4, 10, 12))
    DirectEngine(Window((3, 3)), Workers(2)).forward(x, W, y, Finish(slope=0.0))
    seen = np.zeros((2, 4, 10, 12), bool)
    seen[0, :, 3:6, 4:7] = True
    np.testing.assert_array_equal(np.isnan(y), seen)


@pytest.mark.parametrize("make", BOTH)
def test_kept_filters_serve_as_long_as_no_weight_changes(make):
    window = Window((3, 3))
    x, W, dy = arrays(window, (13, 18))
    engine, y = make(window, Workers(2), keep_kernels=True), np.empty_like(dy)
    engine.forward(x, W, y)
    kept = engine._kept
    engine.forward(2 * x, W, y)
    assert engine._kept is kept
    np.testing.assert_allclose(y, naive.convolution(2 * x, W, None), rtol=1e-10, atol=1e-10)
    W[3, 2, 0, 1] += 1
    engine.forward(x, W, y)
    assert engine._kept is not kept
    np.testing.assert_allclose(y, naive.convolution(x, W, None), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", GRADIENTS)
@pytest.mark.parametrize("window", [*WINDOWS, *MORE])
def test_the_filters_gradient_agrees_with_im2col_for_every_geometry(window, make):
    for size, o in (((window.extent(0), window.extent(1) + 1), 1), ((29, 23), 13)):
        x, W, dy = arrays(window, size, n=3, c=5, o=o)
        dW, db = np.ones_like(W), np.full(o, 2.0)
        make(window, Workers(2)).backward_weights(x, dy, dW, db)
        right = np.ones_like(W)
        GemmEngine(window, Workers(1)).backward_weights(x, dy, right)
        np.testing.assert_allclose(dW, right, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(db, 2 + dy.sum(axis=(0, 2, 3)), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", GRADIENTS)
@pytest.mark.parametrize("filters", [1, 2, 3, 4, 5, 6, 7, 12])
def test_any_number_of_filters_has_a_gradient(filters, make):
    window = Window((3, 3), pad=(1, 1))
    x, W, dy = arrays(window, (11, 40), c=2, o=filters)
    dW, right = np.zeros_like(W), np.zeros_like(W)
    make(window, Workers(2)).backward_weights(x, dy, dW)
    GemmEngine(window, Workers(1)).backward_weights(x, dy, right)
    np.testing.assert_allclose(dW, right, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", GRADIENTS)
@pytest.mark.parametrize("limit", [1, 10_000, 60_000, 200_000])
def test_the_filters_gradient_stays_within_the_workspace_where_one_column_does(limit, make):
    window = Window((5, 5), pad=(2, 2))
    x, W, dy = arrays(window, (30, 33), c=3, o=7)
    workers, dW, right = Workers(3, limit), np.zeros_like(W), np.zeros_like(W)
    make(window, workers).backward_weights(x, dy, dW)
    GemmEngine(window, Workers(1)).backward_weights(x, dy, right)
    np.testing.assert_allclose(dW, right, rtol=1e-10, atol=1e-10)
    assert workers.nbytes <= limit or limit < 200_000


@pytest.mark.parametrize("make", GRADIENTS)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_filters_gradient_has_the_same_bits_every_time(threads, make):
    window = Window((3, 3), pad=(1, 1))
    x, W, dy = arrays(window, (61, 47), n=3, c=4, o=8, dtype=np.float32)
    found = []
    for _ in range(4):
        engine = make(window, Workers(threads))
        for _ in range(3):
            dW, db = np.zeros_like(W), np.zeros(8, np.float32)
            engine.backward_weights(x, dy, dW, db)
            found.append((dW, db))
    for dW, db in found[1:]:
        np.testing.assert_array_equal(dW, found[0][0])
        np.testing.assert_array_equal(db, found[0][1])


@pytest.mark.parametrize("make", GRADIENTS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    "window",
    [Window((3, 3)), Window((3, 3), pad=(1, 1)), Window((4, 4), stride=(2, 2)), Window((2, 2), stride=(3, 3))],
)
def test_a_pixel_that_is_not_finite_reaches_the_gradient_of_those_who_see_it(window, value, make):
    x, W, dy = arrays(window, (9, 10), n=1, c=2, o=2)
    geometry = window.stride, window.pad, window.dilation
    for at in ((0, 1, 0, 0), (0, 1, 8, 9), (0, 0, 4, 9), (0, 1, 5, 4)):
        spoilt = x.copy()
        spoilt[at] = value
        dW = np.zeros_like(W)
        make(window, Workers(2)).backward_weights(spoilt, dy, dW)
        right = naive.convolution_backward(spoilt, W, dy, *geometry)[1]
        np.testing.assert_array_equal(np.isfinite(dW), np.isfinite(right))
        np.testing.assert_allclose(dW[np.isfinite(dW)], right[np.isfinite(dW)], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", GRADIENTS)
def test_what_is_not_finite_in_dy_stays_with_its_filter(make):
    window = Window((3, 3))
    x, W, dy = arrays(window, (15, 18))
    dy[1, 2, 3, 4] = np.nan
    dW, db = np.zeros_like(W), np.zeros(4)
    make(window, Workers(2)).backward_weights(x, dy, dW, db)
    assert np.isnan(dW[2]).all()
    assert np.isnan(db).tolist() == [False, False, True, False]
    assert np.isfinite(dW[[0, 1, 3]]).all()


@pytest.mark.parametrize("make", GRADIENTS)
def test_the_gradient_of_some_channels_is_added_in_place(make):
    window = Window((3, 3))
    x, W, dy = arrays(window, (9, 11), c=6, o=8)
    dW = np.zeros_like(W)
    make(window, Workers(2)).backward_weights(x[:, 3:], dy[:, 4:], dW[:4, 3:])
    assert not dW[:, :3].any()
    right = naive.convolution_backward(x[:, 3:], W[:4, 3:], dy[:, 4:])[1]
    np.testing.assert_allclose(dW[:4, 3:], right, rtol=1e-10, atol=1e-11)


def test_strips_take_the_filters_gradient_of_large_images_only():
    window = Window((3, 3))
    for size, strips in (((24, 18), False), ((192, 144), True)):
        x, W, dy = arrays(window, size, n=1, c=48, o=48, dtype=np.float32)
        engine = StripDirectEngine(window, Workers(2))
        engine.backward_weights(x, dy, W)
        (plan,) = engine._plans.values()
        assert bool(plan.strips) == strips


def gradient(change):
    """`direct_gradient` on good arrays, but for what is changed."""
    given = {
        "team": Workers(1).team,
        "x": np.ones((2, 3, 5, 6)),
        "dy": np.ones((2, 4, 3, 4)),
        "dw": np.zeros((2, 4, 27)),
        "db": np.zeros((2, 4)),
        "geometry": (3, 3, 1, 1, 1, 1, 0, 0),
        "shares": 2,
        "blocks": [(0, 0, 3, 0, 4), (1, 0, 3, 0, 4)],
        "scratch": [np.empty(1 << 16, np.uint8)],
    }
    return kernels().direct_gradient(*(given | change).values())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"x": np.ones((2, 3, 5, 6), np.float16)}, "x: expected numbers of 4 or 8 bytes"),
        ({"dy": np.ones((2, 4, 3, 4), np.float32)}, "dy: expected numbers of 4 or 8 bytes, in all arrays the same"),
        ({"dy": np.ones((2, 4, 3, 8))[:, :, :, ::2]}, "dy: expected contiguous images"),
        ({"dy": np.ones((1, 4, 3, 4))}, "expected as many images in x and dy"),
        ({"dy": None}, "expected as many images in x and dy"),
        ({"dw": np.zeros((1, 4, 27))}, "dw: expected 216 numbers, found 108"),
        ({"dw": None}, "dw: expected an array"),
        ({"db": np.zeros(4)}, "db: expected 8 numbers, found 4"),
        ({"shares": 0}, "a share or more"),
        ({"geometry": (3, 3, 1, 1, 0, 1, 0, 0)}, "expected a kernel, strides and dilations above 0"),
        ({"blocks": [(0, 0, 4, 0, 4)]}, "blocks: expected blocks of the outputs"),
        ({"scratch": [np.empty(64, np.uint8)]}, "scratch: expected [0-9]+ numbers, found 64"),
    ],
)
def test_a_gradient_that_is_called_wrongly_says_so_and_touches_nothing(change, line):
    gradient({})
    with pytest.raises((TypeError, ValueError), match=line):
        gradient(change)


def call(change):
    """`direct` on good arrays, but for what is changed."""
    given = {
        "team": Workers(1).team,
        "x": np.ones((2, 3, 5, 6)),
        "w": np.ones((1, 27, kernels().rows())),
        "bias": None,
        "made": None,
        "y": np.empty((2, 4, 3, 4)),
        "geometry": (3, 3, 1, 1, 1, 1, 0, 0),
        "target": (0, 0, 1, 1, False, 0.0),
        "size": (3, 4),
        "blocks": [(0, 0, 3, 0, 4), (1, 0, 3, 0, 4)],
        "scratch": [np.empty(1 << 16, np.uint8)],
    }
    return kernels().direct(*(given | change).values())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"x": np.ones((2, 3, 5, 6), np.float16)}, "x: expected numbers of 4 or 8 bytes"),
        ({"y": np.empty((2, 4, 3, 4), np.float32)}, "y: expected numbers of 4 or 8 bytes, in all arrays the same"),
        ({"x": np.ones((2, 3, 5, 12))[:, :, :, ::2]}, "x: expected contiguous images"),
        ({"x": np.ones((3, 3, 5, 6))}, "expected outputs that lie in y, and x and made to fit"),
        ({"w": np.ones(3)}, "w: expected [0-9]+ numbers, found 3"),
        ({"w": None}, "w: expected an array"),
        ({"bias": np.ones(3)}, "bias: expected 4 numbers, found 3"),
        ({"made": np.ones((2, 4, 3, 3))}, "expected outputs that lie in y"),
        ({"geometry": (3, 3, 0, 1, 1, 1, 0, 0)}, "expected a kernel, strides and dilations above 0"),
        ({"size": (4, 4)}, "expected outputs that lie in y"),
        ({"target": (1, 0, 1, 1, False, 0.0)}, "expected outputs that lie in y"),
        ({"blocks": [(2, 0, 3, 0, 4)]}, "blocks: expected blocks of the outputs"),
        ({"blocks": [(0, 0, 3, 0, 5)]}, "blocks: expected blocks of the outputs"),
        ({"blocks": [(0, 2, 2, 0, 4)]}, "blocks: expected blocks of the outputs"),
        ({"scratch": [np.empty(64, np.uint8)]}, "scratch: expected [0-9]+ numbers, found 64"),
        ({"scratch": []}, "scratch: expected 1 to 256 arrays"),
        ({"team": None}, "PyCapsule"),
    ],
)
def test_a_kernel_that_is_called_wrongly_says_so_and_touches_nothing(change, line):
    call({})
    with pytest.raises((TypeError, ValueError), match=line):
        call(change)


def test_workers_that_are_at_work_in_another_thread_are_not_shared():
    workers, window = Workers(1), Window((3, 3))
    x, W = np.ones((1, 16, 400, 400), np.float32), np.ones((64, 16, 3, 3), np.float32)
    y = np.empty((1, 64, 398, 398), np.float32)
    engine = DirectEngine(window, workers)
    refused, stop = [], time.monotonic() + 20

    def tried(work):
        try:
            work()
        except RuntimeError as error:
            refused.append(str(error))

    other = threading.Thread(target=lambda: [tried(lambda: engine.forward(x, W, y)) for _ in range(8)])
    other.start()
    small = [np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.empty((1, 1, 1, 1))]
    while other.is_alive() and not refused and time.monotonic() < stop:
        DirectEngine(window, Workers(1)).forward(*small)  # of workers of its own everybody makes use
        tried(lambda: call({"team": workers.team}))  # or the other thread is the one that comes too late
    other.join()
    assert {*refused} == {"these workers are at work in another thread; a net serves one thread at a time"}
    assert (y == 144).all()


def test_threads_of_a_fork_do_not_wait_for_those_of_its_parent():
    code = """
import os
import numpy as np
from pysketch.convolution.direct_engine import DirectEngine
from pysketch.convolution.im2col import Window
from pysketch.device.workers import Workers
engine = DirectEngine(Window((3, 3)), Workers(2))
x, W, y = np.ones((4, 2, 40, 40)), np.ones((3, 2, 3, 3)), np.empty((4, 3, 38, 38))
engine.forward(x, W, y)
child = os.fork()
y[...] = 0
engine.forward(x, W, y)
assert (y == 18).all()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    if not hasattr(os, "fork"):
        pytest.skip("no fork")
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["avx2", "generic"])
def test_every_set_of_instructions_passes_these_tests(name):
    environment = {**os.environ, "PYSKETCH_KERNELS": name}
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:xdist",
        "-o",
        "addopts=--import-mode=importlib -m 'not slow'",
    ]
    told = subprocess.run(
        [*words, __file__], capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2]
    )
    if "this CPU has no" in told.stdout + told.stderr:
        pytest.skip(f"this CPU has no {name}")
    assert told.returncode == 0, told.stdout + told.stderr
