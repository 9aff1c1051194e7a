"""Graphs of nets that are messages."""

import re

import numpy as np
import pytest
from google.protobuf import text_format

from pysketch.caffe.draw import draw_net, draw_net_to_file, net_text
from pysketch.caffe.proto import caffe_pb2
from pysketch.errors import DataError
from pysketch.images.pictures import read_photo

NET = """
name: "a \\"net\\""
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } data_param { batch_size: 2 } }
layer { name: "data" type: "ImageData" top: "data" top: "label" include { phase: TEST } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 2 } param { lr_mult: 0.5 }
  convolution_param { num_output: 7 kernel_h: 3 kernel_w: 5 pad: 1 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "pool" bottom: "label" top: "loss" exclude { phase: TEST } }
"""


def net(text=NET):
    return text_format.Merge(text, caffe_pb2.NetParameter())


def lines(*arguments, **options):
    return [line.strip() for line in net_text(*arguments, **options).splitlines()]


def test_the_text_has_every_layer_and_blob():
    found = lines(net(), "BT", display_lrm=True)
    assert found[0] == 'digraph "a \\"net\\"" {'
    assert found[1] == "rankdir=BT;"
    text = "\n".join(found)
    assert r'label="conv\n(Convolution)\nkernel size: 3 5\nstride: 1\npad: 1\nlr_mult: 2, 0.5"' in text
    assert r'label="pool\n(Pooling)\nAVE kernel size: 2, stride: 2, pad: 0"' in text
    assert '"data_Data" -> "data_blob";' in found
    assert '"data_ImageData" -> "data_blob";' in found
    assert '"conv_Convolution" -> "conv_blob" [label="7"];' in found
    assert '"conv_blob" -> "relu_ReLU";' in found and '"relu_ReLU" -> "conv_blob";' in found
    assert {line.split()[0] for line in found if "octagon" in line} == {
        f'"{blob}_blob"' for blob in ("data", "label", "conv", "pool", "loss")
    }


@pytest.mark.parametrize(
    ("phase", "there"),
    [
        (caffe_pb2.TRAIN, {"data_Data", "conv_Convolution", "relu_ReLU", "pool_Pooling", "loss_SoftmaxWithLoss"}),
        (caffe_pb2.TEST, {"data_ImageData", "conv_Convolution", "relu_ReLU", "pool_Pooling"}),
    ],
)
def test_only_the_layers_of_a_phase_are_drawn(phase, there):
    found = {re.match(r'"(\w+)"', line)[1] for line in lines(net(), phase=phase) if "shape=box" in line}
    assert found == there


def test_a_picture_is_drawn_without_building_the_net(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("grandalf", reason="drawing needs grandalf")
    draw_net_to_file(net(), tmp_path / "net.png", "LR")
    picture = read_photo(tmp_path / "net.png")
    assert picture.shape[0] > 200
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_nets_of_2014_and_inputs_above_all_layers_are_drawn():
    old = net('input: "x" layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" }')
    assert '"x_blob" -> "c_CONVOLUTION";' in lines(old)
    pytest.importorskip("matplotlib")
    pytest.importorskip("grandalf", reason="drawing needs grandalf")
    assert b"<svg" in draw_net(old, "TB", "svg", caffe_pb2.TEST)


def test_the_text_is_a_file_of_its_suffix(tmp_path):
    draw_net_to_file(net(), tmp_path / "net.dot", rankdir="TB")
    assert (tmp_path / "net.dot").read_text() == net_text(net(), "TB")


def test_what_cannot_be_drawn_is_said():
    pytest.importorskip("matplotlib")
    with pytest.raises(DataError, match=r"a figure's name ends in"):
        draw_net(net(), "LR", "jpeg2000")
    with pytest.raises(DataError, match="the net has no layer to draw"):
        draw_net(net(""), "LR")
    both = net('layer { name: "a" include { phase: TEST } exclude { phase: TRAIN } }')
    with pytest.raises(ValueError, match='layer "a" has both include and exclude'):
        net_text(both)
