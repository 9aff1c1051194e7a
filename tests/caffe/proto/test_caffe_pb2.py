"""Caffe's messages, as scripts fill, print and read them."""

import numpy as np
import pytest
from google.protobuf import text_format

import pysketch.caffe as caffe
from pysketch.caffe.proto import caffe_pb2
from pysketch.netdef.prototxt import parse
from pysketch.solver.definition import SOLVER, read_solver


def test_a_solver_filled_in_python_is_read_back_from_its_text():
    s = caffe_pb2.SolverParameter(net="net.prototxt", base_lr=0.25, lr_policy="multistep", gamma=0.5)
    s.stepvalue.extend([5, 9])
    s.max_iter = 12
    s.snapshot_prefix = "out/x"
    s.type = "Nesterov"
    s.momentum = 0.5
    s.solver_mode = caffe_pb2.SolverParameter.CPU
    s.snapshot_format = caffe_pb2.SolverParameter.BINARYPROTO
    definition = read_solver(parse(str(s), "solver"), "solver")
    assert definition.type == "Nesterov"
    options = definition.options
    assert (options.base_lr, options.lr_policy, options.gamma, options.max_iter) == (0.25, "multistep", 0.5, 12)
    assert options.stepvalue == (5, 9)
    assert (options.solver_mode, options.snapshot_format) == ("CPU", "BINARYPROTO")


def test_every_field_of_our_solver_files_is_one_of_caffes_or_ours():
    known = {field.name for field in caffe_pb2.SolverParameter.DESCRIPTOR.fields}
    assert {option.name for option in SOLVER.options} - known == {"micro_batch"}


def test_a_net_written_as_messages_is_a_net(tmp_path):
    net = caffe_pb2.NetParameter(name="made")
    layer = net.layer.add(name="in", type="Input", top=["x"])
    layer.input_param.shape.add(dim=[1, 2, 3, 4])
    layer = net.layer.add(name="pool", type="Pooling", bottom=["x"], top=["y"])
    layer.pooling_param.pool = caffe_pb2.PoolingParameter.AVE
    layer.pooling_param.kernel_size = 2
    (tmp_path / "net.prototxt").write_text(str(net))
    made = caffe.Net(str(tmp_path / "net.prototxt"), caffe_pb2.TEST)
    assert made.blobs["y"].data.shape == (1, 2, 2, 3)
    assert made.phase == caffe.TEST


def test_a_mean_file_is_read_as_scripts_do_it(tmp_path):
    mean = np.random.default_rng(0).uniform(0, 255, (1, 3, 4, 5)).astype(np.float32)
    (tmp_path / "mean.binaryproto").write_bytes(caffe.io.array_to_blobproto(mean).SerializeToString())
    blob = caffe.proto.caffe_pb2.BlobProto()
    blob.ParseFromString((tmp_path / "mean.binaryproto").read_bytes())
    np.testing.assert_array_equal(caffe.io.blobproto_to_array(blob), mean)


def test_a_message_type_that_is_not_there_gets_a_hint():
    with pytest.raises(AttributeError, match='caffe_pb2 has no SolverParam; did you mean "SolverParameter"'):
        caffe_pb2.SolverParam  # noqa: B018


def test_phases_are_numbers_and_an_enum():
    assert (caffe_pb2.TRAIN, caffe_pb2.TEST) == (0, 1)
    assert (caffe_pb2.Phase.Value("TEST"), caffe_pb2.Phase.Name(0), caffe_pb2.Phase.TEST) == (1, "TRAIN", 1)
    layer = caffe_pb2.LayerParameter(include=[caffe_pb2.NetStateRule(phase=caffe_pb2.Phase.Value("TEST"))])
    assert str(layer.include[0]) == "phase: TEST\n"


@pytest.mark.parametrize("name", [name for name in dir(caffe_pb2) if name.endswith(("Parameter", "Proto", "Datum"))])
def test_every_message_can_be_made_written_and_read(name):
    message = getattr(caffe_pb2, name)()
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None and not field.is_repeated and field.name != "pysketch_run":
            setattr(message, field.name, getattr(message, field.name))  # Caffe's default
    again = getattr(caffe_pb2, name)()
    again.ParseFromString(message.SerializeToString())
    assert again == message
    text = getattr(caffe_pb2, name)()
    text_format.Merge(str(message), text)
    assert text == message


def test_script_a_net_file_is_changed_and_written_again(tmp_path):
    text = (
        """name: "n" layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 2 } }"""
    )
    net = caffe_pb2.NetParameter()
    text_format.Merge(text, net)
    for layer in net.layer:
        if layer.type == "Convolution":
            assert layer.convolution_param.bias_term  # Caffe's default
            layer.convolution_param.group = 2
            layer.param.add(lr_mult=0)
    copy = caffe_pb2.NetParameter()
    copy.CopyFrom(net)
    del copy.layer[:]
    assert (len(net.layer), len(copy.layer), copy.name) == (1, 0, "n")
    assert "group: 2" in str(net)
    assert "lr_mult: 0" in text_format.MessageToString(net)


def test_script_weights_are_read_out_of_a_caffemodel(tmp_path):
    text = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 3
        weight_filler { type: "gaussian" } } }"""
    (tmp_path / "net.prototxt").write_text(text)
    net = caffe.Net(str(tmp_path / "net.prototxt"), caffe.TEST)
    net.save(str(tmp_path / "w.caffemodel"))
    stored = caffe_pb2.NetParameter()
    stored.ParseFromString((tmp_path / "w.caffemodel").read_bytes())
    weights = {layer.name: [caffe.io.blobproto_to_array(blob) for blob in layer.blobs] for layer in stored.layer}
    np.testing.assert_array_equal(weights["ip"][0], net.params["ip"][0].data)
    assert weights["ip"][1].shape == (3,)


def test_a_net_of_2014_is_read_with_its_types():
    net = caffe_pb2.NetParameter()
    text_format.Merge('layers { name: "c" type: CONVOLUTION blobs_lr: 1 convolution_param { num_output: 2 } }', net)
    assert net.layers[0].type == caffe_pb2.V1LayerParameter.CONVOLUTION == 4
    assert net.layers[0].blobs_lr[:] == [1]


def test_all_names_are_messages_or_phases():
    names = {}
    exec("from pysketch.caffe.proto.caffe_pb2 import *", names)
    assert {"NetParameter", "Datum", "Phase", "TRAIN"} <= set(names)
    assert {name for name in names if name[0].isupper()} == set(caffe_pb2.__all__)
