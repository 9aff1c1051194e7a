"""Convolution against plain loops in every option, in any workspace, and what it refuses."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field, replace
from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, assert_equal_to_rounding, layer_text, make_layer

from pysketch.convolution.direct_engine import DirectEngine, StripDirectEngine
from pysketch.convolution.gemm_engine import GemmEngine
from pysketch.convolution.im2col import Window
from pysketch.convolution.strip_engine import StripEngine
from pysketch.convolution.tile_engine import TileDirectEngine
from pysketch.convolution.winograd_engine import WinogradEngine
from pysketch.device.backend import Device
from pysketch.device.workers import Workers
from pysketch.errors import NetdefError, ShapeError
from pysketch.layers.context import Context
from pysketch.native.loader import describe, kernels
from pysketch.net.net import Net
from pysketch.netdef.definitions import parse_netdef

CONTRACT = {
    "Convolution": Case(
        layer_text(
            "Convolution",
            ["a", "b"],
            ["y", "z"],
            "convolution_param { num_output: 4 kernel_size: [2, 3] stride: 2 pad: 1 dilation: [2, 1] group: 2 }",
        ),
        ((2, 2, 5, 6), (3, 2, 3, 4)),
        ((2, 4, 3, 3), (3, 4, 2, 2)),
    ),
    "Convolution, 1x1": Case(
        layer_text("Convolution", ["a"], ["y"], "convolution_param { num_output: 2 kernel_size: 1 }"),
        ((2, 3, 4, 5),),
        ((2, 2, 4, 5),),
    ),
    "Convolution, by Winograd": Case(
        layer_text(
            "Convolution",
            ["a"],
            ["y"],
            "convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 2 bias_term: false engine: WINOGRAD }",
        ),
        ((2, 2, 4, 5),),
        ((2, 4, 4, 5),),
    ),
}


@dataclass
class Sample:
    """A convolution: its options as text, the input's shape, and the same options for the loops."""

    options: str
    shape: tuple[int, int, int, int]
    out: tuple[int, int, int, int]
    same: dict[str, Any] = field(default_factory=dict)


