"""Every layer that is written as ONNX: onnxruntime computes what we compute, also at another image size."""

import numpy as np
import pytest
from exported import INTEROP, assert_near, feed, run_onnx, single

from pysketch.errors import DataError
from pysketch.interop.export import onnx_model
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

LAYERS = [
    ("AbsVal", ""),
    ("BNLL", ""),
    ("BatchNorm", ""),
    ("BatchNorm", "batch_norm_param { eps: 0.1 }"),
    ("Bias", ""),
    ("Bias", "bias_param { num_axes: 0 }"),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: [2, 3] stride: [2, 1] pad: 1 group: 2 }"),
    ("Convolution", "convolution_param { num_output: 3 kernel_size: 2 dilation: 2 bias_term: false }"),
    ("Deconvolution", "convolution_param { num_output: 4 kernel_size: [2, 3] stride: 2 pad: 1 group: 2 }"),
    ("Dropout", ""),
    ("ELU", "elu_param { alpha: 0.5 }"),
    ("Exp", "exp_param { base: 2 scale: 0.3 shift: -1 }"),
    ("Flatten", ""),
    ("Flatten", "flatten_param { axis: 2 }"),
    ("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 k: 2 }"),
    ("Log", "log_param { base: 10 scale: 0.5 shift: 4 }"),
    ("MVN", ""),
    ("MVN", "mvn_param { across_channels: true eps: 0.5 }"),
    ("MVN", "mvn_param { normalize_variance: false }"),
    ("PReLU", ""),
    ("PReLU", "prelu_param { channel_shared: true }"),
    ("Pooling", "pooling_param { kernel_size: 2 stride: 2 }"),
    ("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"),
    ("Pooling", "pooling_param { kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 2 }"),
    ("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR }"),
    ("Pooling", "pooling_param { kernel_size: 3 pad: 1 }"),
    ("Pooling", "pooling_param { global_pooling: true }"),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 2 stride: 2 }"),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 }"),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR }"),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 3 pad: 1 }"),
    ("Pooling", "pooling_param { pool: AVE global_pooling: true }"),
    ("Power", ""),
    ("Power", "power_param { power: 1.5 scale: 0.5 shift: 4 }"),
    ("ReLU", ""),
    ("ReLU", "relu_param { negative_slope: 0.2 }"),
    ("Reshape", "reshape_param { shape { dim: 0 dim: 2 dim: -1 } }"),
    ("Scale", ""),
    ("Scale", "scale_param { bias_term: true }"),
    ("Scale", "scale_param { num_axes: 0 bias_term: true }"),
    ("Sigmoid", ""),
    ("Slice", 'top: "rest"'),
    ("Slice", 'top: "rest" slice_param { slice_point: 1 }'),
    ("Softmax", ""),
    ("Swish", ""),
    ("Swish", "swish_param { beta: -0.7 }"),
    ("TanH", ""),
]


@pytest.mark.parametrize(("type", "extra"), LAYERS)
def test_onnxruntime_computes_every_layer_as_we_do(type, extra):
    net = single(type, extra)
    name, x, right = feed(net, 2, 9, 8)
    assert_near(run_onnx(net, {name: x}), right)


@pytest.mark.parametrize("more", ["", "bias_term: false", "transpose: true", "axis: 2", "axis: -1"])
def test_onnxruntime_computes_inner_products_as_we_do(more):
    net = single("InnerProduct", f"inner_product_param {{ num_output: 3 {more} }}")
    name, x, right = feed(net, 2, 7, 6)
    assert_near(run_onnx(net, {name: x}), right)


@pytest.mark.parametrize(
    ("type", "extra"),
    [
        ("Concat", ""),
        ("Concat", "concat_param { axis: 2 }"),
        ("Crop", ""),
        ("Eltwise", ""),
        ("Eltwise", "eltwise_param { coeff: 2 coeff: -1 }"),
        ("Eltwise", "eltwise_param { operation: MAX }"),
        ("Eltwise", "eltwise_param { operation: PROD }"),
        ("Scale", "scale_param { axis: 0 }"),
        ("Bias", "bias_param { axis: 0 }"),
    ],
)
def test_layers_of_two_bottoms_are_written_too(type, extra):
    net = single(type, extra, second="z")
    name, x, right = feed(net, 2, 9, 8)
    assert_near(run_onnx(net, {name: x}), right)


SMALLER = """
    layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: [1, 4, 7, 6] }} }} }}
    layer {{ name: "pool" type: "Pooling" bottom: "x" top: "small"
            pooling_param {{ pool: AVE {pool} }} }}
    layer {{ name: "it" type: "{type}" bottom: "x" bottom: "{second}" top: "y" {extra} }}
"""


