"""Old forms of a netdef mean what they meant, and keep their positions in the user's file."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import refused

from pysketch.errors import NetdefError
from pysketch.net.net import Net
from pysketch.netdef.definitions import parse_netdef
from pysketch.netdef.prototxt import parse
from pysketch.netdef.upgrade import V0_TYPES, V1_TYPES, upgrade_net


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


V0 = """name: "old" input: "data" input_dim: [2, 3, 9, 7]
layers { layer { name: "pad1" type: "padding" pad: 2 } bottom: "data" top: "pad1" }
layers { layer { name: "conv1" type: "conv" num_output: 4 kernelsize: 3 stride: 2 biasterm: false
                 weight_filler { type: "gaussian" } blobs_lr: 1. weight_decay: 0. } bottom: "pad1" top: "conv1" }
layers { layer { name: "pool1" type: "pool" pool: AVE kernelsize: 2 stride: 1 } bottom: "conv1" top: "pool1" }
layers { layer { name: "norm1" type: "lrn" local_size: 3 alpha: 0.1 } bottom: "pool1" top: "norm1" }
layers { layer { name: "both" type: "concat" concat_dim: 1 } bottom: "norm1" bottom: "norm1" top: "both" }
layers { layer { name: "fc" type: "innerproduct" num_output: 5 } bottom: "both" top: "fc" }
layers { layer { name: "drop" type: "dropout" dropout_ratio: 0.4 } bottom: "fc" top: "fc" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc" top: "prob" }
"""
V1 = """name: "old" input: "data" input_dim: [2, 3, 9, 7]
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1" blobs_lr: 1. weight_decay: 0.
         convolution_param { num_output: 4 kernel_size: 3 stride: 2 bias_term: false pad: 2
                             weight_filler { type: "gaussian" } } }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1"
         pooling_param { pool: AVE kernel_size: 2 stride: 1 } }
layers { name: "norm1" type: LRN bottom: "pool1" top: "norm1" lrn_param { local_size: 3 alpha: 0.1 } }
layers { name: "both" type: CONCAT bottom: "norm1" bottom: "norm1" top: "both" concat_param { concat_dim: 1 } }
layers { name: "fc" type: INNER_PRODUCT bottom: "both" top: "fc" inner_product_param { num_output: 5 } }
layers { name: "drop" type: DROPOUT bottom: "fc" top: "fc" dropout_param { dropout_ratio: 0.4 } }
layers { name: "prob" type: SOFTMAX bottom: "fc" top: "prob" }
"""


def test_a_v0_net_is_the_v1_net_of_the_same_layers_its_padding_done_by_those_that_read_it():
    old, new = (Net(parse_netdef(text, "a")) for text in (V0, V1))
    assert [layer.name for layer in old.layers] == [layer.name for layer in new.layers]
    assert old.layers[1].definition.position.line == 3
    for net in (old, new):
        net.blobs["data"].data[...] = 1
    np.testing.assert_array_equal(old.forward()["prob"], new.forward()["prob"])
    assert old.blobs["conv1"].shape == (2, 4, 6, 5)
    assert (old.learnable[0].lr_mult, old.learnable[0].decay_mult) == (1, 0)


def test_a_v0_data_layer_says_what_it_does_to_images_in_a_transform_param():
    layer = parse_netdef(
        """layers { layer { name: "d" type: "images" source: "list" batchsize: 3 scale: 0.5 meanfile: "m" cropsize: 7
                            mirror: true shuffle_images: true new_height: 9 new_width: 8 } top: "x" top: "y" }"""
    ).layers[0]
    images = parse('source: "list" batch_size: 3 shuffle: true new_height: 9 new_width: 8')
    transform = parse('scale: 0.5 mean_file: "m" crop_size: 7 mirror: true')
    assert (layer.type, layer.sections) == ("ImageData", {"image_data_param": images, "transform_param": transform})


def test_what_a_v1_data_section_said_of_scale_mean_crop_and_mirror_is_transform_params():
    old = 'source: "l" scale: 2 mean_file: "m" batch_size: 3 crop_size: 5 mirror: true'
    transform = parse('mean_value: 7 scale: 2 mean_file: "m" crop_size: 5 mirror: true')
    for kind, section in (("DATA", "data_param"), ("IMAGE_DATA", "image_data_param")):
        layer = parse_netdef(
            f'layers {{ name: "d" type: {kind} {section} {{ {old} }} transform_param {{ mean_value: 7 }} }}'
        ).layers[0]
        assert layer.sections == {section: parse('source: "l" batch_size: 3'), "transform_param": transform}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ('name: "x" type: "convv"', 'a:1:34: V0LayerParameter.type: unknown layer type "convv"; did you mean "conv"?'),
        ('name: "x" type: "relu" pad: 3', 'a:1:41: V0LayerParameter.pad: unknown for a layer of type "relu"'),
        (
            'name: "x" type: "conv" kernelsiz: 3',
            'a:1:41: V0LayerParameter.kernelsiz: unknown for a layer of type "conv"; did you mean "kernelsize"?',
        ),
        ('name: "x" type: CONV', 'a:1:28: V0LayerParameter.type: expected a quoted name such as "conv"'),
        ('name: "x"', 'a:1:16: V0LayerParameter.type: expected a quoted name such as "conv"'),
        ('name: "x" type: "padding"', "a:1:1: a padding layer takes one bottom, one top and a pad"),
    ],
)
def test_what_is_wrong_in_a_v0_layer_is_said_with_its_place(layer, message):
    assert refusal(f"layers {{ layer {{ {layer} }} }}").startswith(message)


def test_a_v0_layer_is_a_message_and_padding_is_for_convolution_and_pooling():
    assert refusal("layers { layer: 3 }") == "a:1:10: layer: expected a message { ... }, found 3"
    padding = 'layers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "p" }'
    assert refusal(padding + '\nlayers { layer { name: "r" type: "relu" } bottom: "p" top: "r" }') == (
        "a:2:43: only a conv or pool layer of one bottom can read what a padding layer makes"
    )


def test_every_v0_type_became_one_of_v1s():
    assert set(V0_TYPES.values()) - {""} <= set(V1_TYPES)
    assert len(V0_TYPES) == 25


NORM = 'layer {{ name: "n" type: "BatchNorm" bottom: "x" top: "y" {} }}'


def test_three_param_entries_of_a_batch_norm_state_no_rate_whatever_they_say():
    params = (
        parse_netdef(NORM.format('param { name: "a" lr_mult: 1 } param { decay_mult: 3 } param { }')).layers[0].param
    )
    assert [(spec.name, spec.lr_mult, spec.decay_mult) for spec in params] == [("a", 0, 0), ("", 0, 0), ("", 0, 0)]
    Net(parse_netdef(f'input: "x" input_dim: [2, 3, 1, 2] {NORM.format("param { lr_mult: 2 }" * 3)}'))


@pytest.mark.parametrize("count", [1, 2])
def test_other_numbers_of_entries_are_left_as_they_are_and_a_rate_is_refused(count):
    text = f'input: "x" input_dim: [2, 3, 1, 2] {NORM.format("param { lr_mult: 2 }" * count)}'
    with pytest.raises(NetdefError, match="are statistics: lr_mult must be 0, found 2"):
        Net(parse_netdef(text))