CASES = {
    "plain": Sample("num_output: 2 kernel_size: 3", (2, 3, 5, 7), (2, 2, 3, 5)),
    "stride": Sample("num_output: 2 kernel_size: 3 stride: 2", (2, 3, 7, 8), (2, 2, 3, 3), {"stride": (2, 2)}),
    "stride that skips the last rows": Sample(
        "num_output: 3 kernel_size: 2 stride: 3", (2, 3, 7, 4), (2, 3, 2, 1), {"stride": (3, 3)}
    ),
    "two strides": Sample(
        "num_output: 2 kernel_size: 2 stride: 1 stride: 3", (2, 3, 4, 8), (2, 2, 3, 3), {"stride": (1, 3)}
    ),
    "stride_h and stride_w": Sample(
        "num_output: 2 kernel_size: 2 stride_h: 3 stride_w: 2", (2, 3, 8, 5), (2, 2, 3, 2), {"stride": (3, 2)}
    ),
    "stride_h alone": Sample(
        "num_output: 2 kernel_size: 2 stride_h: 2", (1, 3, 5, 4), (1, 2, 2, 3), {"stride": (2, 1)}
    ),
    "pad": Sample("num_output: 2 kernel_size: 3 pad: 1", (2, 3, 4, 5), (2, 2, 4, 5), {"pad": (1, 1)}),
    "pad beyond the kernel": Sample("num_output: 1 kernel_size: 2 pad: 3", (1, 3, 1, 2), (1, 1, 6, 7), {"pad": (3, 3)}),
    "two pads": Sample("num_output: 2 kernel_size: 3 pad: [0, 2]", (2, 3, 4, 3), (2, 2, 2, 5), {"pad": (0, 2)}),
    "pad_h and pad_w": Sample(
        "num_output: 2 kernel_size: 3 pad_h: 2 pad_w: 0", (2, 3, 2, 5), (2, 2, 4, 3), {"pad": (2, 0)}
    ),
    "pad_w alone": Sample("num_output: 2 kernel_size: 3 pad_w: 1", (1, 3, 4, 2), (1, 2, 2, 2), {"pad": (0, 1)}),
    "dilation": Sample("num_output: 2 kernel_size: 3 dilation: 2", (2, 3, 6, 7), (2, 2, 2, 3), {"dilation": (2, 2)}),
    "two dilations": Sample(
        "num_output: 2 kernel_size: 3 dilation: [1, 3]", (2, 3, 4, 8), (2, 2, 2, 2), {"dilation": (1, 3)}
    ),
    "group": Sample("num_output: 6 kernel_size: 3 group: 2", (2, 4, 4, 5), (2, 6, 2, 3), {"group": 2}),
    "as many groups as channels": Sample(
        "num_output: 6 kernel_size: 2 group: 3", (2, 3, 4, 3), (2, 6, 3, 2), {"group": 3}
    ),
    "kernel_h and kernel_w": Sample("num_output: 2 kernel_h: 2 kernel_w: 4", (2, 3, 5, 6), (2, 2, 4, 3)),
    "two kernel sizes": Sample("num_output: 2 kernel_size: [4, 1]", (2, 3, 6, 5), (2, 2, 3, 5)),
    "no bias": Sample("num_output: 2 kernel_size: 3 bias_term: false", (2, 3, 4, 5), (2, 2, 2, 3)),
    "1x1": Sample("num_output: 2 kernel_size: 1", (2, 3, 4, 5), (2, 2, 4, 5)),
    "1x1 in groups": Sample("num_output: 4 kernel_size: 1 group: 2", (2, 4, 3, 5), (2, 4, 3, 5), {"group": 2}),
    "1x1 with stride": Sample("num_output: 2 kernel_size: 1 stride: 2", (2, 3, 4, 7), (2, 2, 2, 4), {"stride": (2, 2)}),
    "1x1 with pad": Sample("num_output: 2 kernel_size: 1 pad: 1", (2, 3, 2, 4), (2, 2, 4, 6), {"pad": (1, 1)}),
    "1x1 without bias": Sample("num_output: 2 kernel_size: 1 bias_term: false", (2, 3, 4, 5), (2, 2, 4, 5)),
    "image as small as the kernel": Sample("num_output: 2 kernel_size: 3", (2, 3, 3, 3), (2, 2, 1, 1)),
    "image of one pixel": Sample("num_output: 2 kernel_size: 1", (3, 4, 1, 1), (3, 2, 1, 1)),
    "everything at once": Sample(
        "num_output: 6 kernel_size: [2, 3] stride: [3, 2] pad: [2, 1] dilation: [3, 2] group: 2",
        (2, 4, 6, 7),
        (2, 6, 3, 3),
        {"stride": (3, 2), "pad": (2, 1), "dilation": (3, 2), "group": 2},
    ),
}

WINOGRAD = (
    "plain",
    "pad",
    "pad beyond the kernel",
    "two pads",
    "pad_h and pad_w",
    "group",
    "as many groups as channels",
    "no bias",
    "image as small as the kernel",
)
CASES |= {
    f"{name}, by Winograd": replace(CASES[name], options=f"{CASES[name].options} engine: WINOGRAD") for name in WINOGRAD
}


def make(case: Sample, dtype: type = np.float64, **net_options: Any) -> SingleLayer:
    """The case's layer, with random input, weights and bias."""
    return make_layer(
        layer_text("Convolution", ["x"], ["y"], f"convolution_param {{ {case.options} }}"),
        [case.shape],
        dtype=dtype,
        **net_options,
    )


def conv_text(options: str, bottoms: int = 1) -> str:
    """A convolution with so many bottoms and tops."""
    names = [f"x{k}" for k in range(bottoms)], [f"y{k}" for k in range(bottoms)]
    return layer_text("Convolution", *names, f"convolution_param {{ {options} }}")


def arrays(single: SingleLayer) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """x, W and b (None without a bias)."""
    params = [blob.data.astype(np.float64) for blob in single.params]
    return single.bottom[0].data.astype(np.float64), params[0], params[1] if len(params) > 1 else None


