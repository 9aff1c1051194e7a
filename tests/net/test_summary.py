from pysketch.convolution.receptive_field import ReceptiveField
from pysketch.net.net import Net
from pysketch.net.summary import summarize
from pysketch.netdef.definitions import Phase, parse_netdef

NET = """
layer { name: "data" type: "Input" top: "list" top: "x"
  input_param { shape { dim: [2, 3] } shape { dim: [2, 3, 9, 8] } } }
layer { name: "a" type: "Convolution" bottom: "x" top: "a" param { name: "w" }
  convolution_param { num_output: 3 kernel_h: 3 kernel_w: 2 stride: 2 bias_term: false } }
layer { name: "r" type: "ReLU" bottom: "a" top: "a" }
layer { name: "b" type: "Convolution" bottom: "a" top: "b" param { name: "w" }
  convolution_param { num_output: 3 kernel_h: 3 kernel_w: 2 bias_term: false } }
layer { name: "c" type: "Convolution" bottom: "a" top: "c" convolution_param { num_output: 5 kernel_size: 1 } }
layer { name: "l" type: "ReLU" bottom: "list" top: "m" }
"""
"""x (2, 3, 9, 8) -> a (2, 3, 4, 4) -> b (2, 3, 2, 3) and c (2, 5, 4, 4); w is shared."""


def test_shapes_params_products_bytes_and_fields_are_the_layers():
    summary = summarize(Net(parse_netdef(NET), Phase.TEST))
    layers = {layer.name: layer for layer in summary.layers}
    assert list(layers) == ["data", "a", "r", "b", "c", "l"]
    assert layers["data"].shapes == ((2, 3), (2, 3, 9, 8))
    assert [(layer.params, layer.multiply_adds, layer.nbytes) for layer in layers.values()] == [
        (0, None, 4 * (6 + 2 * 3 * 9 * 8)),
        (54, 18 * 2 * 3 * 4 * 4, 4 * 2 * 3 * 4 * 4),
        (0, None, 0),
        (54, 18 * 2 * 3 * 2 * 3, 4 * 2 * 3 * 2 * 3),
        (20, 3 * 2 * 5 * 4 * 4, 4 * 2 * 5 * 4 * 4),
        (0, None, 4 * 6),
    ]
    assert layers["b"].fields == (ReceptiveField(2, 0, 6), ReceptiveField(2, 0, 3))
    assert layers["l"].fields is None


def test_totals_count_shared_params_once():
    summary = summarize(Net(parse_netdef(NET), Phase.TEST))
    assert (summary.image, summary.params) == ("x", 54 + 20)
    assert summary.multiply_adds == 18 * (96 + 36) + 3 * 160
    assert summary.nbytes == 4 * (6 + 432 + 96 + 36 + 160 + 6)


def test_without_an_image_nothing_is_seen():
    text = 'layer { name: "d" type: "Input" top: "x" input_param { shape { dim: [2, 3] } } }'
    summary = summarize(Net(parse_netdef(text), Phase.TEST))
    assert (summary.image, summary.layers[0].fields) == (None, None)


def test_a_layer_that_does_not_say_what_it_sees_has_no_field():
    text = NET.replace("{ dim: [2, 3] }", "{ dim: [2, 3, 9, 8] }", 1)
    text += 'layer { name: "e" type: "EuclideanLoss" bottom: "x" bottom: "list" top: "e" }'
    assert summarize(Net(parse_netdef(text), Phase.TEST)).layers[-1].fields is None
