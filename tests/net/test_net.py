"""Nets: building them from netdefs, running them, and moving weights between them."""

from __future__ import annotations

import logging
import re

import h5py
import numpy as np
import pytest
from helpers import net_options, refused

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError, SnapshotError
from pysketch.layers import Convolution
from pysketch.layers.base import LAYERS
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef


def layer(name, kind, bottom="", top="", more=""):
    """The text of a layer; blobs are separated by blanks."""
    blobs = [f'bottom: "{blob}"' for blob in bottom.split()] + [f'top: "{blob}"' for blob in top.split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(blobs)} {more} }}\n'


def conv(name, bottom, top, more="", num_output=2, kernel=1):
    section = f'num_output: {num_output} kernel_size: {kernel} weight_filler {{ type: "xavier" }}'
    return layer(name, "Convolution", bottom, top, f"convolution_param {{ {section} }} {more}")


SHAPE = (2, 2, 3, 5)
DATA = layer("data", "Input", top="x label", more="input_param { shape { dim: 2 dim: 2 dim: 3 dim: 5 } }")
LOSS = layer("loss", "EuclideanLoss", "b label", "loss")


def build(*texts, **options):
    options = {"dtype": np.float64, "seed": 3, **options}
    return Net(parse_netdef("".join(texts), "a"), **net_options(**options))


def fill(net, seed=0):
    """Random numbers in all inputs."""
    generator = np.random.default_rng(seed)
    for name in net.inputs:
        net.blobs[name].data[...] = generator.normal(size=net.blobs[name].shape)
    return net


def refusal(kind, *texts, **options):
    """The message with which the net called "a" is refused."""
    return refused(kind, build, *texts, **options)


def names(net):
    return [each.name for each in net.layers]


def mean_square(a, b):
    return ((a - b) ** 2).sum() / (2 * len(a))


def test_the_phase_chooses_the_layers():
    text = (
        DATA + conv("train", "x", "a", "include { phase: TRAIN }") + conv("test", "x", "b", "exclude { phase: TRAIN }")
    )
    assert names(build(text, phase=Phase.TRAIN)) == ["data", "train"]
    assert names(build(text)) == ["data", "test"]


def test_level_and_stages_choose_the_layers():
    text = DATA + conv("high", "x", "a", "include { min_level: 2 }") + conv("s", "x", "b", 'include { stage: "s" }')
    assert names(build(text)) == ["data"]
    assert names(build(text, level=2)) == ["data", "high"]
    assert names(build('state { level: 2 stage: "s" }', text)) == ["data", "x_data_0_split", "high", "s"]
    assert names(build("state { level: 2 }", text, level=0, stages=["s"])) == ["data", "s"]


def test_layers_of_one_name_may_live_in_different_phases():
    rules = "include { phase: TRAIN }", "include { phase: TEST }"
    texts = [conv("c", "x", "b", rule, num_output) for rule, num_output in zip(rules, (3, 5), strict=True)]
    assert build(DATA, *texts, phase=Phase.TRAIN).blobs["b"].shape == (2, 3, 3, 5)
    assert build(DATA, *texts, phase=Phase.TEST).blobs["b"].shape == (2, 5, 3, 5)


def test_layers_of_one_name_in_one_net_are_found_as_in_pycaffe_the_last_one_by_name(caplog):
    net = fill(build(DATA, conv("c", "x", "a"), layer("c", "ReLU", "a", "a"), conv("c", "a", "b", num_output=3)))
    assert 'a:4:7: layer "c" has the name of the layer at a:2:7, and both have params' in caplog.text
    assert net.layer_dict["c"] is net.layers[3]
    assert net.params == {"c": net.layers[3].blobs}
    assert [param.blob.shape for param in net.learnable] == [(2, 2, 1, 1), (2,), (3, 2, 1, 1), (3,)]
    net.forward()
    assert list(net.forward(start="c", end="c")) == ["a"]  # the first of the name


def test_a_layer_of_the_same_name_without_params_is_nothing_to_warn_of(caplog):
    net = build(DATA, conv("c", "x", "a"), layer("c", "ReLU", "a", "a"))
    assert caplog.text == ""
    assert net.params == {"c": net.layers[1].blobs}