def random_diff(single: SingleLayer, k: int = 0) -> np.ndarray:
    """A top diff of normal numbers."""
    return np.random.default_rng(9 + k).standard_normal(single.top[k].shape).astype(single.top[k].dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_forward_is_the_plain_loop_in_every_option(case: Sample, dtype: type, device: Device) -> None:
    single = make(case, dtype, device=device)
    (y,) = single.forward()
    assert y.shape == case.out
    assert y.dtype == dtype
    np.testing.assert_allclose(y, naive.convolution(*arrays(single), **case.same), **tolerance(dtype))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_backward_is_the_plain_loop_in_every_option(case: Sample, dtype: type, device: Device) -> None:
    single = make(case, dtype, device=device)
    single.forward()
    dy = random_diff(single)
    single.backward(dy)
    x, W, b = arrays(single)
    expected = naive.convolution_backward(x, W, dy.astype(np.float64), **case.same)
    found = [single.bottom[0].diff] + [blob.diff for blob in single.params]
    assert len(found) == (2 if b is None else 3)
    for diff, right in zip(found, expected, strict=False):
        assert diff.dtype == dtype
        np.testing.assert_allclose(diff, right, **tolerance(dtype))


def tolerance(dtype: type) -> dict[str, float]:
    """How far sums of some dozens of products of normal numbers may be off."""
    return {"rtol": 1e-10, "atol": 1e-12} if dtype is np.float64 else {"rtol": 1e-4, "atol": 4e-5}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_gpu_gives_the_cpus_numbers(case: Sample, dtype: type, gpu: Device) -> None:
    assert_equal_to_rounding(make(case, dtype, device=gpu).everything(), make(case, dtype).everything())


@pytest.mark.parametrize("limit", [1, 100, 1000, 3000])
@pytest.mark.parametrize(
    "name", ["plain", "stride", "two pads", "group", "1x1 with stride", "everything at once", "two pads, by Winograd"]
)
def test_a_tiny_workspace_gives_the_same_numbers(name: str, limit: int, device: Device) -> None:
    results = []
    for workspace in (1 << 20, limit):
        single = make(CASES[name], workers=Workers(2, workspace), device=device)
        (y,) = single.forward()
        single.backward(random_diff(single))
        results.append([y, single.bottom[0].diff, *(blob.diff for blob in single.params)])
    for roomy, tight in zip(*results, strict=True):
        np.testing.assert_allclose(tight, roomy, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("engine", ["CAFFE", "WINOGRAD"])
@pytest.mark.parametrize("limit", [200_000, 1 << 20])
def test_the_workers_hold_no_more_than_the_workspace(engine: str, limit: int) -> None:
    workers = Workers(3, limit)
    options = f"num_output: 8 kernel_size: 5 engine: {engine}"
    single = make(Sample(options, (2, 6, 60, 50), (2, 8, 56, 46)), np.float32, workers=workers)
    single.forward()
    single.backward(random_diff(single))
    assert limit / 20 < workers.nbytes <= limit


def test_a_pointwise_convolution_needs_no_workspace() -> None:
    single = make(CASES["1x1 in groups"])
    single.forward()
    single.backward(random_diff(single))
    assert single.layer.context.workers.nbytes < 10_000


@pytest.mark.parametrize("pad", [0, 2])
def test_temporaries_of_a_large_image_stay_near_the_workspace_limit(pad: int) -> None:
    """All columns at once would be 64 * 25 * 96 * 96 floats, 59 MB."""
    limit, out = 1 << 20, 96 + 2 * pad
    case = Sample(f"num_output: 8 kernel_size: 5 pad: {pad} engine: CAFFE", (2, 64, 100, 100), (2, 8, out, out))
    single = make(case, np.float32, workers=Workers(2, limit))
    (y,) = single.forward()
    dy = random_diff(single)
    single.backward(dy)  # now every blob has its memory
    slack = 400_000  # the sums of the weights' gradient, threads
    assert measure(single.forward) < limit + slack + y.nbytes  # y: this forward copies the top
    assert measure(lambda: single.backward(dy)) < limit + slack
    assert single.layer.context.workers.nbytes <= limit


def measure(run: Any) -> int:
    """Bytes that Python and NumPy allocated at once, at most, while it ran."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_several_bottoms_share_the_filters_and_may_have_different_sizes(device: Device) -> None:
    shapes = [(2, 3, 5, 4), (1, 3, 3, 6)]
    single = make_layer(conv_text("num_output: 2 kernel_size: 3", bottoms=2), shapes, device=device)
    tops = single.forward()
    dy = [random_diff(single, k) for k in range(2)]
    single.backward(*dy)
    W, b = (blob.data for blob in single.params)
    dW, db = np.zeros(W.shape), np.zeros(b.shape)
    for k in range(2):
        x = single.bottom[k].data
        np.testing.assert_allclose(tops[k], naive.convolution(x, W, b), rtol=1e-10)
        dx, *params = naive.convolution_backward(x, W, dy[k])
        np.testing.assert_allclose(single.bottom[k].diff, dx, rtol=1e-10, atol=1e-12)
        dW, db = dW + params[0], db + params[1]
    np.testing.assert_allclose(single.params[0].diff, dW, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(single.params[1].diff, db, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("frozen", [(0,), (1,), (0, 1)])
def test_params_with_lr_mult_0_keep_their_diff(frozen: tuple[int, ...], device: Device) -> None:
    specs = " ".join(f"param {{ lr_mult: {0 if k in frozen else 1} }}" for k in range(2))
    single = make_layer(
        layer_text("Convolution", ["x"], ["y"], f"{specs} convolution_param {{ {PLAIN} }}"), [SHAPE], device=device
    )
    single.forward()
    for blob in single.params:
        blob.diff[...] = 7
    single.backward(random_diff(single))
    assert [k for k, blob in enumerate(single.params) if (blob.diff == 7).all()] == list(frozen)


PLAIN, SHAPE = "num_output: 2 kernel_size: 3", (2, 3, 5, 4)


def test_backward_without_anything_asked_for_makes_no_columns() -> None:
    specs = "param { lr_mult: 0 } param { lr_mult: 0 }"
    single = make_layer(layer_text("Convolution", ["x"], ["y"], f"{specs} convolution_param {{ {PLAIN} }}"), [SHAPE])
    single.top[0].diff[...] = 1
    single.backward(1.0, propagate_down=[False])
    assert single.layer.context.workers.nbytes == 0


def test_an_input_of_another_size_or_batch_just_works(device: Device) -> None:
    single = make(CASES["pad"], device=device)
    single.forward()
    single.bottom[0].reshape(3, 3, 2, 6)
    single.bottom[0].data[...] = np.random.default_rng(1).standard_normal((3, 3, 2, 6))
    (y,) = single.forward()
    np.testing.assert_allclose(y, naive.convolution(*arrays(single), pad=(1, 1)), rtol=1e-10, atol=1e-12)


def test_the_sobel_kernel_is_a_column_smoothed_and_a_row_differentiated() -> None:
    """Separability, as in Caffe's tests: 3x3 Sobel = 3x1 (1, 2, 1) after 1x3 (-1, 0, 1)."""
    whole, column, row = (
        make_layer(conv_text(f"num_output: 1 {kernel} bias_term: false"), [shape])
        for kernel, shape in (
            ("kernel_size: 3", (2, 1, 6, 7)),
            ("kernel_h: 3 kernel_w: 1", (2, 1, 6, 7)),
            ("kernel_h: 1 kernel_w: 3", (2, 1, 4, 7)),
        )
    )
    whole.params[0].data[...] = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    column.params[0].data[...] = np.reshape([1, 2, 1], (3, 1))
    row.params[0].data[...] = [-1, 0, 1]
    column.bottom[0].data[...] = whole.bottom[0].data
    row.bottom[0].data[...] = column.forward()[0]
    np.testing.assert_allclose(row.forward()[0], whole.forward()[0], rtol=1e-12, atol=1e-12)


def test_weights_come_before_the_bias_in_the_order_of_the_fillers_numbers() -> None:
    fillers = 'weight_filler { type: "uniform" min: 1 max: 2 } bias_filler { type: "uniform" min: 3 max: 4 }'
    text = conv_text(f"num_output: 2 kernel_size: 2 {fillers}")
    inputs = 'layer { name: "in" type: "Input" top: "x0" input_param { shape { dim: [1, 3, 2, 2] } } }'
    W, b = (blob.data for blob in Net(parse_netdef(inputs + text), context=Context(seed=4)).params["it"])
    rng = np.random.RandomState(4)
    draws = [rng.randint(0, 2**32, n, dtype=np.uint64) / 2**32 for n in (W.size, b.size)]
    assert W.shape == (2, 3, 2, 2)
    np.testing.assert_allclose(W.ravel(), 1 + draws[0], rtol=1e-6)
    np.testing.assert_allclose(b, 3 + draws[1], rtol=1e-6)


def engine_of(options: str, shape: tuple[int, ...]) -> type:
    return type(make_layer(conv_text(options), [shape]).layer.engine)


@pytest.fixture
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no compiled kernels had been built."""
    monkeypatch.setattr("pysketch.layers.base_convolution.device_of", lambda xp: "cpu")


def test_the_default_engine_is_the_cheapest_one_and_cudnn_means_default(without_kernels: None) -> None:
    for engine in ("", "engine: DEFAULT", "engine: CUDNN"):
        assert engine_of(f"num_output: 64 kernel_size: 5 {engine}", (1, 64, 120, 120)) is WinogradEngine
        assert engine_of(f"num_output: 16 kernel_size: 9 {engine}", (1, 16, 120, 120)) is StripEngine
        assert engine_of(f"num_output: 16 kernel_size: 5 {engine}", (1, 16, 6, 6)) is GemmEngine
        assert engine_of(f"num_output: 16 kernel_size: 5 stride: 5 {engine}", (1, 16, 60, 60)) is GemmEngine


def test_an_engine_that_is_named_is_taken(without_kernels: None) -> None:
    assert engine_of("num_output: 16 kernel_size: 5 engine: CAFFE", (1, 16, 60, 60)) is GemmEngine
    assert engine_of("num_output: 2 kernel_size: 3 engine: WINOGRAD", (1, 3, 3, 3)) is WinogradEngine


@pytest.mark.skipif(kernels() is None, reason=describe())
def test_where_there_are_compiled_kernels_they_are_taken() -> None:
    assert engine_of("num_output: 64 kernel_size: 1", (1, 64, 120, 120)) is DirectEngine
    assert engine_of("num_output: 16 kernel_size: 9", (1, 16, 120, 120)) is StripDirectEngine
    assert engine_of("num_output: 16 kernel_size: 5 engine: CAFFE", (1, 16, 60, 60)) is GemmEngine
    assert engine_of("num_output: 2 kernel_size: 3 engine: WINOGRAD", (1, 3, 3, 3)) is TileDirectEngine


def test_the_choice_is_logged(without_kernels: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        engine_of("num_output: 64 kernel_size: 5", (1, 64, 120, 120))
    assert "Layer it: convolution engine WINOGRAD" in caplog.messages


def test_dilation_of_a_single_pixel_kernel_means_nothing(device: Device) -> None:
    single = make_layer(conv_text("num_output: 2 kernel_size: 1 dilation: 3"), [SHAPE], device=device)
    assert single.layer.window == Window((1, 1), dilation=(3, 3))
    np.testing.assert_allclose(single.forward()[0], naive.convolution(*arrays(single)), rtol=1e-10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("kernel_size: 3", "required field ConvolutionParameter.num_output is missing"),
        ("num_output: 0 kernel_size: 3", "ConvolutionParameter.num_output: expected at least 1, found 0"),
        ("num_output: 2", "kernel_size is missing; or give kernel_h and kernel_w"),
        ("num_output: 2 kernel_size: 0", "ConvolutionParameter.kernel_size: expected at least 1, found 0"),
        ("num_output: 2 kernel_size: 3 stride: 0", "ConvolutionParameter.stride: expected at least 1, found 0"),
        ("num_output: 2 kernel_size: 3 dilation: 0", "ConvolutionParameter.dilation: expected at least 1, found 0"),
        ("num_output: 2 kernel_size: 3 group: 0", "ConvolutionParameter.group: expected at least 1, found 0"),
        ("num_output: 2 kernel_size: 3 axis: 2", "axis 2 is not supported: this engine is for images"),
        ("num_output: 2 kernel_size: 3 axis: 5", "axis 5 is not supported: this engine is for images"),
        ("num_output: 2 kernel_h: 3", "kernel_h and kernel_w must both be given and positive"),
        ("num_output: 2 kernel_h: 3 kernel_w: 0", "kernel_h and kernel_w must both be given and positive"),
        ("num_output: 2 kernel_size: 3 stride_w: 0", "stride_h and stride_w must both be given and positive"),
        ("num_output: 2 kernel_size: 3 kernel_h: 3", "give either kernel_size or kernel_h and kernel_w, not both"),
        ("num_output: 2 kernel_size: 3 stride: 1 stride_w: 1", "give either stride or stride_h and stride_w, not both"),
        ("num_output: 2 kernel_size: 3 pad: 0 pad_h: 0", "give either pad or pad_h and pad_w, not both"),
        ("num_output: 2 kernel_size: [3, 3, 3]", "kernel_size is given 3 times; expected one number, or height and"),
        ("num_output: 2 kernal_size: 3", 'unknown field "kernal_size" .*did you mean "kernel_size"'),
        ("num_output: 2 kernel_size: 1 engine: WINOGRAD", "engine WINOGRAD needs a square kernel of 2 to 7 pixels"),
        ("num_output: 2 kernel_size: [3, 2] engine: WINOGRAD", r".*found kernel \(3, 2\), stride \(1, 1\)"),
        ("num_output: 2 kernel_size: 3 stride: 2 engine: WINOGRAD", r".*stride \(2, 2\), dilation \(1, 1\)"),
        ("num_output: 2 kernel_size: 3 dilation: 2 engine: WINOGRAD", r".*stride \(1, 1\), dilation \(2, 2\)"),
        (
            'num_output: 2 kernel_size: 3 weight_filler { type: "he" }',
            'unknown filler type "he"; expected one of const',
        ),
    ],
)
def test_options_that_make_no_sense_are_refused_with_their_place(options: str, message: str) -> None:
    with pytest.raises(NetdefError, match=rf'<netdef>:2:\d+: layer "it": {message}'):
        make_layer(conv_text(options), [SHAPE])


@pytest.mark.parametrize("same", ["axis: -3", "force_nd_im2col: true"])
def test_what_is_another_way_to_say_the_same_changes_nothing(same: str) -> None:
    plain, other = (make_layer(conv_text(f"num_output: 2 kernel_size: 3 {each}"), [SHAPE]) for each in ("", same))
    np.testing.assert_array_equal(other.forward()[0], plain.forward()[0])


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ("num_output: 2 kernel_size: 3", (2, 3, 5), r"expected a bottom of shape \(N, C, H, W\), found \(2, 3, 5\)"),
        (
            "num_output: 2 kernel_size: 3",
            (2, 3, 5),
            r"expected a .*; near: Reshape to \(N, C, 1, L\) with kernel_h: 1$",
        ),
        (
            "num_output: 2 kernel_size: 3",
            (2, 3, 5, 5, 5),
            "expected a bottom.* along 1 or 3 axes is not supported, this",
        ),
        ("num_output: 3 kernel_size: 3 group: 2", (2, 4, 5, 5), "num_output 3 cannot be split into 2 groups"),
        ("num_output: 2 kernel_size: 3 group: 2", (2, 3, 5, 5), "input channels 3 cannot be split into 2 groups"),
        ("num_output: 2 kernel_size: 3", (2, 0, 5, 5), "input channels 0 cannot be split into 1 groups"),
        (
            "num_output: 2 kernel_size: [2, 5] pad_w: 1 dilation: 1",
            (2, 3, 4, 2),
            r"kernel 2x5 \(height x width, dilation 1x1\) does not fit a 4x2 input with pad 0x1",
        ),
        (
            "num_output: 2 kernel_size: 2 dilation: [4, 1]",
            (2, 3, 4, 2),
            r"kernel 2x2 \(height x width, dilation 4x1\) does not fit a 4x2 input with pad 0x0",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_their_shape(
    options: str, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ShapeError, match=f'<netdef>:2:7: layer "it": {message}'):
        make_layer(conv_text(options), [shape])


def test_a_later_input_with_other_channels_is_refused() -> None:
    single = make_layer(conv_text(PLAIN), [SHAPE])
    single.bottom[0].reshape(2, 4, 5, 5)
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, 3, H, W\), found \(2, 4, 5, 5\)"):
        single.forward()


def test_more_tops_than_bottoms_are_refused() -> None:
    text = layer_text("Convolution", ["x"], ["y", "z"], f"convolution_param {{ {PLAIN} }}")
    with pytest.raises(NetdefError, match="takes as many tops as bottoms, found 1 bottom and 2 tops"):
        make_layer(text, [SHAPE])


def test_it_cannot_be_in_place() -> None:
    with pytest.raises(NetdefError, match='a Convolution layer cannot be in-place; give top "x" another name'):
        make_layer(layer_text("Convolution", ["x"], ["x"], f"convolution_param {{ {PLAIN} }}"), [SHAPE])
