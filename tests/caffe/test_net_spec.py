"""Nets written in Python become prototxt that our own parser reads."""

import pytest

from pysketch.caffe import NetSpec, layers, params, to_proto
from pysketch.caffe.net_spec import Function, assign_proto, param_name_dict
from pysketch.caffe.proto import caffe_pb2
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


def written(**tops):
    """The layers of a net of these tops."""
    n = NetSpec()
    for name, top in tops.items():
        n[name] = top
    return n.to_proto().layer


def test_names_are_counted_for_each_type_where_none_is_given():
    data, label = layers.DummyData(shape={"dim": 3}, ntop=2)
    conv = layers.Convolution(data, num_output=1)
    relu = layers.ReLU(conv, in_place=True)
    silent = layers.Silence(label, ntop=0)
    n = NetSpec()
    n.named = layers.Convolution(relu, num_output=2)
    n.silent = silent
    n.label = label
    found = [(layer.name, list(layer.bottom), list(layer.top)) for layer in n.to_proto().layer]
    assert found == [
        ("DummyData1", [], ["DummyData1", "label"]),
        ("Convolution1", ["DummyData1"], ["Convolution1"]),
        ("ReLU1", ["Convolution1"], ["Convolution1"]),
        ("named", ["Convolution1"], ["named"]),
        ("silent", ["label"], []),
    ]
    assert [layer.name for layer in to_proto(silent).layer] == ["DummyData1", "Silence1"]


def test_a_name_given_as_keyword_is_the_layers_and_not_the_tops():
    x = layers.Input(shape={"dim": [1]})
    (_, layer) = written(x=x, y=layers.Power(x, name="squared", power=2))
    assert (layer.name, list(layer.top)) == ("squared", ["y"])


def test_several_tops_make_one_net():
    x = layers.Input(shape={"dim": [1, 2]})
    a, b = layers.Power(x), layers.TanH(x)
    assert [layer.type for layer in to_proto(a, b).layer] == ["Input", "Power", "TanH"]
    tops = layers.Slice(x, ntop=2)
    assert [list(layer.bottom) for layer in to_proto(layers.Concat(*tops), tops[0]).layer][-1] == ["Slice1", "Slice2"]


def test_a_layer_ending_in_no_top_is_a_function():
    x = layers.Input(shape={"dim": [1]})
    silent = layers.Silence(x, ntop=0)
    assert isinstance(silent, Function)
    assert (silent.type_name, silent.inputs, silent.tops, silent.ntop) == ("Silence", (x,), (), 0)
    assert (x.fn.type_name, x.n, x.fn.in_place, x.fn.params) == ("Input", 0, False, {"shape": {"dim": [1]}})


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"kernel_size": 3, "num_output": 4}, "convolution_param {\n  num_output: 4\n  kernel_size: 3\n}\n"),
        ({"kernel_size": [3, 5]}, "convolution_param {\n  kernel_size: 3\n  kernel_size: 5\n}\n"),
        ({"kernel_size": (3, 5)}, "convolution_param {\n  kernel_size: 3\n  kernel_size: 5\n}\n"),
        (
            {"convolution_param": {"pad": 1, "weight_filler": {"type": "msra", "std": 0.5}}},
            'convolution_param {\n  pad: 1\n  weight_filler {\n    type: "msra"\n    std: 0.5\n  }\n}\n',
        ),
        ({"param": {"lr_mult": 2}}, "param {\n  lr_mult: 2\n}\n"),
        ({"param": [{"lr_mult": 1}, {"name": "b"}]}, 'param {\n  lr_mult: 1\n}\nparam {\n  name: "b"\n}\n'),
        ({"include": {"phase": caffe_pb2.TEST}}, "include {\n  phase: TEST\n}\n"),
        ({"include": {"phase": caffe_pb2.Phase.Value("TRAIN")}}, "include {\n  phase: TRAIN\n}\n"),
        ({"include": {"stage": ["a", "b"]}}, 'include {\n  stage: "a"\n  stage: "b"\n}\n'),
        ({"propagate_down": [True, False]}, "propagate_down: true\npropagate_down: false\n"),
        ({"loss_weight": 0.5}, "loss_weight: 0.5\n"),
        ({"transform_param": {"mean_value": [1, 2]}}, "transform_param {\n  mean_value: 1\n  mean_value: 2\n}\n"),
        ({"engine": params.Convolution.CAFFE}, "convolution_param {\n  engine: CAFFE\n}\n"),
        ({"axis": 1}, "convolution_param {\n  axis: 1\n}\n"),
        ({"param": []}, ""),
    ],
)
def test_keywords_become_fields(keywords, text):
    x = layers.Input(shape={"dim": [1]})
    layer = written(x=x, y=layers.Convolution(x, **keywords))[1]
    assert str(layer) == 'name: "y"\ntype: "Convolution"\nbottom: "x"\ntop: "y"\n' + text


