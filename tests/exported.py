"""Nets run by other programs from the files that pysketch exports, for tests."""

import numpy as np
import pytest

from pysketch.interop.export import deploy_prototxt, onnx_model
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

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


def single(type, extra="", second=""):
    bottoms = 'bottom: "x"' + (f' bottom: "{second}"' if second else "")
    text = f"""
        layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: [1, 4, 7, 6] }} }} }}
        layer {{ name: "first" type: "Convolution" bottom: "x" top: "z"
                convolution_param {{ num_output: 4 kernel_size: 1 weight_filler {{ type: "gaussian" }} }} }}
        layer {{ name: "it" type: "{type}" {bottoms if second else 'bottom: "z"'} top: "y" {extra} }}
    """
    net = Net(parse_netdef(text), Phase.TEST, Context(seed=3))
    rng = np.random.default_rng(0)
    for blob in net.params.get("it", ()):
        blob.data[...] = rng.uniform(0.2, 2, blob.shape) if type == "BatchNorm" else rng.standard_normal(blob.shape)
    return net
