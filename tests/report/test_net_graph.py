from helpers import layer_text

from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.report.net_graph import KINDS, Edge, Node, net_graph, netdef_graph

NET = """
layer { name: "data" type: "Input" top: "x" top: "t"
  input_param { shape { dim: [2, 3, 5, 7] } shape { dim: [2, 4, 3, 6] } } }
layer { name: "a" type: "Convolution" bottom: "x" top: "a"
  convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 weight_filler { type: "xavier" } } }
layer { name: "r" type: "ReLU" bottom: "a" top: "a" relu_param { negative_slope: 0.25 } }
layer { name: "s" type: "ReLU" bottom: "a" top: "s" }
layer { name: "one" type: "EuclideanLoss" bottom: "a" bottom: "s" top: "one" }
layer { name: "two" type: "EuclideanLoss" bottom: "s" bottom: "t" top: "two" }
"""


def graph(text):
    return net_graph(Net(parse_netdef(text), Phase.TEST))


def test_a_box_is_a_layer_with_what_is_done_in_place_and_an_arrow_is_a_blob_whoever_splits_it():
    nodes, edges = graph(NET)
    assert nodes == [
        Node("data Input", "data", ["→ x  2x3x5x7", "→ t  2x4x3x6"]),
        Node(
            "a Convolution",
            "params",
            [
                "num_output 4, kernel_h 3, kernel_w 2",
                "76 params",
                "r ReLU, negative_slope 0.25",
                "→ a  2x4x3x6",
            ],
        ),
        Node("s ReLU", "other", ["→ s  2x4x3x6"]),
        Node("one EuclideanLoss", "loss", ["→ one  scalar"]),
        Node("two EuclideanLoss", "loss", ["→ two  scalar"]),
    ]
    assert edges == [Edge(0, 1, "x"), Edge(1, 2), Edge(1, 3), Edge(2, 3), Edge(2, 4), Edge(0, 4, "t")]
    assert {node.kind for node in nodes} == set(KINDS)


def test_two_blobs_between_two_layers_are_one_arrow():
    text = NET.split("layer {")[1].replace("4, 3, 6", "3, 5, 7")
    _, edges = graph(f"layer {{ {text} {layer_text('EuclideanLoss', ['x', 't'])}")
    assert edges == [Edge(0, 1, "x, t")]


def test_many_options_are_cut_short():
    options = (
        "num_output: 4 pad_h: 1 pad_w: 1 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 dilation: 1 bias_term: true"
    )
    nodes, _ = graph(
        NET.split('layer { name: "r"')[0].replace("num_output: 4 kernel_h: 3 kernel_w: 2", f"{options} engine: CAFFE")
    )
    assert len(nodes[1].lines) == 3 + 1 + 1
    assert nodes[1].lines[2].endswith(" …")
    assert all(len(line) <= 40 for line in nodes[1].lines)


FOREIGN = """
layer { name: "db" type: "Data" top: "x" top: "t" include { phase: TRAIN }
  data_param { source: "nowhere" batch_size: 64 backend: LMDB } transform_param { crop_size: 227 mirror: true } }
layer { name: "conv1/7x7_s2" type: "Convolution" bottom: "x" top: "a"
  convolution_param { num_output: 4 kernel_size: 3 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { type: "ReLU" bottom: "a" top: "a" }
layer { name: "p" type: "Python" bottom: "a" top: "g" python_param { module: "m" layer: "Nowhere" param_str: "{}" } }
layer { name: "w" type: "WarpDrive" bottom: "g" top: "w" param { lr_mult: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "w" bottom: "t" }
"""


def test_a_netdef_is_drawn_as_it_stands_whatever_cannot_be_built_of_it():
    nodes, edges = netdef_graph(parse_netdef(FOREIGN), Phase.TRAIN)
    assert nodes == [
        Node(
            "db Data",
            "data",
            ["source nowhere, batch_size 64, backend", "LMDB, crop_size 227, mirror true", "\u2192 x", "\u2192 t"],
        ),
        Node("conv1/7x7_s2 Convolution", "params", ["num_output 4, kernel_size 3 5", "ReLU", "\u2192 a"]),
        Node("p Python", "other", ["\u2192 g"]),
        Node("w WarpDrive", "params", ["\u2192 w"]),
        Node("loss SoftmaxWithLoss", "loss", []),
    ]
    assert edges == [Edge(0, 1, "x"), Edge(1, 2), Edge(2, 3), Edge(3, 4), Edge(0, 4, "t")]


def test_the_same_boxes_and_arrows_come_of_a_netdef_as_of_its_net():
    nodes, edges = graph(NET)
    drawn, arrows = netdef_graph(parse_netdef(NET), Phase.TEST)
    assert [(node.title, node.kind) for node in drawn] == [(node.title, node.kind) for node in nodes]
    assert arrows == edges


def test_a_bottom_that_nobody_makes_in_this_phase_is_a_box_that_says_so():
    nodes, edges = netdef_graph(parse_netdef(FOREIGN, "a"), Phase.TEST)
    assert nodes[0] == Node('"x"', "data", ["no layer of phase TEST makes it", "\u2192 x"])
    assert edges[0] == Edge(0, 1)
