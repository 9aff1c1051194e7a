"""Caffe's message types: field numbers on the wire, texts, and what is no message."""

import numpy as np
import pytest

from pysketch.layers.base import CAFFE_SECTIONS, LAYERS
from pysketch.netdef.options import Choice, Table
from pysketch.netdef.upgrade import V1_TYPES
from pysketch.weights.caffe_schema import enum_type, message_class, parse_bytes, parse_text, to_text


def varint(number):
    data = b""
    while number > 127:
        data, number = data + bytes([number & 127 | 128]), number >> 7
    return data + bytes([number])


def field(number, content):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def test_a_layer_is_on_the_wire_where_caffe_expects_it():
    net = message_class("NetParameter")()
    parse_text('name: "n" layer { name: "c" convolution_param { num_output: 7 kernel_size: 3 kernel_size: 5 } }', net)
    convolution = varint(1 << 3) + varint(7) + varint(4 << 3) + varint(3) + varint(4 << 3) + varint(5)
    layer = field(1, b"c") + field(106, convolution)
    assert net.SerializeToString(deterministic=True) == field(1, b"n") + field(100, layer)


def test_weights_are_packed_floats_with_a_packed_shape():
    blob = message_class("BlobProto")()
    blob.shape.dim.extend([2, 1])
    blob.data.extend([1.0, -2.0])
    floats = b"\x00\x00\x80\x3f\x00\x00\x00\xc0"
    assert blob.SerializeToString(deterministic=True) == field(5, floats) + field(7, field(1, b"\x02\x01"))


def test_text_and_bytes_come_back():
    net = message_class("NetParameter")()
    parse_text('layer { name: "p" type: "Pooling" pooling_param { pool: AVE global_pooling: true } }', net)
    again = parse_bytes("NetParameter", net.SerializeToString())
    assert again == net
    copy = message_class("NetParameter")()
    parse_text(to_text(again), copy)
    assert copy == net


def test_every_section_of_caffe_is_known():
    fields = message_class("LayerParameter").DESCRIPTOR.fields_by_name
    assert set(CAFFE_SECTIONS) <= set(fields)


@pytest.mark.parametrize("name", sorted(name for name, cls in LAYERS.items() if cls.section))
def test_every_option_of_our_layers_is_a_field_of_caffes_message(name):
    section = message_class("LayerParameter").DESCRIPTOR.fields_by_name[LAYERS[name].section].message_type
    check_options(LAYERS[name].table, section)


UNSET = {"stride_h", "stride_w"}
"""Of these Caffe's default is that of another field."""


def check_options(table, message):
    for option in table.options:
        found = message.fields_by_name[option.name]
        assert found.is_repeated == option.repeated, option.name
        if isinstance(option.default, bool | int | float) and not option.repeated and option.name not in UNSET:
            assert found.default_value == np.float32(option.default), option.name
        if isinstance(option.kind, Table):
            check_options(option.kind, found.message_type)
        if isinstance(option.kind, Choice):
            numbers = {value.name: value.number for value in found.enum_type.values}
            ours = {key: number for key, number in option.kind.numbers.items() if key != "WINOGRAD"}
            assert numbers == ours


def test_what_is_not_set_reads_as_caffes_default():
    net = message_class("NetParameter")()
    parse_text("layer { pooling_param { kernel_size: 2 } } layer { eltwise_param { } lrn_param { } }", net)
    pooling, eltwise, lrn = net.layer[0].pooling_param, net.layer[1].eltwise_param, net.layer[1].lrn_param
    assert (pooling.stride, pooling.pad, pooling.pool) == (1, 0, pooling.MAX)
    assert (eltwise.operation, eltwise.stable_prod_grad) == (eltwise.SUM, True)
    assert (lrn.local_size, lrn.alpha, lrn.beta) == (5, 1, 0.75)
    assert not pooling.HasField("stride")
    solver = message_class("SolverParameter")()
    assert (solver.type, solver.regularization_type, solver.snapshot_format) == ("SGD", "L2", solver.BINARYPROTO)
    assert solver.SerializeToString() == b""


def test_enums_have_caffes_names():
    pooling = message_class("PoolingParameter")
    assert pooling.PoolMethod.Name(1) == "AVE"
    assert pooling.RoundMode.Value("FLOOR") == pooling.FLOOR == 1
    assert enum_type("Phase").items() == [("TRAIN", 0), ("TEST", 1)]
    assert message_class("NetState").DESCRIPTOR.fields_by_name["phase"].enum_type.name == "Phase"
    assert message_class("V1LayerParameter").LayerType.Name(39) == "DECONVOLUTION"


def test_v1_types_are_those_that_are_upgraded():
    names = set(message_class("V1LayerParameter").LayerType.keys())
    assert names - {"NONE"} == set(V1_TYPES)


@pytest.mark.parametrize(
    "content",
    [
        b"\x0a\xff\xff\xff\xff\x0f",  # a name of 4 GiB
        b"\x0a\x05ab",  # cut off
        b"\xff" * 20,  # a varint without end
        field(100, field(7, field(5, b"abc"))),  # packed floats of 3 bytes
        b"\x0b" * 200,  # groups in groups
    ],
)
def test_what_is_no_message_is_a_value_error(content):
    with pytest.raises(ValueError):
        parse_bytes("NetParameter", content)


def test_a_text_that_is_no_message_is_a_value_error():
    with pytest.raises(ValueError, match="kernel_sise"):
        parse_text("layer { convolution_param { kernel_sise: 3 } }", message_class("NetParameter")())