def test_layers_of_one_name_or_of_none_draw_differently_and_keep_states_of_their_own():
    dropouts = [layer(name, "Dropout", *ends) for name in ("d", "") for ends in (("x", "a"), ("x", "b"))]
    for texts in (dropouts[:2], dropouts[2:]):
        net = fill(build(DATA, *texts, phase=Phase.TRAIN))
        net.forward()
        assert (net.blobs["a"].data != net.blobs["b"].data).any()
        assert len(net.layer_states()) == 2
        after = net.forward(["a", "b"])["b"].copy()
        again = fill(build(DATA, *texts, phase=Phase.TRAIN))
        again.restore_layer_states({key: {"forwards": 1} for key in net.layer_states()})
        np.testing.assert_array_equal(again.forward(["a", "b"])["b"], after)


def test_a_net_of_layers_without_names_runs():
    net = fill(build(DATA.replace('name: "data"', ""), conv("", "x", "b").replace('name: ""', ""), LOSS))
    assert names(net) == ["", "", "loss"]
    assert net.forward()["loss"] > 0
    assert list(net.params) == [""]


@pytest.mark.parametrize("kind", ["EuclideanLoss", "SigmoidCrossEntropyLoss", "AbsoluteLoss"])
def test_a_loss_without_a_top_gets_one_of_caffes_name_which_is_no_output(kind):
    with_top, without = (
        fill(build(DATA, conv("c", "x", "b"), layer("loss", kind, "b label", top), phase=Phase.TRAIN))
        for top in ("loss", "")
    )
    assert (with_top.outputs, without.outputs) == (["loss"], [])
    assert without.forward_loss() == with_top.forward_loss() == without.blobs["(automatic)"].data
    for net in (with_top, without):
        net.backward()
    np.testing.assert_array_equal(without.params["c"][0].diff, with_top.params["c"][0].diff)
    assert without.params["c"][0].diff.any()


def test_two_losses_without_tops_both_count_each_with_its_weight():
    first, second = (
        layer(f"l{w}", "EuclideanLoss", f"{top} label", more=f"loss_weight: {w}") for top, w in ("a2", "b3")
    )
    net = fill(build(DATA, conv("c", "x", "a"), conv("d", "x", "b"), first, second))
    (a,), (b,) = (tops for tops in net.tops[-2:])
    assert a is not b
    assert net.forward_loss() == pytest.approx(2 * float(a.data) + 3 * float(b.data), rel=1e-12)
    assert net.blobs["(automatic)"] is b


def test_an_automatic_top_cannot_be_read_and_wants_one_weight():
    loss = layer("loss", "EuclideanLoss", "x label")
    assert 'unknown bottom "(automatic)"' in refusal(NetdefError, DATA, loss, layer("s", "Silence", "(automatic)"))
    two = layer("loss", "EuclideanLoss", "x label", more="loss_weight: 1 loss_weight: 0")
    assert refusal(NetdefError, DATA, two).endswith(
        "loss_weight is given 2 times; expected once for each top (1) or not at all"
    )
    assert refusal(NetdefError, DATA, layer("r", "ReLU", "x", more="loss_weight: 1")).endswith(
        "loss_weight is given 1 times; expected once for each top (0) or not at all"
    )


def test_what_a_layer_does_not_read_is_taken_and_said_of_the_layers_that_are_used(caplog):
    more = 'data_param { source: "db" batch_size: 3 }'
    build(DATA, layer("r", "ReLU", "x", "y", more), layer("t", "TanH", "x", "z", more + " include { phase: TRAIN }"))
    said = "a ReLU layer does not read data_param (source, batch_size); it has no effect, as in Caffe"
    assert caplog.messages == [f'a:2:7: layer "r": {said}']


def test_a_layer_may_have_a_phase_of_its_own():
    net = build(DATA, conv("c", "x", "a", "phase: TRAIN"))
    assert [each.phase for each in net.layers] == [Phase.TEST, Phase.TRAIN]


def test_a_netdef_path_and_its_parsed_netdef_make_the_same_net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text('name: "n"' + DATA + conv("c", "x", "a"))
    net = Net(path)
    assert (net.name, names(net), net.phase, net.dtype) == ("n", ["data", "c"], Phase.TEST, np.float32)


