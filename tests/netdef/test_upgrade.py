"""Old forms of a netdef mean what they meant, and keep their positions in the user's file."""

from __future__ import annotations

import pytest
from helpers import refused

from pysketch.errors import NetdefError
from pysketch.netdef.definitions import parse_netdef
from pysketch.netdef.prototxt import parse
from pysketch.netdef.upgrade import V1_TYPES, upgrade_net


def upgraded(text):
    return upgrade_net(parse(text, "a"))


def refusal(text):
    """What refuses a netdef called "a"."""
    return refused(NetdefError, parse_netdef, text, "a")


def test_todays_form_is_left_as_it_is():
    net = parse('name: "n" layer { name: "x" type: "T" } layer { name: "y" type: "T" }')
    assert upgrade_net(net) is net


def test_v1_layers_become_layers_with_todays_type_names():
    old = 'name: "n" layers { name: "c" type: CONVOLUTION convolution_param { num_output: 3 } }'
    new = 'name: "n" layer { name: "c" type: "Convolution" convolution_param { num_output: 3 } }'
    assert upgraded(old) == parse(new)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("RELU", "ReLU"),
        ("HDF5_DATA", "HDF5Data"),
        ("EUCLIDEAN_LOSS", "EuclideanLoss"),
        ("SOFTMAX_LOSS", "SoftmaxWithLoss"),
        ("TANH", "TanH"),
        ("ABSVAL", "AbsVal"),
        ("IM2COL", "Im2col"),
    ],
)
def test_irregular_type_names_are_caffes(word, name):
    assert parse_netdef(f'layers {{ name: "x" type: {word} }}').layers[0].type == name


def test_v1_knows_caffes_39_types():
    assert len(V1_TYPES) == len(set(V1_TYPES.values())) == 39


def test_v1s_parallel_lists_become_one_param_entry_for_each_param():
    old = """layers { name: "c" type: CONVOLUTION blobs_lr: 1 blobs_lr: 2 weight_decay: 3 weight_decay: 0
                      param: "w" param: "b" blob_share_mode: PERMISSIVE }"""
    weights, bias = parse_netdef(old).layers[0].param
    assert (weights.name, weights.lr_mult, weights.decay_mult, weights.share_mode) == ("w", 1, 3, "PERMISSIVE")
    assert (bias.name, bias.lr_mult, bias.decay_mult, bias.share_mode) == ("b", 2, 0, "STRICT")


def test_v1_lists_of_unequal_length_leave_defaults_which_count_as_not_given():
    first, second = (
        parse_netdef('layers { name: "c" type: CONVOLUTION blobs_lr: [1, 2] weight_decay: 3 }').layers[0].param
    )
    assert (first.decay_mult, second.lr_mult, second.decay_mult) == (3, 2, 1)
    assert not second.given("decay_mult")


def test_an_upgraded_layer_stands_where_the_old_one_stood():
    layer = parse_netdef('name: "n"\n\nlayers {\n  name: "c"\n  type: RELU\n  blobs_lr: 3 }', "a").layers[0]
    assert str(layer.position) == "a:3:8"
    assert str(layer.param[0].position("lr_mult")) == "a:6:3"


def test_a_list_of_v1_layers_is_upgraded_too():
    layers = parse_netdef('layers: [{ name: "x" type: RELU }, { name: "y" type: TANH }]').layers
    assert [(layer.name, layer.type) for layer in layers] == [("x", "ReLU"), ("y", "TanH")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'layers { name: "x" type: RELU }\nlayer { name: "y" type: "ReLU" }',
            "a:2:1: a net has either `layers` (V1) or `layer`, not both; the other form stands in line 1",
        ),
        (
            'layers { type: "Convolution" }',
            "a:1:10: V1LayerParameter.type: expected a bare word such as CONVOLUTION in V1's `layers`; "
            "a quoted name belongs in `layer`",
        ),
        (
            "layers { type: CONVOLUTOIN }",
            'a:1:16: V1LayerParameter.type: unknown layer type "CONVOLUTOIN"; did you mean "CONVOLUTION"?',
        ),
        ("layers: 3", "a:1:1: layers: expected a message { ... }, found 3"),
        (
            'layers { name: "x" type: RELU blobs_lr: 1.5 blobs_lr: "2" }',
            'a:1:55: layer "x": ParamSpec.lr_mult: expected a decimal number up to 1.8e308, found the string "2"; '
            "write it without quotes",
        ),
        (
            'layers { name: "x" type: RELU blobs_lr { } }',
            'a:1:31: layer "x": unknown field "blobs_lr" in LayerParameter',
        ),
        ('layers { name: "x" type: RELU tops: [] }', 'unknown field "tops" in LayerParameter; did you mean "top"?'),
    ],
)
def test_a_mistake_in_a_v1_net_is_said_with_its_place(text, message):
    assert message in refusal(text)


