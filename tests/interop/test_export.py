"""Nets as other programs' files: read by those programs, they compute what pysketch computes."""

import sys
from pathlib import Path

import numpy as np
import pytest
from exported import assert_near, feed, run_onnx, run_opencv, single

from pysketch import Sketcher
from pysketch.errors import DataError
from pysketch.images.preprocessing import Preprocessing
from pysketch.interop.export import deploy_prototxt, describe_input, onnx_model
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

SHIPPED = sorted((Path(__file__).parents[2] / "netdefs" / "pretrained").glob("*.h5"))
by_net_and_size = pytest.mark.parametrize(
    ("path", "n", "h", "w"),
    [
        pytest.param(path, *size, id=f"{path.stem}-{size[0]}", marks=pytest.mark.slow if path.stem == "large" else [])
        for path in SHIPPED
        for size in ([(1, 40, 32), (2, 24, 56)] if path.stem == "portrait" else [(1, 40, 33), (2, 29, 51)])
    ],
)


@by_net_and_size
def test_opencv_draws_what_a_shipped_net_draws(path, n, h, w, tmp_path):
    net = Sketcher(path).net
    name, x, right = feed(net, n, h, w)
    assert_near(run_opencv(net, tmp_path, {name: x}), right)


@by_net_and_size
def test_onnxruntime_draws_what_a_shipped_net_draws(path, n, h, w):
    net = Sketcher(path).net
    name, x, right = feed(net, n, h, w)
    assert_near(run_onnx(net, {name: x}), right)


@pytest.mark.parametrize(
    ("type", "extra"),
    [
        ("Convolution", "convolution_param { num_output: 4 kernel_size: [2, 3] stride: [2, 1] pad: 1 group: 2 }"),
        ("Deconvolution", "convolution_param { num_output: 4 kernel_size: [2, 3] stride: 2 pad: 1 group: 2 }"),
        ("ELU", ""),
        ("InnerProduct", "inner_product_param { num_output: 3 }"),
        ("LRN", "lrn_param { local_size: 3 alpha: 0.5 }"),
        ("PReLU", ""),
        ("Pooling", "pooling_param { kernel_size: 2 stride: 2 }"),
        ("Pooling", "pooling_param { pool: AVE kernel_size: 3 pad: 1 }"),
        ("Power", "power_param { power: 2 scale: 0.5 shift: 3 }"),
        ("ReLU", "relu_param { negative_slope: 0.2 }"),
        ("Scale", "scale_param { bias_term: true }"),
        ("Sigmoid", ""),
        ("Softmax", ""),
        ("TanH", ""),
    ],
)
def test_opencv_computes_the_stock_layers_as_we_do_and_its_files_come_back(type, extra, tmp_path):
    net = single(type, extra)
    name, x, right = feed(net, 1, 7, 6)
    assert_near(run_opencv(net, tmp_path, {name: x}), right)
    again = Net(str(tmp_path / "n.prototxt"), Phase.TEST, weights=str(tmp_path / "n.caffemodel"))
    np.testing.assert_array_equal(again.forward(**{name: x})["y"], right)


@pytest.mark.parametrize(
    ("type", "extra"),
    [
        ("Concat", ""),
        ("Eltwise", ""),
        ("Eltwise", "eltwise_param { operation: MAX }"),
        ("Eltwise", "eltwise_param { operation: PROD }"),
    ],
)
def test_opencv_computes_layers_of_two_bottoms_as_we_do(type, extra, tmp_path):
    net = single(type, extra, second="z")
    name, x, right = feed(net, 2, 9, 8)
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
    assert describe_input(Preprocessing(direction="sketch_to_photo")).startswith("the sketch's grey levels as (pixel")


def test_a_missing_onnx_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DataError, match=r'ONNX models need onnx; install it with: pip install -e "\.\[interop\]"'):
        onnx_model(single("ReLU"))