def test_an_empty_netdef_is_a_net_without_layers():
    net = build("")
    assert (net.layers, net.inputs, net.outputs, net.forward_loss()) == ([], [], [], 0)


def test_a_v1_net_with_top_level_inputs_runs():
    net = build(
        'input: "x" input_dim: [2, 2, 3, 5] layers { name: "c" type: CONVOLUTION bottom: "x" top: "y" blobs_lr: 0',
        " convolution_param { num_output: 1 kernel_size: 1 weight_filler { value: 2 } } }",
    )
    net.blobs["x"].data[...] = 3
    net.forward()
    np.testing.assert_array_equal(net.blobs["y"].data, np.full((2, 1, 3, 5), 12))
    assert [param.lr_mult for param in net.learnable] == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            conv("c", "y", "a"),
            'a:2:7: layer "c": unknown bottom "y"',
        ),
        (conv("c", "lable", "a"), 'a:2:7: layer "c": unknown bottom "lable"; did you mean "label"?'),
        (
            conv("c", "a", "b") + conv("d", "x", "a"),
            'a:2:7: layer "c": unknown bottom "a"; it is produced only further down',
        ),
        (
            conv("c", "x", "a") + conv("d", "x", "a"),
            'a:3:7: layer "d": top blob "a" is produced by multiple sources; '
            "an in-place layer must be the first reader of its blob",
        ),
        (
            conv("c", "x", "a") + layer("r", "ReLU", "x", "x"),
            'a:3:7: layer "r": top blob "x" is produced by multiple sources; '
            "an in-place layer must be the first reader of its blob",
        ),
        (conv("c", "x", "x"), 'a:2:7: layer "c": a Convolution layer cannot be in-place; give top "x" another name'),
        (layer("r", "ReLU", "x"), 'a:2:7: layer "r": a ReLU layer takes 1 top blob, found 0'),
        (layer("e", "EuclideanLoss", "x", "l"), 'layer "e": a EuclideanLoss layer takes 2 bottom blobs, found 1'),
        (
            layer("c", "Convolution", "x label", "a", "convolution_param { num_output: 2 }"),
            'layer "c": a Convolution layer takes as many tops as bottoms, found 2 bottoms and 1 top',
        ),
        (
            layer("p", "Convolutoin", "x", "a"),
            'a:2:7: layer "p": unknown layer type "Convolutoin"; did you mean "Convolution"?; known types: '
            + ", ".join(sorted(LAYERS)),
        ),
        (
            conv("c", "x", "a", "rellu_param { }"),
            'a:2:156: layer "c": unknown field "rellu_param" in LayerParameter; did you mean "relu_param"?',
        ),
        (
            layer("c", "ReLU", "x", "a", "relu_param {\n negative_slop: 1 }"),
            'a:3:2: layer "c": unknown field "negative_slop" in ReLUParameter; did you mean "negative_slope"?',
        ),
        (
            layer("c", "ReLU", "x", "a", "relu_param {\n negative_slope: big }"),
            'a:3:18: layer "c": ReLUParameter.negative_slope: expected a decimal number up to 1.8e308, found big',
        ),
        (
            layer("c", "ReLU", "x", "a", "relu_param {\n engine: CUDNNN }"),
            'a:3:10: layer "c": ReLUParameter.engine: expected one of DEFAULT, CAFFE, CUDNN, found CUDNNN',
        ),
        (
            layer("c", "Convolution", "x", "a", "convolution_param {\n num_output: 1.5 }"),
            'a:3:14: layer "c": ConvolutionParameter.num_output: expected an integer from 0 to 4294967295, found 1.5',
        ),
    ],
)
def test_a_net_that_cannot_be_built_is_refused_with_place_and_layer(text, message):
    assert message in refusal(NetdefError, DATA, text)


def test_sections_of_layers_in_the_other_phase_are_checked_too():
    text = layer("r", "ReLU", "x", "a", "include { phase: TRAIN } relu_param { slope: 1 }")
    assert 'layer "r": unknown field "slope" in ReLUParameter' in refusal(NetdefError, DATA, text, phase=Phase.TEST)


def test_the_section_of_another_type_is_checked_and_has_no_effect():
    net = build(DATA, conv("c", "x", "a", "relu_param { negative_slope: 0.5 }"))
    assert names(net) == ["data", "c"]
    assert 'unknown field "slope"' in refusal(NetdefError, DATA, conv("c", "x", "a", "relu_param { slope: 1 }"))


