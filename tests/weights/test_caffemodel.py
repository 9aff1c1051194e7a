"""Caffe's binary files: what is written, what is read, and what is refused."""

import numpy as np
import pytest

from pysketch.errors import SnapshotError
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.netdef.prototxt import parse
from pysketch.weights.caffe_schema import message_class, to_text
from pysketch.weights.caffemodel import (
    CaffemodelFile,
    fill_blob,
    layer_text,
    read_binary_state,
    read_blob,
    write_binary_state,
    write_caffemodel,
)
from pysketch.weights.snapshot import SolverState

NETDEF = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 2, 3, 4] } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "y" param { lr_mult: 2 } param { name: "b" decay_mult: 0 }
        propagate_down: true
        convolution_param { num_output: 3 kernel_size: [1, 2] engine: WINOGRAD weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "y" top: "l" loss_weight: 0.5 include { phase: TRAIN } }
"""
W, B = np.arange(12, dtype=np.float32).reshape(3, 2, 1, 2), np.array([1.5, -2, 3], np.float32)
WEIGHTS = [("in", []), ("conv", [W, B]), ("loss", [])]
SHAPES = [(3, 2), (3,)]


def write(path, **options):
    write_caffemodel(path, "tiny", parse_netdef(NETDEF).layers, Phase.TRAIN, WEIGHTS, **options)


def message(path, kind="NetParameter"):
    return message_class(kind).FromString(path.read_bytes())


def test_weights_come_back_with_names_and_shapes(tmp_path):
    write(tmp_path / "a.caffemodel")
    with CaffemodelFile(tmp_path / "a.caffemodel") as file:
        assert file.layers == ["in", "conv", "loss"]
        assert [file.count(name) for name in file.layers] == [0, 2, 0]
        assert file.shape("conv", 0) == W.shape
        assert file.fits("conv", 0, W.shape) and not file.fits("conv", 0, (12,))
        np.testing.assert_array_equal(file.read("conv", 0), W)
        np.testing.assert_array_equal(file.read("conv", 1), B)
        assert file.attributes == {}


def test_the_file_holds_every_layer_as_caffe_writes_it(tmp_path):
    write(tmp_path / "a.caffemodel")
    net = message(tmp_path / "a.caffemodel")
    data, conv, loss = net.layer
    assert (net.name, data.input_param.shape[0].dim[:]) == ("tiny", [1, 2, 3, 4])
    assert (conv.type, conv.bottom[:], conv.top[:], conv.phase) == ("Convolution", ["x"], ["y"], 0)
    assert [(spec.name, spec.lr_mult, spec.decay_mult) for spec in conv.param] == [("", 2, 1), ("b", 1, 0)]
    assert (conv.convolution_param.num_output, conv.convolution_param.kernel_size[:]) == (3, [1, 2])
    assert conv.convolution_param.weight_filler.type == "xavier"
    assert not conv.convolution_param.HasField("engine")  # WINOGRAD is ours
    assert conv.propagate_down[:] == [True]
    assert loss.loss_weight[:] == [0.5]
    assert conv.blobs[0].shape.dim[:] == [3, 2, 1, 2]


def test_diffs_are_kept_if_asked_for(tmp_path):
    write(tmp_path / "a.caffemodel", diffs=[("in", []), ("conv", [W + 1, B + 1]), ("loss", [])])
    assert message(tmp_path / "a.caffemodel").layer[1].blobs[1].diff[:] == [2.5, -1, 4]


def test_texts_of_a_net_file_come_back_and_are_fields_of_our_own(tmp_path):
    texts = {"netdef": NETDEF, "preprocessing": "{}"}
    write(tmp_path / "a.caffemodel", attributes=texts)
    assert CaffemodelFile(tmp_path / "a.caffemodel").attributes == texts
    assert message(tmp_path / "a.caffemodel").DESCRIPTOR.fields_by_name["pysketch_netdef"].number >= 1000


def test_v1_layers_and_blobs_of_four_axes_are_read(tmp_path):
    net = message_class("NetParameter")()
    layer = net.layers.add(name="old")
    blob = layer.blobs.add(num=1, channels=1, height=1, width=3)
    blob.data.extend(B)
    (tmp_path / "a.caffemodel").write_bytes(net.SerializeToString())
    file = CaffemodelFile(tmp_path / "a.caffemodel")
    assert file.shape("old", 0) == (1, 1, 1, 3)
    assert file.fits("old", 0, (3,)) and file.fits("old", 0, (1, 3)) and not file.fits("old", 0, (3, 1))
    np.testing.assert_array_equal(file.read("old", 0).ravel(), B)


def test_doubles_are_read_as_floats(tmp_path):
    net = message_class("NetParameter")()
    blob = net.layer.add(name="d").blobs.add()
    blob.shape.dim.append(3)
    blob.double_data.extend([1, 2, 3])
    (tmp_path / "a.caffemodel").write_bytes(net.SerializeToString())
    found = CaffemodelFile(tmp_path / "a.caffemodel").read("d", 0)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [1, 2, 3])


@pytest.mark.parametrize("dims", [[2**40], [2**40, 2**40], [-3], [4], []])
def test_a_shape_that_is_not_that_of_the_values_is_refused(dims, tmp_path):
    net = message_class("NetParameter")()
    blob = net.layer.add(name="conv").blobs.add()
    blob.shape.dim.extend(dims)
    blob.data.extend([1, 2, 3])
    (tmp_path / "a.caffemodel").write_bytes(net.SerializeToString())
    with pytest.raises(SnapshotError, match=r'a\.caffemodel: layer "conv", param 0: 3 values for the shape'):
        CaffemodelFile(tmp_path / "a.caffemodel").read("conv", 0)


@pytest.mark.parametrize("content", [b"\x0a\xff\xff\xff\xff\x0f", b"hello", b"\xff" * 9])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "a.caffemodel").write_bytes(content)
    with pytest.raises(SnapshotError, match="neither an HDF5 file nor a NetParameter in protobuf's wire format"):
        CaffemodelFile(tmp_path / "a.caffemodel")


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SnapshotError, match="cannot be written"):
        write(tmp_path / "file" / "a.caffemodel")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_layers_text_is_read_back_by_our_parser():
    for definition in parse_netdef(NETDEF).layers:
        text = layer_text(definition)
        again = parse_netdef(f"layer {{ {text} }}").layers[0]
        assert (again.name, again.type, again.bottom, again.top) == (
            definition.name,
            definition.type,
            definition.bottom,
            definition.top,
        )
        assert again.loss_weight == definition.loss_weight
        assert parse(text) == parse(layer_text(again))


def test_a_solver_state_comes_back(tmp_path):
    history = [np.arange(6, dtype=np.float32).reshape(3, 2), B]
    state = SolverState(7, "a.caffemodel", 2, history, {"pysketch": "{}"})
    write_binary_state(tmp_path / "a.solverstate", state)
    found = read_binary_state(tmp_path / "a.solverstate", SHAPES)
    assert (found.iteration, found.learned_net, found.current_step) == (7, "a.caffemodel", 2)
    assert found.attributes == {"pysketch": "{}"}
    for array, right in zip(found.history, history, strict=True):
        np.testing.assert_array_equal(array, right)
    assert to_text(message(tmp_path / "a.solverstate", "SolverState")).startswith(
        'iter: 7\nlearned_net: "a.caffemodel"'
    )


def state_message(**values):
    made = message_class("SolverState")(**{"iter": 7, "learned_net": "a", "current_step": 0, **values})
    for shape in SHAPES:
        blob = made.history.add()
        blob.shape.dim.extend(shape)
        blob.data.extend([0] * int(np.prod(shape)))
    return made


def missing(name):
    made = state_message()
    made.ClearField(name)
    return made


def other_history():
    made = state_message()
    made.history[1].shape.dim[0] = 4
    return made


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (missing("iter"), "has no iter; is it a solver state"),
        (missing("learned_net"), "has no learned_net"),
        (missing("history"), "has 0 history arrays, this solver and net need 2"),
        (state_message(iter=-1), "must not be negative"),
        (other_history(), r"history 1 has shape \(4,\), expected \(3,\)"),
    ],
)
def test_solver_states_that_do_not_fit_are_refused(made, message, tmp_path):
    (tmp_path / "a.solverstate").write_bytes(made.SerializeToString())
    with pytest.raises(SnapshotError, match=message):
        read_binary_state(tmp_path / "a.solverstate", SHAPES)


@pytest.mark.parametrize("damaged", [b"conv", b"layer { name"])
def test_texts_that_are_not_utf8_are_refused(damaged, tmp_path):
    write(tmp_path / "a.caffemodel", attributes={"netdef": NETDEF})
    content = (tmp_path / "a.caffemodel").read_bytes()
    assert damaged in content
    (tmp_path / "a.caffemodel").write_bytes(content.replace(damaged, b"\xff" + damaged[1:]))
    with pytest.raises(SnapshotError, match="a text in it is not UTF-8"):
        CaffemodelFile(tmp_path / "a.caffemodel")


def test_the_layers_of_a_v0_file_are_read(tmp_path):
    net = message_class("NetParameter")(name="old")
    old = net.layers.add().layer
    old.name, old.type = "conv1", "conv"
    blob = old.blobs.add(num=1, channels=1, height=3, width=2)
    blob.data.extend(range(6))
    (tmp_path / "a.caffemodel").write_bytes(net.SerializeToString())
    with CaffemodelFile(tmp_path / "a.caffemodel") as file:
        assert file.layers == ["conv1"]
        assert file.fits("conv1", 0, (3, 2))
        np.testing.assert_array_equal(file.read("conv1", 0).ravel(), range(6))


def test_of_layers_of_one_name_the_last_with_params_counts(tmp_path):
    net = message_class("NetParameter")()
    for values in ([1], [2], []):
        layer = net.layer.add(name="x")
        if values:
            blob = layer.blobs.add()
            blob.shape.dim.append(1)
            blob.data.extend(values)
    (tmp_path / "a.caffemodel").write_bytes(net.SerializeToString())
    with CaffemodelFile(tmp_path / "a.caffemodel") as file:
        assert (file.layers, file.count("x"), file.read("x", 0).tolist()) == (["x"], 1, [2])


def test_an_array_comes_back_from_a_file_of_its_own(tmp_path):
    array = np.random.default_rng(0).random((1, 3, 2, 4)).astype(np.float32)
    blob = message_class("BlobProto")()
    fill_blob(blob, array)
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(blob.SerializeToString())
    np.testing.assert_array_equal(read_blob(path), array)
    blob.ClearField("shape")
    blob.num, blob.channels, blob.height, blob.width = array.shape
    path.write_bytes(blob.SerializeToString())
    np.testing.assert_array_equal(read_blob(path), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x08\x01", "holds no numbers; is it a BlobProto"),
        (b"", "is an empty file; expected a BlobProto"),
        (b"a text", "is a text, neither an HDF5 file nor a BlobProto"),
        (b"\x08\x01\x10\x01\x18\x01\x20\x02", "0 values for the shape"),
    ],
)
def test_what_holds_no_array_is_refused(content, message, tmp_path):
    (tmp_path / "mean").write_bytes(content)
    with pytest.raises(SnapshotError, match=f"mean: {message}"):
        read_blob(tmp_path / "mean")
