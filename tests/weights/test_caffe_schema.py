"""Caffe's message types: field numbers on the wire, texts, and what is no message."""

import pytest

from pysketch.layers.base import CAFFE_SECTIONS, LAYERS
from pysketch.netdef.options import Choice, Table
from pysketch.weights.caffe_schema import message_class, parse_bytes, parse_text, to_text


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
    assert set(CAFFE_SECTIONS) - set(fields) <= {"window_data_param"}


@pytest.mark.parametrize("name", sorted(name for name, cls in LAYERS.items() if cls.section))
def test_every_option_of_our_layers_is_a_field_of_caffes_message(name):
    section = message_class("LayerParameter").DESCRIPTOR.fields_by_name[LAYERS[name].section].message_type
    check_options(LAYERS[name].table, section)


def check_options(table, message):
    for option in table.options:
        found = message.fields_by_name[option.name]
        assert found.is_repeated == option.repeated, option.name
        if isinstance(option.kind, Table):
            check_options(option.kind, found.message_type)
        if isinstance(option.kind, Choice):
            numbers = {value.name: value.number for value in found.enum_type.values}
            ours = {key: number for key, number in option.kind.numbers.items() if key != "WINOGRAD"}
            assert numbers == ours


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