@pytest.mark.parametrize("offset", ["", "offset: 1", "offset: 2 offset: 1"])
def test_a_crop_takes_its_size_from_the_second_bottom_at_any_image_size(offset):
    text = SMALLER.format(pool="kernel_size: 4", type="Crop", second="small", extra=f"crop_param {{ {offset} }}")
    net = Net(parse_netdef(text), Phase.TEST)
    name, x, right = feed(net, 2, 9, 8)
    assert right.shape == (2, 4, 6, 5)
    assert_near(run_onnx(net, {name: x}), right)


@pytest.mark.parametrize("type", ["Scale", "Bias"])
def test_a_second_bottom_with_fewer_axes_is_spread_over_the_others(type):
    flat = 'layer { name: "flat" type: "Flatten" bottom: "small" top: "flat" }\n    layer { name: "it"'
    extra = f"{type.lower()}_param {{ axis: 0 }}"
    text = SMALLER.format(pool="global_pooling: true", type=type, second="flat", extra=extra)
    net = Net(parse_netdef(text.replace('layer { name: "it"', flat)), Phase.TEST)
    name, x, right = feed(net, 2, 9, 8)
    assert_near(run_onnx(net, {name: x}), right)


def test_a_learned_parameter_is_written_as_a_constant():
    net = Net(
        parse_netdef(
            """
            layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 2, 3, 4] } } }
            layer { name: "w" type: "Parameter" top: "w" parameter_param { shape { dim: [1, 2, 3, 4] } } }
            layer { name: "sum" type: "Eltwise" bottom: "x" bottom: "w" top: "y" }
            """
        ),
        Phase.TEST,
    )
    net.params["w"][0].data[...] = 7
    name, x, right = feed(net, 1, 3, 4)
    assert right.min() > 6
    assert_near(run_onnx(net, {name: x}), right)


@pytest.mark.parametrize(
    ("type", "extra", "message"),
    [
        ("Reduction", "", 'layer "it": a Reduction layer cannot be written as ONNX; known: AbsVal'),
        ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }", "norm_region WITHIN_CHANNEL has no ONNX operator"),
        ("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }", "round_mode CEIL with a pad"),
        ("Pooling", "pooling_param { kernel_size: 2 stride: 3 }", "a stride above the kernel"),
        ("Pooling", 'top: "mask" pooling_param { kernel_size: 2 }', "a mask of maxima"),
        ("Slice", 'top: "rest" slice_param { axis: 3 }', "a cut along an axis whose length the image decides"),
        ("Flatten", "flatten_param { end_axis: 2 }", "an end_axis before the last axis"),
        ("Reshape", "reshape_param { axis: 1 shape { dim: -1 } }", "an axis or num_axes"),
    ],
)
def test_what_has_no_operator_is_named(type, extra, message):
    pytest.importorskip("onnx", reason=f"needs onnx: {INTEROP}")
    with pytest.raises(DataError, match=message):
        onnx_model(single(type, extra))


def test_what_caffe_does_in_place_that_is_not_the_layers_formula_is_refused():
    pytest.importorskip("onnx", reason=f"needs onnx: {INTEROP}")
    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 3, 4, 5] } } }
    layer { name: "it" type: "LRN" bottom: "x" top: "x" }"""
    with pytest.raises(DataError, match=r"an LRN overwrites its bottom before it has read it. has no ONNX operator"):
        onnx_model(Net(parse_netdef(text), Phase.TEST))


def test_layers_of_one_name_keep_params_of_their_own():
    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 3, 4, 5] } } }
    layer { name: "a/b" type: "Convolution" bottom: "x" top: "y"
            convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "gaussian" } } }
    layer { name: "a/b" type: "Convolution" bottom: "y" top: "z"
            convolution_param { num_output: 3 kernel_size: 1 weight_filler { type: "gaussian" } } }"""
    net = Net(parse_netdef(text), Phase.TEST)
    name, x, right = feed(net, 1, 4, 5)
    assert_near(run_onnx(net, {name: x}), right)


@pytest.mark.parametrize(("shape", "across"), [((2, 3), "true"), ((2, 3, 4), "false")])
def test_what_has_fewer_than_four_axes_gets_four_from_mvn_there_too(shape, across):
    dims = " ".join(f"dim: {n}" for n in shape)
    text = f"""layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ {dims} }} }} }}
    layer {{ name: "it" type: "MVN" bottom: "x" top: "y" mvn_param {{ across_channels: {across} }} }}"""
    net = Net(parse_netdef(text), Phase.TEST)
    net.blobs["x"].data[...] = np.random.default_rng(0).standard_normal(shape)
    right = net.forward()["y"]
    assert_near(run_onnx(net, {"x": net.blobs["x"].data}), right)
