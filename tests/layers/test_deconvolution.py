"""Deconvolution against stamping by hand, as the transpose of Convolution, and as bilinear enlarging."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.convolution.receptive_field import ReceptiveField
from pysketch.device.backend import Device
from pysketch.device.workers import Workers
from pysketch.errors import NetdefError, ShapeError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.net.tiling import Tiling
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "Deconvolution": Case(
        layer_text(
            "Deconvolution",
            ["a", "b"],
            ["y", "z"],
            "convolution_param { num_output: 6 kernel_size: [2, 3] stride: 2 pad: 1 dilation: [2, 1] group: 2 }",
        ),
        ((2, 2, 3, 4), (3, 2, 2, 3)),
        ((2, 6, 5, 7), (3, 6, 3, 5)),
    ),
    "Deconvolution, side by side": Case(
        layer_text(
            "Deconvolution",
            ["a", "b"],
            ["y", "z"],
            "convolution_param { num_output: 2 kernel_size: [2, 3] stride: [2, 3] group: 2 }",
        ),
        ((2, 2, 3, 4), (3, 2, 2, 3)),
        ((2, 2, 6, 12), (3, 2, 4, 9)),
    ),
    "Deconvolution, by Winograd": Case(
        layer_text(
            "Deconvolution",
            ["a"],
            ["y"],
            "convolution_param { num_output: 2 kernel_size: 3 bias_term: false engine: WINOGRAD }",
        ),
        ((2, 3, 4, 5),),
        ((2, 2, 6, 7),),
    ),
}

CASES: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ("num_output: 2 kernel_size: 3", (2, 3, 4, 5), (2, 2, 6, 7), {}),
    "stride": ("num_output: 2 kernel_size: 3 stride: 2", (2, 3, 3, 4), (2, 2, 7, 9), {"stride": (2, 2)}),
    "stride beyond the kernel": (
        "num_output: 2 kernel_size: 2 stride: 3",
        (2, 3, 2, 3),
        (2, 2, 5, 8),
        {"stride": (3, 3)},
    ),
    "two strides": (
        "num_output: 2 kernel_size: [3, 2] stride_h: 1 stride_w: 3",
        (1, 3, 4, 2),
        (1, 2, 6, 5),
        {"stride": (1, 3)},
    ),
    "pad": ("num_output: 2 kernel_size: 3 pad: [1, 2]", (2, 3, 4, 5), (2, 2, 4, 3), {"pad": (1, 2)}),
    "dilation": ("num_output: 2 kernel_size: 3 dilation: [1, 2]", (2, 3, 3, 2), (2, 2, 5, 6), {"dilation": (1, 2)}),
    "group": ("num_output: 6 kernel_size: 3 group: 2", (2, 4, 3, 4), (2, 6, 5, 6), {"group": 2}),
    "as many groups as channels": (
        "num_output: 3 kernel_size: 4 stride: 2 pad: 1 group: 3",
        (2, 3, 3, 4),
        (2, 3, 6, 8),
        {"stride": (2, 2), "pad": (1, 1), "group": 3},
    ),
    "side by side": (
        "num_output: 3 kernel_size: 2 stride: 2 group: 3",
        (2, 3, 3, 4),
        (2, 3, 6, 8),
        {"stride": (2, 2), "group": 3},
    ),
    "no bias": ("num_output: 2 kernel_size: 3 bias_term: false", (2, 3, 4, 5), (2, 2, 6, 7), {}),
    "1x1": ("num_output: 2 kernel_size: 1", (2, 3, 4, 5), (2, 2, 4, 5), {}),
    "more outputs than inputs": ("num_output: 5 kernel_size: 3 pad: 1", (2, 2, 4, 5), (2, 5, 4, 5), {"pad": (1, 1)}),
    "Winograd": ("num_output: 2 kernel_size: 3 engine: WINOGRAD", (2, 3, 7, 5), (2, 2, 9, 7), {}),
    "everything at once": (
        "num_output: 6 kernel_size: [2, 3] stride: [3, 2] pad: [2, 1] dilation: [3, 2] group: 2",
        (2, 4, 4, 3),
        (2, 6, 9, 7),
        {"stride": (3, 2), "pad": (2, 1), "dilation": (3, 2), "group": 2},
    ),
}


def make(options: str, shape: tuple[int, ...], type: str = "Deconvolution", **more: Any) -> SingleLayer:
    """A layer of one bottom, with random input, weights and bias."""
    return make_layer(layer_text(type, ["x"], ["y"], f"convolution_param {{ {options} }}"), [shape], **more)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-4)])
@pytest.mark.parametrize("name", CASES)
def test_it_is_the_plain_loop_forward_and_backward(name: str, dtype: type, rtol: float, device: Device) -> None:
    options, shape, out, same = CASES[name]
    single = make(options, shape, dtype=dtype, device=device)
    x, W, *b = (blob.data.astype(np.float64) for blob in (*single.bottom, *single.params))
    assert W.shape[:2] == (shape[1], out[1] // same.get("group", 1))
    (y,) = single.forward()
    assert y.shape == out
    dy = np.random.default_rng(1).standard_normal(out).astype(dtype)
    single.backward(dy)
    expected = [
        naive.deconvolution(x, W, b[0] if b else None, **same),
        *naive.deconvolution_backward(x, W, dy.astype(np.float64), **same)[: 2 + len(b)],
    ]
    found = [y, *(blob.diff for blob in (*single.bottom, *single.params))]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=rtol * abs(other).max())


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_transpose_of_a_convolution_with_the_same_weights(name: str) -> None:
    """<C y, x> = <y, D x>, with the bias out of the way."""
    options, shape, out, _ = CASES[name]
    options = options.replace("bias_term: false", "")
    there = make(f"{options} bias_term: false", shape)
    filters = options.replace(f"num_output: {out[1]}", f"num_output: {shape[1]}")
    back = make(f"{filters} bias_term: false", out, "Convolution")
    assert back.top[0].shape == shape
    back.params[0].data[...] = there.params[0].data
    np.testing.assert_allclose(
        (there.forward()[0] * back.bottom[0].data).sum(), (back.forward()[0] * there.bottom[0].data).sum(), rtol=1e-10
    )


@pytest.mark.parametrize("workspace", [1, 3000])
def test_the_workspace_makes_no_difference(workspace: int) -> None:
    options, shape, _, _ = CASES["everything at once"]
    small = make(options, shape, workers=Workers(2, workspace)).everything()
    for one, other in zip(small, make(options, shape).everything(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_with_a_bilinear_filler_it_interpolates_between_pixels(factor: int) -> None:
    kernel, pad = 2 * factor - factor % 2, factor // 2
    options = f"num_output: 2 group: 2 kernel_size: {kernel} stride: {factor} pad: {pad}"
    text = layer_text(
        "Deconvolution",
        ["x"],
        ["y"],
        f'convolution_param {{ {options} bias_term: false weight_filler {{ type: "bilinear" }} }}',
    )
    inputs = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 2, 4, 5] } } }'
    net = Net(parse_netdef(inputs + text), context=Context(dtype=np.float64))
    rows, cols = np.mgrid[:4, :5]
    net.blobs["x"].data[0] = [3.0 * rows + 7 * cols, np.ones((4, 5))]
    net.forward()
    y = net.blobs["y"].data[0]
    assert y.shape[1:] == (4 * factor, 5 * factor)
    oy, ox = np.mgrid[: 4 * factor, : 5 * factor]
    plane = 3 * ((oy + 0.5) / factor - 0.5) + 7 * ((ox + 0.5) / factor - 0.5)
    inner = slice(factor, -factor)
    np.testing.assert_allclose(y[0, inner, inner], plane[inner, inner], rtol=1e-6)
    np.testing.assert_allclose(y[1, inner, inner], 1, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        "kernel_size: 4 stride: 2 pad: 1",
        "kernel_size: 2 stride: 3",
        "kernel_size: 3 stride: 2 pad: 2",
        "kernel_size: 3",
    ],
)
def test_an_image_drawn_in_tiles_is_the_image_drawn_whole(options: str) -> None:
    """Shrunk by pooling, enlarged again."""
    net = Net(
        parse_netdef(f"""
        layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: [1, 1, 23, 17] }} }} }}
        layer {{ name: "pool" type: "Pooling" bottom: "x" top: "p"
                 pooling_param {{ kernel_size: 3 stride: 2 pad: 1 }} }}
        layer {{ name: "up" type: "Deconvolution" bottom: "p" top: "y" convolution_param {{ num_output: 1 {options}
                 weight_filler {{ type: "xavier" }} bias_filler {{ value: 1 }} }} }}"""),
        context=Context(dtype=np.float64),
    )
    image = np.random.default_rng(0).standard_normal((1, 1, 23, 17))
    net.blobs["x"].data[...] = image
    net.forward()
    whole, made = net.blobs["y"].data.copy(), np.full(net.blobs["y"].shape, np.nan)
    tiles = Tiling(net).cut((23, 17), whole.shape[2:], 5)
    assert len(tiles) > 4
    for vertical, horizontal in tiles:
        part = image[:, :, vertical.seen, horizontal.seen]
        net.blobs["x"].reshape(part.shape)
        net.blobs["x"].data[...] = part
        net.forward()
        made[:, :, vertical.made, horizontal.made] = net.blobs["y"].data[:, :, vertical.kept, horizontal.kept]
    np.testing.assert_allclose(made, whole, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        ("kernel_size: 4 stride: 2 pad: 1", 2, 1),
        ("kernel_size: 3 dilation: 2", 4, 0),
        ("kernel_size: 2 stride: 3", 2, 1),
        ("kernel_size: 3 stride: 2 pad: 2", 1, 3),
    ],
)
def test_a_pixel_sees_what_stamps_it_and_what_a_tile_needs_to_make_it(options: str, before: int, after: int) -> None:
    """In pixels of the output: with the gaps of a stride beyond the kernel, and with what the padding cuts off."""
    layer = make(f"num_output: 1 {options}", (1, 1, 5, 7)).layer
    s = layer.window.stride[0]
    assert layer.receptive_field() == (ReceptiveField(Fraction(1, s), Fraction(before, s), Fraction(after, s)),) * 2


@pytest.mark.parametrize(
    "options", ["kernel_size: 4 stride: 2 pad: 1", "kernel_size: 2 stride: 3", "kernel_size: 3 pad: 2"]
)
def test_a_bottom_cut_to_what_is_seen_makes_every_output_that_sees_it(options: str) -> None:
    layer = make(f"num_output: 1 {options}", (1, 1, 9, 9)).layer
    field, (s, _) = layer.receptive_field()[0], layer.window.stride
    for start in range(layer.top_size((9, 9))[0]):
        first, last = field.seen_range(start, start + 1)
        first, last = max(first, 0), min(last, 9)
        assert s * first <= start < s * first + layer.top_size((last - first, 9))[0]


def test_a_convolution_undone_in_size_by_a_deconvolution_trains() -> None:
    net = Net(
        parse_netdef("""
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [2, 3, 7, 9] } } }
        layer { name: "down" type: "Convolution" bottom: "x" top: "d"
                convolution_param { num_output: 4 kernel_size: 3 stride: 2 weight_filler { type: "msra" } } }
        layer { name: "up" type: "Deconvolution" bottom: "d" top: "y"
                convolution_param { num_output: 3 kernel_size: 3 stride: 2 weight_filler { type: "msra" } } }
        layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "x" top: "loss" }"""),
        Phase.TRAIN,
    )
    net.blobs["x"].data[...] = np.random.default_rng(0).standard_normal((2, 3, 7, 9))
    losses = []
    for _ in range(20):
        net.clear_param_diffs()
        losses.append(float(net.forward_loss()))
        net.backward()
        for param in net.learnable:
            param.blob.data[...] -= 1e-3 * param.blob.diff
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]


def test_groups_must_divide_both_numbers_of_channels() -> None:
    with pytest.raises(ShapeError, match="num_output 3 cannot be split into 2 groups"):
        make("num_output: 3 kernel_size: 3 group: 2", (1, 4, 3, 3))
    with pytest.raises(ShapeError, match="input channels 3 cannot be split into 2 groups"):
        make("num_output: 4 kernel_size: 3 group: 2", (1, 3, 3, 3))


def test_an_output_that_is_all_cut_off_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"kernel 2x2 .* does not fit a 1x3 input with pad 1x1"):
        make("num_output: 1 kernel_size: 2 pad: 1", (1, 1, 1, 3))


def test_winograd_is_refused_where_it_cannot_be() -> None:
    with pytest.raises(NetdefError, match="engine WINOGRAD needs"):
        make("num_output: 1 kernel_size: 3 stride: 2 engine: WINOGRAD", (1, 1, 3, 3))


@pytest.mark.parametrize(("stride", "said"), [(2, "none, stamps lie side by side"), (1, "CAFFE")])
def test_the_log_says_where_no_engine_is_needed(
    stride: int, said: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pysketch.layers.base_convolution.device_of", lambda xp: "cpu")
    extra = f"convolution_param {{ num_output: 2 kernel_size: 2 stride: {stride} group: 2 }}"
    with caplog.at_level("INFO"):
        make_layer(layer_text("Deconvolution", ["x"], ["y"], extra), [(1, 2, 3, 4)])
    (message,) = [line for line in caplog.messages if "engine" in line]
    assert message == f"Layer it: convolution engine {said}"