def test_empty_v1_lists_mean_no_entries():
    assert parse_netdef('layers { name: "x" type: RELU blobs_lr: [] param: [] }').layers[0].param == ()


INPUT_LAYER = """layer { name: "input" type: "Input" top: "p" top: "q"
  input_param { shape { dim: 1 dim: 2 dim: 3 dim: 5 } shape { dim: 7 dim: 2 dim: 3 dim: 5 } } }
"""


@pytest.mark.parametrize("section", ["data_param", "image_data_param"])
def test_v1_data_layers_have_their_transforms_in_transform_param(section):
    old = f"layers {{ name: 'd' type: DATA top: 'x' {section} {{ source: 's' %s batch_size: 2 }} %s }}"
    new = f"layer {{ name: 'd' type: 'Data' top: 'x' {section} {{ source: 's' batch_size: 2 }} %s }}"
    moved = "scale: 2 mean_file: 'm' crop_size: 3 mirror: true"
    assert upgraded(old % (moved, "")) == parse(new % f"transform_param {{ {moved} }}")
    found = upgraded(old % ("mirror: true", "transform_param { scale: 2 }"))
    assert found == parse(new % "transform_param { scale: 2 mirror: true }")
    assert upgraded(old % ("", "")) == parse(new % "")


@pytest.mark.parametrize(
    "shapes",
    [
        "input_dim: [1, 2, 3, 5, 7, 2, 3, 5]",
        "input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 5 input_dim: 7 input_dim: 2 input_dim: 3 input_dim: 5",
        "input_shape { dim: 1 dim: 2 dim: 3 dim: 5 } input_shape { dim: 7 dim: 2 dim: 3 dim: 5 }",
    ],
)
def test_inputs_with_dims_or_shapes_become_one_input_layer(shapes):
    assert upgraded(f'input: "p" input: "q" {shapes}') == parse(INPUT_LAYER)


def test_the_input_layer_comes_first_and_stands_where_the_first_input_stood():
    netdef = parse_netdef('layer { name: "x" type: "T" }\ninput: "p"\ninput_shape { dim: 3 }', "a")
    assert [layer.name for layer in netdef.layers] == ["input", "x"]
    assert str(netdef.layers[0].position) == "a:2:1"


def test_v1_layers_and_inputs_may_be_in_one_net():
    netdef = parse_netdef('input: "p" input_shape { dim: 3 } layers { name: "r" type: RELU bottom: "p" top: "r" }')
    assert [layer.type for layer in netdef.layers] == ["Input", "ReLU"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'input: "p" input_shape { dim: 3 } input_dim: [1, 2, 3, 5]',
            "a:1:35: give either input_shape or input_dim, not both",
        ),
        ('input: "p" input_dim: [1, 2, 3]', "a:1:12: expected 4 input_dim for each of 1 inputs, found 3"),
        ('input: ["p", "q"] input_shape { dim: 3 }', "a:1:1: 2 inputs but 1 input_shape; expected one for each"),
        ('input: "p"', "a:1:1: 1 inputs but 0 input_shape; expected one for each"),
        ("input_dim: 3", "a:1:1: NetParameter.input_dim without an `input` to give a shape to"),
        ("input_shape { dim: 3 }", "a:1:1: NetParameter.input_shape without an `input` to give a shape to"),
    ],
)
def test_inputs_and_shapes_that_do_not_match_are_refused(text, message):
    assert refusal(text) == message
