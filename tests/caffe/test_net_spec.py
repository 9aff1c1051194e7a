"""Nets written in Python become prototxt that our own parser reads."""

import pytest

from pysketch.caffe import NetSpec, layers, params, to_proto
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef


def lenet():
    n = NetSpec()
    n.data, n.label = layers.DummyData(shape=[{"dim": [2, 1, 12, 12]}, {"dim": [2]}], ntop=2)
    n.conv1 = layers.Convolution(n.data, kernel_size=5, num_output=4, weight_filler={"type": "xavier"})
    n.pool1 = layers.Pooling(n.conv1, kernel_size=2, stride=2, pool=params.Pooling.MAX)
    n.relu1 = layers.ReLU(n.pool1, in_place=True)
    n.score = layers.InnerProduct(n.relu1, num_output=3, param=[{"lr_mult": 1}, {"lr_mult": 2}])
    n.loss = layers.SoftmaxWithLoss(n.score, n.label, loss_weight=0.5)
    n.silent = layers.Silence(n.label, ntop=0)
    return n


def test_the_net_is_read_back_with_all_its_layers():
    netdef = parse_netdef(str(lenet().to_proto()))
    kinds = ["DummyData", "Convolution", "Pooling", "ReLU", "InnerProduct", "SoftmaxWithLoss", "Silence"]
    assert [layer.type for layer in netdef.layers] == kinds
    relu = netdef.layers[3]
    assert (relu.name, relu.bottom, relu.top) == ("relu1", ("pool1",), ("pool1",))
    score = netdef.layers[4]
    assert (score.name, score.bottom, [spec.lr_mult for spec in score.param]) == ("score", ("pool1",), [1, 2])
    assert netdef.layers[5].loss_weight == (0.5,)
    assert Net(netdef, Phase.TRAIN).blobs["conv1"].shape == (2, 4, 8, 8)


def test_a_net_can_be_written_from_its_last_top_alone():
    data = layers.Input(shape={"dim": [1, 3]})
    top = layers.Sigmoid(layers.InnerProduct(data, num_output=2))
    netdef = parse_netdef(str(to_proto(top)))
    assert [(layer.name, layer.top) for layer in netdef.layers] == [
        ("Input1", ("Input1",)),
        ("InnerProduct1", ("InnerProduct1",)),
        ("Sigmoid1", ("Sigmoid1",)),
    ]
    assert str(top.to_proto()) == str(to_proto(top))


def test_names_may_be_given_and_items_are_attributes():
    n = NetSpec()
    n["x"] = layers.Input(shape={"dim": [1]}, name="source")
    assert parse_netdef(str(n.to_proto())).layers[0].name == "source"
    assert n["x"] is n.x


def test_a_deconvolution_has_convolutions_options():
    n = NetSpec()
    n.x = layers.Input(shape={"dim": [1, 2, 3, 3]})
    n.y = layers.Deconvolution(n.x, convolution_param={"num_output": 1, "kernel_size": 2, "group": 1})
    n.z = layers.Deconvolution(n.x, num_output=1, kernel_size=2)
    net = Net(parse_netdef(str(n.to_proto())), Phase.TEST)
    assert net.blobs["y"].shape == net.blobs["z"].shape == (1, 1, 4, 4)


@pytest.mark.parametrize(
    ("write", "kind", "message"),
    [
        (lambda n: layers.ReLU("x"), TypeError, "ReLU: expected tops of other layers for bottoms, found 'x'"),
        (
            lambda n: layers.Convolution(n.x, num_outputs=1),
            TypeError,
            'no field "num_outputs"; did you mean "num_output"',
        ),
        (
            lambda n: layers.Convolution(n.x, weight_filler={"tipe": "xavier"}),
            TypeError,
            'FillerParameter: no field "tipe"; did you mean "type"',
        ),
        (lambda n: n.q, AttributeError, "no top q has been written"),
        (lambda n: params.Pooling.MIN, AttributeError, "PoolingParameter has no MIN"),
    ],
)
def test_slips_are_named(write, kind, message):
    n = NetSpec()
    n.x = layers.Input(shape={"dim": [1, 2, 3, 3]})
    with pytest.raises(kind, match=message):
        n.y = write(n)
        n.to_proto()