def test_a_shape_that_does_not_fit_is_found_when_the_net_is_built():
    message = refusal(ShapeError, DATA, conv("c", "x", "a", kernel=7))
    assert message.startswith('a:2:7: layer "c": kernel 7x7')


def test_blobs_are_listed_as_they_are_made_and_splits_share_their_memory():
    net = build(DATA, conv("c", "x", "a"), conv("d", "x", "b"))
    assert list(net.blobs) == ["x", "label", "x_data_0_split_0", "x_data_0_split_1", "a", "b"]
    assert np.shares_memory(net.blobs["x"].data, net.blobs["x_data_0_split_1"].data)


def test_of_what_in_place_is_not_the_layers_formula_one_line_is_said_where_it_matters(caplog):
    power, sums = (
        layer("p", "Power", "b", "b", "power_param { power: 2 }"),
        layer("e", "Eltwise", "b label", "b"),
    )
    build(DATA, conv("c", "x", "b"), power)  # no backward
    assert caplog.messages == []
    build(DATA, conv("c", "x", "b"), power, LOSS)
    build(DATA, conv("c", "x", "b"), sums)
    build(DATA, conv("c", "x", "b"), layer("r", "ReLU", "b", "b"), LOSS)
    hint = ", as in Caffe; give its top a name of its own"
    assert caplog.messages == [
        f'a:3:7: layer "p": in place a Power with a power has a wrong backward{hint}',
        f'a:3:7: layer "e": in place an Eltwise overwrites its first bottom before it has read it{hint}',
    ]


def test_an_in_place_top_is_its_bottom():
    net = build(DATA, conv("c", "x", "a"), layer("r", "ReLU", "a", "a"))
    assert list(net.blobs) == ["x", "label", "a"]
    fill(net).forward()
    assert (net.blobs["a"].data >= 0).all()


def test_outputs_are_the_tops_that_nobody_reads_in_alphabetical_order():
    net = build(DATA, conv("c", "x", "z"), conv("d", "x", "k"))
    assert net.inputs == ["x", "label"]
    assert net.outputs == ["k", "label", "z"]


def test_what_an_in_place_layer_leaves_is_an_output():
    net = build(DATA, conv("c", "x", "z"), layer("r", "ReLU", "z", "z"))
    assert net.outputs == ["label", "z"]


def test_the_callers_input_shapes_win_over_the_netdefs():
    net = build(DATA, conv("c", "x", "a"), input_shapes={"x": (1, 2, 7, 2)})
    assert net.blobs["x"].shape == (1, 2, 7, 2)
    assert net.blobs["label"].shape == SHAPE
    assert net.blobs["a"].shape == (1, 2, 7, 2)


def test_a_new_input_shape_just_works_at_the_next_forward():
    net = build(DATA, conv("c", "x", "a", kernel=3), layer("r", "ReLU", "a", "a"))
    for shape, expected in (((1, 2, 7, 3), (1, 2, 5, 1)), ((3, 2, 3, 5), (3, 2, 1, 3))):
        net.blobs["x"].reshape(*shape)
        fill(net).forward()
        assert net.blobs["a"].data.shape == expected


def test_a_net_given_inputs_that_do_not_fit_goes_on_with_its_old_shapes():
    net = build(DATA, conv("c", "x", "a", kernel=3))
    shape = net.blobs["x"].shape
    for wrong in ((1, 3, 7, 7), (1, 2, 5), (50,)):
        with pytest.raises(ShapeError):
            net.forward(x=np.zeros(wrong))
        assert net.blobs["x"].shape == shape
        fill(net).forward()


def test_a_reshape_gives_every_blob_its_shape_and_makes_no_data():
    net = build(DATA, conv("c", "x", "a", kernel=3), layer("r", "ReLU", "a", "b"))
    net.blobs["x"].reshape(1, 2, 10**7, 10**7 + 1)
    net.reshape()
    assert net.blobs["b"].shape == (1, 2, 10**7 - 2, 10**7 - 1)
    net.blobs["x"].reshape(1, 2, 2, 5)
    with pytest.raises(ShapeError, match=r'^a:2:7: layer "c": kernel 3x3'):
        net.reshape()


