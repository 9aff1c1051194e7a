"""Scripts as people write them for pycaffe, and what the stand-in for it offers."""

import numpy as np
import pytest
from pycaffe_nets import DEPLOY, NET, solver_file, write

import pysketch.caffe as caffe
from pysketch.layers.base import LAYERS

pytestmark = pytest.mark.usefixtures("script")


def test_script_a_loss_written_in_python_trains(tmp_path):
    write(
        tmp_path / "script_layers.py",
        """
import caffe
import numpy as np

class MyEuclideanLoss(caffe.Layer):
    def setup(self, bottom, top):
        if len(bottom) != 2:
            raise Exception("two bottoms, please")
    def reshape(self, bottom, top):
        self.delta = np.zeros_like(bottom[0].data, dtype=np.float32)
        top[0].reshape(1)
    def forward(self, bottom, top):
        self.delta[...] = bottom[0].data - bottom[1].data
        top[0].data[...] = np.sum(self.delta ** 2) / bottom[0].num / 2.0
    def backward(self, top, propagate_down, bottom):
        for i, sign in ((0, 1), (1, -1)):
            if propagate_down[i]:
                bottom[i].diff[...] = sign * top[0].diff * self.delta / bottom[i].num
""",
    )
    mine = NET.replace('type: "EuclideanLoss"', 'type: "Python" loss_weight: 1').replace(
        'top: "loss" }', 'top: "loss" python_param { module: "script_layers" layer: "MyEuclideanLoss" } }'
    )
    losses = []
    for text in (mine, NET):
        caffe.set_random_seed(3)
        solver = caffe.SGDSolver(solver_file(tmp_path, write(tmp_path / "net.prototxt", text)))
        solver.step(5)
        losses.append(float(solver.net.blobs["loss"].data.item()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_script_net_surgery_turns_a_full_connection_into_a_convolution(tmp_path):
    caffe.set_mode_cpu()
    head = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 4 dim: 3 } } }'
    full = """layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
        inner_product_param { num_output: 5 weight_filler { type: "gaussian" } } }"""
    convolution = """layer { name: "fc-conv" type: "Convolution" bottom: "data" top: "fc-conv"
        convolution_param { num_output: 5 kernel_h: 4 kernel_w: 3 } }"""
    net = caffe.Net(write(tmp_path / "fc.prototxt", head + full), caffe.TEST)
    net.params["fc"][1].data[...] = np.arange(5)
    net.save(str(tmp_path / "fc.caffemodel"))

    net = caffe.Net(str(tmp_path / "fc.prototxt"), str(tmp_path / "fc.caffemodel"), caffe.TEST)
    net_full_conv = caffe.Net(write(tmp_path / "conv.prototxt", head + convolution), caffe.TEST)
    net_full_conv.params["fc-conv"][0].data.flat = net.params["fc"][0].data.flat
    net_full_conv.params["fc-conv"][1].data[...] = net.params["fc"][1].data
    x = np.random.RandomState(0).randn(1, 2, 4, 3)
    np.testing.assert_allclose(
        net_full_conv.forward(data=x)["fc-conv"].ravel(), net.forward(data=x)["fc"].ravel(), rtol=1e-4, atol=1e-5
    )
    wide = np.random.RandomState(1).randn(1, 2, 9, 7)
    net_full_conv.blobs["data"].reshape(1, 2, 9, 7)
    net_full_conv.reshape()
    assert net_full_conv.forward(data=wide)["fc-conv"].shape == (1, 5, 6, 5)