def test_python_and_loss_layers_have_their_sections():
    x = layers.Input(shape={"dim": [1]})
    own, loss = written(
        y=layers.Python(x, module="m", layer="L", param_str=repr({"a": 1}), loss_weight=1),
        z=layers.SoftmaxWithLoss(x, x, loss_param={"ignore_label": 255, "normalize": False}),
    )[1:]
    assert (own.python_param.module, own.python_param.layer, own.python_param.param_str) == ("m", "L", "{'a': 1}")
    assert own.loss_weight[:] == [1]
    assert (loss.loss_param.ignore_label, loss.loss_param.HasField("normalize")) == (255, True)


def test_a_net_of_a_thousand_layers_is_written():
    top = layers.Input(shape={"dim": [1]})
    for _ in range(1500):
        top = layers.Power(top)
    assert to_proto(top).layer[-1].name == "Power1500"


def test_tops_are_listed_changed_and_deleted():
    n = NetSpec()
    n.x = layers.Input(shape={"dim": [1]})
    n["y"] = layers.Power(n.x, power=2)
    assert n.keys() == ["x", "y"]
    assert n.vals() == [n.x, n.y]
    n.update("y", {"power": 3, "scale": 2})
    power = n.to_proto().layer[1].power_param
    assert (power.power, power.scale) == (3, 2)
    assert "y" in n and hasattr(n, "y")
    del n.y
    assert "y" not in n and not hasattr(n, "y")
    n.y = layers.TanH(n.x)
    del n["y"]
    assert [layer.name for layer in n.to_proto().layer] == ["x"]


def test_what_writes_messages_serves_other_messages():
    solver = caffe_pb2.SolverParameter()
    for name, value in {"net": "a.prototxt", "test_iter": 10, "stepvalue": [1, 2], "train_state": {"level": 1}}.items():
        assign_proto(solver, name, value)
    assert (solver.net, solver.test_iter[:], solver.stepvalue[:], solver.train_state.level) == (
        "a.prototxt",
        [10],
        [1, 2],
        1,
    )
    assert param_name_dict()["InnerProduct"] == "inner_product"
    assert param_name_dict()["Transformation"] == "transform"


@pytest.mark.parametrize(
    ("write", "kind", "message"),
    [
        (lambda n: layers.ReLU("x"), TypeError, r"^ReLU input 0 is not a Top \(type is <class 'str'>\)$"),
        (
            lambda n: layers.Silence(n.x, layers.DummyData(ntop=2), ntop=0),
            TypeError,
            r"^Silence input 1 is not a Top \(type is <class 'tuple'>\)$",
        ),
        (
            lambda n: layers.Convolution(n.x, num_outputs=1),
            AttributeError,
            'Convolution: no field "num_outputs"; did you mean "num_output"',
        ),
        (
            lambda n: layers.Convolution(n.x, weight_filler={"tipe": "xavier"}),
            AttributeError,
            'FillerParameter has no field "tipe"; did you mean "type"',
        ),
        (
            lambda n: layers.Convolution(n.x, num_output="many"),
            TypeError,
            "ConvolutionParameter.num_output: 'many' does not fit: ",
        ),
        (
            lambda n: layers.Convolution(n.x, kernel_size=[3, -1]),
            ValueError,
            "ConvolutionParameter.kernel_size: -1 does not fit: ",
        ),
        (
            lambda n: layers.Convolution(n.x, weight_filler="xavier"),
            TypeError,
            "weight_filler: expected a dict, the fields of a FillerParameter, found 'xavier'",
        ),
        (lambda n: n.q, AttributeError, "no top q has been written"),
        (lambda n: n["q"], KeyError, "no top q has been written"),
        (lambda n: n.__delattr__("q"), KeyError, "no top q has been written"),
        (lambda n: params.Pooling.MIN, AttributeError, "PoolingParameter has no MIN"),
        (
            lambda n: params.Poling,
            AttributeError,
            'caffe_pb2 has no PolingParameter; did you mean "PoolingParameter"',
        ),
        (
            lambda n: layers.DummyData(ntop=2),
            AttributeError,
            "y: expected one top of a layer, found tuple; it has 2: give as many names",
        ),
        (lambda n: 3, AttributeError, "y: expected one top of a layer, found int$"),
    ],
)
def test_slips_are_named(write, kind, message):
    n = NetSpec()
    n.x = layers.Input(shape={"dim": [1, 2, 3, 3]})
    with pytest.raises(kind, match=message):
        n.y = write(n)
        n.to_proto()