def test_a_new_input_shape_that_does_not_fit_is_an_error_with_the_layers_place():
    net = build(DATA, conv("c", "x", "a", kernel=3))
    net.blobs["x"].reshape(1, 2, 2, 2)
    with pytest.raises(ShapeError, match=r'^a:2:7: layer "c": kernel 3x3'):
        net.forward()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_array_has_the_nets_dtype(dtype):
    net = build(DATA, conv("c", "x", "b"), LOSS, dtype=dtype)
    net.forward()
    net.backward()
    blobs = [*net.blobs.values(), *net.params["c"]]
    assert {array.dtype for blob in blobs for array in (blob.data, blob.diff)} == {np.dtype(dtype)}


def test_the_loss_is_the_loss_layers_top_with_weight_one_by_default():
    net = fill(build(DATA, conv("c", "x", "b"), LOSS))
    loss = net.forward_loss()
    assert loss == net.loss() == net.blobs["loss"].data
    assert loss == pytest.approx(mean_square(net.blobs["b"].data, net.blobs["label"].data))
    assert net.blobs["loss"].shape == ()


def test_the_loss_is_the_sum_of_weight_times_top_over_all_weighted_tops():
    loss = layer("loss", "EuclideanLoss", "b label", "loss", "loss_weight: 3")
    net = fill(build(DATA, conv("c", "x", "a", "loss_weight: 0.5"), conv("d", "a", "b"), loss))
    expected = 3 * mean_square(net.blobs["b"].data, net.blobs["label"].data)
    assert net.forward_loss() != pytest.approx(expected)
    expected = 3 * mean_square(net.blobs["b"].data, net.blobs["label"].data) + 0.5 * net.blobs["a"].data.sum()
    assert net.loss() == pytest.approx(expected)


def test_a_net_without_a_loss_has_loss_zero():
    assert fill(build(DATA, conv("c", "x", "b"))).forward_loss() == 0


def test_of_a_loss_layers_tops_only_the_first_weighs_by_default():
    param = 'python_param { module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss" }'
    net = fill(build(DATA, conv("c", "x", "b"), layer("j", "Python", "b label", "l gen dis", param)))
    assert [(blob is net.blobs["l"], weight) for blob, weight in net.loss_weights] == [(True, 1.0)]


def test_the_gradient_of_a_net_with_weights_in_mid_net_is_the_derivative_of_its_loss():
    relu = layer("r", "ReLU", "a", "a")
    loss = layer("loss", "EuclideanLoss", "b label", "loss", "loss_weight: 3")
    net = fill(build(DATA, conv("c", "x", "a"), relu, conv("d", "a", "b", "loss_weight: 0.5"), loss))
    net.forward()
    net.backward()
    step = 1e-6
    for param in net.learnable:
        w, gradient = param.blob.data, param.blob.diff
        for index in np.ndindex(w.shape):
            kept = w[index]
            w[index] = kept + step
            above = net.forward_loss()
            w[index] = kept - step
            assert gradient[index] == pytest.approx((above - net.forward_loss()) / (2 * step), rel=1e-5, abs=1e-7)
            w[index] = kept


def test_backward_adds_to_the_params_diffs_until_they_are_cleared():
    net = fill(build(DATA, conv("c", "x", "b"), LOSS))
    net.forward()
    net.backward()
    once = net.params["c"][0].diff.copy()
    net.backward()
    np.testing.assert_allclose(net.params["c"][0].diff, 2 * once)
    net.clear_param_diffs()
    assert not net.params["c"][0].diff.any()


def test_forward_runs_from_start_up_to_but_not_including_end():
    net = fill(build(DATA, conv("c", "x", "a"), conv("d", "a", "b")))
    net.forward_layers(range(2))
    assert net.blobs["a"].data.any()
    assert not net.blobs["b"].data.any()
    net.blobs["a"].data[...] = 0
    net.forward_layers(range(2, len(net.layers)))
    assert not net.blobs["a"].data.any()


