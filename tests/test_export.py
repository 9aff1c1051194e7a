"""Nets as other programs' files: read by those programs, they compute what pysketch computes."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pysketch import Sketcher
from pysketch.errors import DataError
from pysketch.export import deploy_prototxt, describe_input, onnx_model
from pysketch.net import Net
from pysketch.netdef import Phase, parse_netdef
from pysketch.preprocessing import Preprocessing

SHIPPED = sorted((Path(__file__).parents[1] / "netdefs" / "pretrained").glob("*.h5"))
SIZES = [(1, 40, 33), (2, 29, 51)]
INTEROP = 'pip install -e ".[interop]"'


def feed(net, n, h, w, seed=0):
    """Numbers as large as a photo's, and what the net makes of them."""
    (name,) = net.inputs
    x = np.random.default_rng(seed).uniform(-0.5, 0.5, (n, net.blobs[name].shape[1], h, w)).astype(np.float32)
    net.blobs[name].reshape(x.shape)
    net.blobs[name].data[...] = x
    net.forward()
    return name, x, net.blobs[net.outputs[0]].data.copy()


def assert_near(found, right, limit=1e-5):
    assert found.shape == right.shape
    assert abs(found - right).max() < limit * abs(right).max()


def run_opencv(net, folder, inputs):
    cv2 = pytest.importorskip("cv2", reason=f"needs OpenCV: {INTEROP}")
    (folder / "n.prototxt").write_text(deploy_prototxt(net))
    net.save(folder / "n.caffemodel")
    reader = cv2.dnn.readNetFromCaffe(str(folder / "n.prototxt"), str(folder / "n.caffemodel"))
    for name, x in inputs.items():
        reader.setInput(x, name)
    return reader.forward()


def run_onnx(net, inputs):
    pytest.importorskip("onnx", reason=f"needs onnx: {INTEROP}")
    runtime = pytest.importorskip("onnxruntime", reason=f"needs onnxruntime: {INTEROP}")
    session = runtime.InferenceSession(onnx_model(net), providers=["CPUExecutionProvider"])
    return session.run(net.outputs, inputs)[0]


@pytest.mark.parametrize(("n", "h", "w"), SIZES)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_opencv_draws_what_a_shipped_net_draws(path, n, h, w, tmp_path):
    net = Sketcher(path).net
    name, x, right = feed(net, n, h, w)
    assert_near(run_opencv(net, tmp_path, {name: x}), right)


@pytest.mark.parametrize(("n", "h", "w"), SIZES)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_onnxruntime_draws_what_a_shipped_net_draws(path, n, h, w):
    net = Sketcher(path).net
    name, x, right = feed(net, n, h, w)
    assert_near(run_onnx(net, {name: x}), right)


LAYERS = {
    "AbsVal": "",
    "BNLL": "",
    "Convolution": "convolution_param { num_output: 4 kernel_size: [2, 3] stride: [2, 1] pad: 1 group: 2 }",
    "Deconvolution": "convolution_param { num_output: 4 kernel_size: [2, 3] stride: 2 pad: 1 group: 2 }",
    "Dropout": "",
    "ELU": "elu_param { alpha: 0.5 }",
    "PReLU": "",
    "ReLU": "relu_param { negative_slope: 0.2 }",
    "Sigmoid": "",
    "Softmax": "",
    "TanH": "",
}


def single(type, extra="", second=""):
    bottoms = 'bottom: "x"' + (f' bottom: "{second}"' if second else "")
    text = f"""
        layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: [1, 4, 7, 6] }} }} }}
        layer {{ name: "first" type: "Convolution" bottom: "x" top: "z"
                convolution_param {{ num_output: 4 kernel_size: 1 weight_filler {{ type: "gaussian" }} }} }}
        layer {{ name: "it" type: "{type}" {bottoms if second else 'bottom: "z"'} top: "y" {extra} }}
    """
    net = Net(parse_netdef(text), Phase.TEST, seed=3)
    rng = np.random.default_rng(0)
    for blob in net.params.get("it", ()):
        blob.data[...] = rng.standard_normal(blob.shape)
    return net


@pytest.mark.parametrize("type", LAYERS)
def test_onnxruntime_computes_every_layer_as_we_do(type):
    net = single(type, LAYERS[type])
    name, x, right = feed(net, 2, 9, 8)
    assert_near(run_onnx(net, {name: x}), right)


@pytest.mark.parametrize(
    ("type", "extra"),
    [
        ("Concat", ""),
        ("Eltwise", ""),
        ("Eltwise", "eltwise_param { operation: MAX }"),
        ("Eltwise", "eltwise_param { operation: PROD }"),
    ],
)
def test_layers_of_two_bottoms_are_written_too(type, extra, tmp_path):
    net = single(type, extra, second="z")
    name, x, right = feed(net, 2, 9, 8)
    assert_near(run_onnx(net, {name: x}), right)
    assert_near(run_opencv(net, tmp_path, {name: x}), right)


@pytest.mark.parametrize("type", ["Convolution", "Deconvolution", "ELU", "PReLU", "ReLU", "Sigmoid", "Softmax", "TanH"])
def test_opencv_computes_the_stock_layers_as_we_do(type, tmp_path):
    net = single(type, LAYERS[type])
    name, x, right = feed(net, 1, 9, 8)
    assert_near(run_opencv(net, tmp_path, {name: x}), right)


def test_the_deploy_netdef_is_read_back_and_has_no_splits_losses_or_phases():
    net = Sketcher(SHIPPED[0]).net
    text = deploy_prototxt(net, Preprocessing(0.5, (127.0,), True, 0.01))
    netdef = parse_netdef(text)
    assert [layer.type for layer in netdef.layers if layer.type not in ("Input", "Convolution", "ReLU")] == []
    assert not any(layer.include or layer.exclude or layer.phase is not None for layer in netdef.layers)
    again = Net(netdef, Phase.TEST)
    for name, blobs in net.params.items():
        assert [blob.shape for blob in again.params[name]] == [blob.shape for blob in blobs]


def test_how_the_input_is_prepared_is_said_in_words():
    text = describe_input(Preprocessing(0.5, (1.0, 2.0, 3.0), True, 0.01))
    assert text.startswith("R, G, B as (pixel - 1, 2, 3) * 0.5, pixels 0..255; X as (column - (width - 1) // 2) * 0.01")
    assert "X as" not in describe_input(Preprocessing(0.5, (1.0,), False))


@pytest.mark.parametrize(
    ("type", "extra", "message"),
    [
        ("LRN", "", 'layer "it": a LRN layer cannot be written as ONNX; known: AbsVal'),
    ],
)
def test_a_layer_without_an_operator_is_named(type, extra, message):
    pytest.importorskip("onnx", reason=f"needs onnx: {INTEROP}")
    with pytest.raises(DataError, match=message):
        onnx_model(single(type, extra))


def test_a_sum_with_coefficients_has_no_operator():
    pytest.importorskip("onnx", reason=f"needs onnx: {INTEROP}")
    with pytest.raises(DataError, match="operation SUM of these bottoms and coeff has no ONNX operator"):
        onnx_model(single("Eltwise", "eltwise_param { coeff: [1, -1] }", second="z"))


def test_a_missing_onnx_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DataError, match=r'ONNX models need onnx; install it with: pip install -e "\.\[interop\]"'):
        onnx_model(single("ReLU"))