def test_script_features_are_read_from_the_middle_of_a_net(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", NET), phase=caffe.TEST)
    net.blobs["data"].data[...] = np.random.RandomState(0).randn(4, 2, 6, 5)
    features = net.forward(start="conv", end="relu")["conv"].copy()
    assert features.shape == (4, 3, 4, 3)
    assert features.min() == 0
    blob = net.blobs["conv"]
    assert (blob.num, blob.channels, blob.height, blob.width, blob.count) == (4, 3, 4, 3, 144)
    np.testing.assert_array_equal(blob.data, features)
    shapes = {name: [p.data.shape for p in params] for name, params in net.params.items()}
    assert shapes == {"conv": [(3, 2, 3, 3), (3,)], "score": [(3, 36), (3,)]}
    transformer = caffe.io.Transformer({"data": net.blobs["data"].data.shape})
    transformer.set_transpose("data", (2, 0, 1))
    assert transformer.preprocess("data", np.ones((6, 5, 2))).shape == (2, 6, 5)


@pytest.mark.parametrize("phase", [caffe.TRAIN, 1])
def test_a_net_takes_its_arguments_in_either_order(phase, tmp_path):
    path = write(tmp_path / "net.prototxt", NET)
    caffe.Net(path, phase).save(str(tmp_path / "w.caffemodel.h5"))
    for arguments, options in (
        ((str(tmp_path / "w.caffemodel.h5"), phase), {}),
        ((phase,), {"weights": str(tmp_path / "w.caffemodel.h5")}),
        ((), {"phase": phase}),
    ):
        assert caffe.Net(path, *arguments, **options).phase == phase
    with pytest.raises(TypeError, match=r"a net needs a phase: caffe\.TRAIN or caffe\.TEST"):
        caffe.Net(path)


def test_what_a_net_takes_is_told_apart(tmp_path):
    path = write(tmp_path / "net.prototxt", NET + STAGED)
    caffe.Net(path, caffe.TEST).save(str(tmp_path / "w.caffemodel"))
    weights = str(tmp_path / "w.caffemodel")
    assert "staged" not in caffe.Net(path, caffe.TEST).blobs
    for net in (
        caffe.Net(path, caffe.TEST, 1, ["a"], weights),
        caffe.Net(path, caffe.TEST, level=1, stages=["a"], weights=weights),
        caffe.Net(path, caffe.TEST, 1, ["a"], None),
        caffe.Net(path, caffe.TEST, level=1, stages="a"),
    ):
        assert "staged" in net.blobs
    with pytest.raises(TypeError, match="a net takes a phase, level, stages and weights; found 5 arguments"):
        caffe.Net(path, caffe.TEST, 1, ["a"], None, None)


STAGED = """
layer { name: "staged" type: "Power" bottom: "score" top: "staged" include { stage: "a" min_level: 1 } }
"""


def test_layers_and_their_blobs_are_named(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", NET), caffe.TRAIN)
    assert list(net._layer_names) == list(net.layer_dict) == ["data", "conv", "relu", "score", "loss"]
    assert net._blob_names == ["data", "target", "conv", "score", "loss"]
    assert net.top_names == {
        "data": ["data", "target"],
        "conv": ["conv"],
        "relu": ["conv"],
        "score": ["score"],
        "loss": ["loss"],
    }
    assert net.bottom_names["loss"] == ["score", "target"]
    assert net.bottom_names["data"] == []
    assert net.blob_loss_weights == {"data": 0, "target": 0, "conv": 0, "score": 0, "loss": 1}


@pytest.mark.parametrize("items", [3, 4, 9])
def test_forward_all_gives_every_item_once(items, tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", DEPLOY), caffe.TEST)
    x = np.random.RandomState(0).randn(items, 2, 6, 5).astype(np.float32)
    made = net.forward_all(blobs=["conv"], data=x)
    assert {name: array.shape for name, array in made.items()} == {"score": (items, 3), "conv": (items, 3, 4, 3)}
    assert net.blobs["data"].shape == (4, 2, 6, 5)
    for k in range(items):
        net.blobs["data"].data[...] = 0
        net.blobs["data"].data[1] = x[k]
        net.forward()
        for name, array in made.items():
            np.testing.assert_allclose(array[k], net.blobs[name].data[1], rtol=1e-4, atol=1e-5)


def test_forward_all_gives_one_loss_for_each_batch(tmp_path):
    text = DEPLOY + 'layer { name: "sum" type: "Reduction" bottom: "score" top: "sum" }'
    net = caffe.Net(write(tmp_path / "net.prototxt", text), caffe.TEST)
    made = net.forward_all(data=np.ones((9, 2, 6, 5)))
    assert made["sum"].shape == (3,)
    assert made["sum"][0] == pytest.approx(made["sum"][1])
    assert made["sum"][2] != pytest.approx(made["sum"][1])


def test_forward_backward_all_gives_data_and_diffs_of_every_item(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", "force_backward: true\n" + DEPLOY), caffe.TEST)
    random = np.random.RandomState(0)
    x, d = (random.randn(6, *shape).astype(np.float32) for shape in ((2, 6, 5), (3,)))
    data, diffs = net.forward_backward_all(blobs=["conv"], diffs=["conv"], data=x, score=d)
    assert {name: array.shape for name, array in data.items()} == {"score": (6, 3), "conv": (6, 3, 4, 3)}
    assert {name: array.shape for name, array in diffs.items()} == {"data": (6, 2, 6, 5), "conv": (6, 3, 4, 3)}
    net.forward(data=x[2:])
    net.backward(score=d[2:])
    np.testing.assert_allclose(diffs["data"][2:], net.blobs["data"].diff, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(data["score"][2:], net.blobs["score"].data, rtol=1e-4, atol=1e-5)


def test_arrays_of_different_lengths_are_refused(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", "force_backward: true\n" + DEPLOY), caffe.TEST)
    x, d = np.zeros((5, 2, 6, 5)), np.zeros((4, 3))
    with pytest.raises(ValueError, match="arrays of equally many items, one at least; found data 5, score 4"):
        net.forward_backward_all(data=x, score=d)
    for inputs in ({}, {"data": x[:0]}):
        with pytest.raises(ValueError, match="arrays of equally many items, one at least; found"):
            net.forward_all(**inputs)


def test_weights_are_saved_in_caffes_binary_format_whatever_they_are_called(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", NET), caffe.TRAIN)
    for name, start in (("weights", b"\n"), ("w.caffemodel", b"\n"), ("w.h5", b"\x89HDF")):
        net.save(str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(start)
        again = caffe.Net(str(tmp_path / "net.prototxt"), str(tmp_path / name), caffe.TRAIN)
        np.testing.assert_array_equal(again.params["score"][0].data, net.params["score"][0].data)


def test_layers_are_run_by_their_indices(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", NET), caffe.TRAIN)
    loss = net._forward(0, 4)
    assert loss == pytest.approx(float(net.blobs["loss"].data))
    net._backward(4, 1)
    assert net.params["conv"][0].diff.any()


def test_script_a_data_layer_written_in_python_is_given_its_data_by_the_script(tmp_path):
    write(
        tmp_path / "script_layers.py",
        """
import caffe

class Given(caffe.Layer):
    def setup(self, bottom, top):
        assert self.param_str == self.param_str_ == "2"
        self.images = []
        top[0].reshape(1, int(self.param_str))
    def set_images(self, images):
        self.images = images
    def reshape(self, bottom, top):
        pass
    def forward(self, bottom, top):
        top[0].data[...] = self.images.pop(0)
    def backward(self, top, propagate_down, bottom):
        pass
""",
    )
    text = """layer { name: "data" type: "Python" top: "data"
        python_param { module: "script_layers" layer: "Given" param_str: "2" } }"""
    net = caffe.Net(write(tmp_path / "net.prototxt", text), caffe.TRAIN)
    net.layers[0].set_images([[1, 2], [3, 4]])
    assert net.forward()["data"].tolist() == [[1, 2]]
    assert net.forward()["data"].tolist() == [[3, 4]]
    with pytest.raises(AttributeError, match="set_image"):
        net.layers[0].set_image([])


def test_script_an_image_dreams(tmp_path):
    from google.protobuf import text_format

    write(tmp_path / "deploy.prototxt", DEPLOY)
    model = caffe.io.caffe_pb2.NetParameter()
    text_format.Merge((tmp_path / "deploy.prototxt").read_text(), model)
    model.force_backward = True
    write(tmp_path / "tmp.prototxt", str(model))
    caffe.Net(str(tmp_path / "tmp.prototxt"), caffe.TEST).save(str(tmp_path / "w.caffemodel"))
    net = caffe.Classifier(
        str(tmp_path / "tmp.prototxt"), str(tmp_path / "w.caffemodel"), mean=np.float32([104, 116]), channel_swap=(1, 0)
    )
    assert net.transformer.mean["data"].shape == (2, 1, 1)
    src, dst = net.blobs["data"], net.blobs["conv"]
    src.reshape(1, 2, 6, 5)
    src.data[0] = np.random.RandomState(0).randn(2, 6, 5)
    sizes = []
    for _ in range(3):
        net.forward(end="conv")
        sizes.append(float((dst.data**2).sum()))
        dst.diff[:] = dst.data
        net.backward(start="conv")
        src.data[:] += 0.1 / np.abs(src.diff[0]).mean() * src.diff[0]
    assert sizes[0] < sizes[1] < sizes[2]


def test_arrays_for_a_net_without_a_memory_layer_are_refused(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", NET), caffe.TRAIN)
    message = "set_input_arrays: the first layer must be a MemoryData layer, found DummyData"
    with pytest.raises(RuntimeError, match=message):
        net.set_input_arrays(np.zeros((2, 1, 3, 4), np.float32), np.zeros(2, np.float32))


def test_arrays_are_handed_to_the_first_layer_with_labels_of_four_axes(tmp_path, monkeypatch):
    net = caffe.Net(write(tmp_path / "net.prototxt", NET), caffe.TRAIN)
    given = []
    monkeypatch.setattr(net.layers[0], "set_input_arrays", lambda *arrays: given.append(arrays), raising=False)
    data, labels = np.zeros((2, 1, 3, 4), np.float32), np.arange(2, dtype=np.float32)
    net.set_input_arrays(data, labels)
    net.set_input_arrays(data, labels.reshape(2, 1, 1, 1))
    for found in given:
        assert found[0] is data
        np.testing.assert_array_equal(found[1], labels.reshape(2, 1, 1, 1))


@pytest.mark.skipif("MemoryData" not in LAYERS, reason="there is no MemoryData layer")
def test_script_arrays_go_through_a_memory_layer(tmp_path):
    text = """layer { name: "data" type: "MemoryData" top: "data" top: "label"
        memory_data_param { batch_size: 2 channels: 1 height: 3 width: 4 } }"""
    net = caffe.Net(write(tmp_path / "net.prototxt", text), caffe.TEST)
    data = np.random.RandomState(0).randn(4, 1, 3, 4).astype(np.float32)
    net.set_input_arrays(data, np.arange(4, dtype=np.float32))
    for start in (0, 2, 0):
        made = net.forward()
        np.testing.assert_array_equal(made["data"], data[start : start + 2])
        assert made["label"].ravel().tolist() == [start, start + 1]


def test_script_a_picture_is_classified_and_filters_are_looked_at(tmp_path):
    text = DEPLOY + 'layer { name: "prob" type: "Softmax" bottom: "score" top: "prob" }'
    write(tmp_path / "deploy.prototxt", text)
    caffe.Net(str(tmp_path / "deploy.prototxt"), caffe.TRAIN).save(str(tmp_path / "w.caffemodel"))
    mean = caffe.io.array_to_blobproto(np.full((1, 2, 9, 8), 7, np.float32)).SerializeToString()

    caffe.set_mode_cpu()
    net = caffe.Net(str(tmp_path / "deploy.prototxt"), str(tmp_path / "w.caffemodel"), caffe.TEST)
    blob = caffe.proto.caffe_pb2.BlobProto()
    blob.ParseFromString(mean)
    mu = np.array(caffe.io.blobproto_to_array(blob))[0].mean(1).mean(1)
    transformer = caffe.io.Transformer({"data": net.blobs["data"].data.shape})
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_mean("data", mu)
    transformer.set_raw_scale("data", 255)
    transformer.set_channel_swap("data", (1, 0))
    net.blobs["data"].reshape(50, 2, 6, 5)
    image = np.random.RandomState(0).rand(11, 13, 2)
    net.blobs["data"].data[...] = transformer.preprocess("data", image)
    output = net.forward()
    assert output["prob"].shape == (50, 3)
    np.testing.assert_allclose(output["prob"][0], output["prob"][49], rtol=1e-5)
    assert output["prob"][0].argmax() == net.blobs["score"].data[0].argmax()
    shapes = {name: (param[0].data.shape, param[1].data.shape) for name, param in net.params.items()}
    assert shapes == {"conv": ((3, 2, 3, 3), (3,)), "score": ((3, 36), (3,))}
    assert net.params["conv"][0].data.transpose(0, 2, 3, 1).shape == (3, 3, 3, 2)
    picture = transformer.deprocess("data", net.blobs["data"].data[0])
    np.testing.assert_allclose(picture, caffe.io.resize_image(image, (6, 5)), atol=1e-5)


def test_script_twins_that_share_params_are_run_over_all_items(tmp_path):
    def tower(data, top):
        n[top] = caffe.layers.InnerProduct(
            data, num_output=2, weight_filler={"type": "gaussian"}, param=[{"name": "w"}, {"name": "b"}]
        )
        return n[top]

    n = caffe.NetSpec()
    n.left, n.right = (caffe.layers.Input(shape={"dim": [4, 5]}) for _ in range(2))
    n.distance = caffe.layers.Eltwise(tower(n.left, "l"), tower(n.right, "r"), coeff=[1, -1])
    net = caffe.Net(write(tmp_path / "twins.prototxt", str(n.to_proto())), caffe.TEST)
    x = np.random.RandomState(0).randn(7, 5).astype(np.float32)
    made = net.forward_all(left=x, right=x, blobs=["l"])
    assert made["l"].shape == (7, 2)
    np.testing.assert_array_equal(made["distance"], np.zeros((7, 2)))


def test_a_script_is_called_before_and_after_each_layer(tmp_path):
    path = write(tmp_path / "net.prototxt", NET)
    plain, net = caffe.Net(path, caffe.TRAIN), caffe.Net(path, caffe.TRAIN)
    seen = []
    for name in ("before_forward", "after_forward", "before_backward", "after_backward"):
        getattr(net, name)(lambda index, name=name: seen.append((name, index)))
    for each in (plain, net):
        each.forward()
        each.backward()
    expected = [(f"{when}_forward", k) for k in range(5) for when in ("before", "after")]
    expected += [(f"{when}_backward", k) for k in reversed(range(5)) for when in ("before", "after")]
    assert seen == expected
    for name in ("conv", "score"):
        np.testing.assert_allclose(net.params[name][0].diff, plain.params[name][0].diff, rtol=1e-5)
    np.testing.assert_allclose(net.blobs["conv"].data, plain.blobs["conv"].data, rtol=1e-5)


def test_script_a_blob_is_changed_between_two_layers(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", DEPLOY), caffe.TEST)
    net.after_forward(lambda index: net.blobs["conv"].data.fill(0) if net._layer_names[index] == "relu" else None)
    net.blobs["data"].data[...] = 1
    np.testing.assert_array_equal(net.forward()["score"], np.tile(net.params["score"][1].data, (4, 1)))