def test_backward_runs_from_below_start_down_to_end():
    net = fill(build(DATA, conv("c", "x", "a"), conv("d", "a", "b"), LOSS))
    net.forward()
    net.backward_layers(range(2, len(net.layers)))
    assert net.params["d"][0].diff.any()
    assert not net.params["c"][0].diff.any()
    net.backward_layers(range(2))
    assert net.params["c"][0].diff.any()


def weights(net):
    return [param.blob.data.copy() for param in net.learnable]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    one, same, other = (weights(build(DATA, conv("c", "x", "a"), seed=seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one[0], same[0])
    assert not np.array_equal(one[0], other[0])


def test_weights_saved_and_copied_back_are_the_same(tmp_path):
    path = tmp_path / "a.caffemodel.h5"
    text = DATA, conv("c", "x", "a"), conv("d", "a", "b")
    first = build(*text, dtype=np.float32)
    first.save(path)
    for second in (build(*text, dtype=np.float32, seed=4), build(*text, dtype=np.float32, seed=4, weights=path)):
        second.copy_from(path)
        for mine, theirs in zip(weights(first), weights(second), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_saved_file_has_a_group_for_every_layer_and_diffs_and_texts_only_if_asked(tmp_path):
    net = fill(build(DATA, conv("c", "x", "b"), LOSS))
    net.forward()
    net.backward()
    net.save(tmp_path / "plain.h5")
    net.save(tmp_path / "full.h5", diffs=True, attributes={"netdef": "text"})
    with h5py.File(tmp_path / "plain.h5") as plain, h5py.File(tmp_path / "full.h5") as full:
        assert sorted(plain) == ["data"]
        assert sorted(plain["data"]) == ["c", "data", "loss"]
        assert sorted(plain["data/c"]) == ["0", "1"]
        assert full.attrs["netdef"] == "text"
        np.testing.assert_allclose(full["diff/c/0"][()], net.params["c"][0].diff, rtol=1e-6)


def test_layers_that_the_file_lacks_keep_their_weights_with_a_warning(tmp_path, caplog):
    path = tmp_path / "a.h5"
    build(DATA, conv("conv1", "x", "a"), conv("extra", "a", "b")).save(path)
    net = build(DATA, conv("conv2", "x", "a"), conv("extra", "a", "b"), seed=4)
    before = weights(net)
    with caplog.at_level(logging.WARNING):
        net.copy_from(path)
    np.testing.assert_array_equal(weights(net)[0], before[0])
    assert (weights(net)[2] != before[2]).any()
    assert caplog.messages == [
        f'{path}: has no layer "conv2"; it keeps its initial weights; did you mean "conv1"?',
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (conv("c", "x", "a", num_output=3), 'layer "c", param 0: shape (2, 2, 1, 1), the net\'s is (3, 2, 1, 1)'),
        (
            layer("c", "Convolution", "x", "a", "convolution_param { num_output: 2 kernel_size: 1 bias_term: false }"),
            'layer "c" has 2 params, the net\'s has 1',
        ),
    ],
)
def test_weights_that_do_not_fit_are_an_error(tmp_path, text, message):
    path = tmp_path / "a.h5"
    build(DATA, conv("c", "x", "a")).save(path)
    with pytest.raises(SnapshotError, match=re.escape(f"{path}: {message}")):
        build(DATA, text).copy_from(path)


def test_two_nets_share_the_params_of_layers_with_one_name():
    train, test = build(DATA, conv("c", "x", "a"), conv("d", "a", "b")), build(DATA, conv("c", "x", "a"), seed=4)
    test.share_with(train)
    train.params["c"][0].data[0, 1] = 7
    assert test.params["c"][0].data[0, 1] == 7


def test_params_of_different_shapes_cannot_be_shared_between_nets():
    train, test = build(DATA, conv("c", "x", "a")), build(DATA, conv("c", "x", "a", num_output=3))
    with pytest.raises(NetdefError, match=r'^layer "c": shape \(3, 2, 1, 1\) in net a, \(2, 2, 1, 1\) in the net it'):
        test.share_with(train)


def test_layer_states_of_data_layers_can_be_taken_and_given_back(tmp_path):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["x"] = np.arange(5.0).reshape(5, 1)
    (tmp_path / "list.txt").write_text(f"{tmp_path}/d.h5\n")
    source = f'hdf5_data_param {{ source: "{tmp_path}/list.txt" batch_size: 2 shuffle: true }}'
    net, other = (build(layer("rows", "HDF5Data", top="x", more=source)) for _ in range(2))
    net.forward()
    states = net.layer_states()
    assert list(states) == ["rows"]
    net.forward()
    other.restore_layer_states({**states, "unknown": {}})
    other.forward()
    np.testing.assert_array_equal(other.blobs["x"].data, net.blobs["x"].data)


def test_a_net_makes_its_arrays_on_its_device(monkeypatch):
    made = []
    monkeypatch.setattr(Device, "xp", property(lambda device: made.append(device) or np))
    device = Device("gpu", 1)
    net = build(DATA, conv("c", "x", "a"), device=device)
    assert net.context.device is device
    assert set(made) == {device}
    assert isinstance(net.layers[1], Convolution)


CALLED = """
force_backward: true
layer { name: "in" type: "Input" top: "x" top: "s" input_param { shape { dim: [2, 3] } shape { dim: [2, 3] } } }
layer { name: "double" type: "Power" bottom: "x" top: "y" power_param { scale: 2 } }
layer { name: "product" type: "Eltwise" bottom: "y" bottom: "s" top: "z" eltwise_param { operation: PROD } }
layer { name: "half" type: "Power" bottom: "z" top: "w" power_param { scale: 0.5 } }
"""
X, S = np.arange(6.0).reshape(2, 3), np.full((2, 3), 3.0)


@pytest.fixture
def called(device):
    return Net(parse_netdef(CALLED, "n.prototxt"), Phase.TEST, Context(device=device))


def host(arrays):
    return {name: np.asarray(array.get() if hasattr(array, "get") else array) for name, array in arrays.items()}


def test_forward_takes_inputs_and_gives_outputs(called):
    found = host(called.forward(x=X, s=S))
    assert list(found) == ["w"]
    np.testing.assert_array_equal(found["w"], 3 * X)


def test_forward_gives_further_blobs_if_asked(called):
    found = host(called.forward(["y", "z"], x=X, s=S))
    np.testing.assert_array_equal(found["y"], 2 * X)
    np.testing.assert_array_equal(found["z"], 6 * X)


def test_inputs_may_have_another_shape_each_time(called):
    for n in (4, 1):
        assert called.forward(x=np.ones((n, 5)), s=np.ones((n, 5)))["w"].shape == (n, 5)


def test_forward_runs_from_a_layer_to_a_layer(called):
    assert list(called.forward(end="product", x=X, s=S)) == ["z"]
    called.blobs["z"].data[...] = 8
    assert (host(called.forward(start="half"))["w"] == 4).all()


def test_backward_starts_from_given_diffs_and_gives_those_of_the_inputs(called):
    called.forward(x=X, s=S)
    found = host(called.backward(["z"], w=np.ones((2, 3))))
    assert list(found) == ["x", "s", "z"]
    np.testing.assert_array_equal(found["z"], np.full((2, 3), 0.5))
    np.testing.assert_array_equal(found["s"], X)
    np.testing.assert_array_equal(found["x"], np.full((2, 3), 3.0))


def test_backward_runs_down_to_a_layer(called):
    called.forward(x=X, s=S)
    called.blobs["x"].diff[...] = 7
    found = host(called.backward(end="product", w=np.ones((2, 3))))
    assert list(found) == ["y", "s"]
    assert (host({"x": called.blobs["x"].diff})["x"] == 7).all()


def test_layers_are_found_by_name(called):
    assert called.layer_dict["half"] is called.layers[-1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: net.forward(end="hlaf"), 'n.prototxt: no layer "hlaf"; did you mean "half"?'),
        (lambda net: net.backward(start="product2"), 'n.prototxt: no layer "product2"; did you mean "product"?'),
        (lambda net: net.forward(["q"]), 'n.prototxt: no blob "q"'),
        (lambda net: net.forward(y=X), 'n.prototxt: no input "y"; inputs: x, s'),
        (lambda net: net.backward(v=X), 'n.prototxt: no blob "v"'),
    ],
)
def test_names_that_the_net_does_not_have_are_refused(call, message):
    net = Net(parse_netdef(CALLED, "n.prototxt"), Phase.TEST)
    with pytest.raises(ValueError) as error:
        call(net)
    assert str(error.value).startswith(message)
