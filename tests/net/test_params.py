"""Params: their multipliers, and one memory and one gradient for those that share a name."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import refused

from pysketch.errors import NetdefError, ShapeError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

INPUT = """layer { name: "data" type: "Input" top: "x" top: "label"
                   input_param { shape { dim: 2 dim: 2 dim: 3 dim: 5 } } }
"""
LOSS = 'layer { name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "label" top: "loss" }'


def conv(name, bottom, top, params="", shape="num_output: 2 kernel_size: 1"):
    """A convolution of two channels that keeps the size."""
    return f"""layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{top}" {params}
      convolution_param {{ {shape} weight_filler {{ type: "xavier" }}
      bias_filler {{ type: "uniform" }} }} }}
"""


def build(*layers, seed=3):
    return Net(parse_netdef(INPUT + "".join(layers), "a"), context=Context(dtype=np.float64, seed=seed))


def refusal(kind, *layers):
    return refused(kind, build, *layers)


def multipliers(net):
    return [(param.layer, param.index, param.lr_mult, param.decay_mult) for param in net.learnable]


W = 'param { name: "w" }'


def test_params_come_in_net_order_with_multipliers_of_one_unless_written():
    net = build(conv("c1", "x", "a", "param { lr_mult: 2 decay_mult: 0 }"), conv("c2", "a", "b"))
    assert multipliers(net) == [("c1", 0, 2, 0), ("c1", 1, 1, 1), ("c2", 0, 1, 1), ("c2", 1, 1, 1)]
    assert [param.blob for param in net.learnable] == [*net.params["c1"], *net.params["c2"]]


def test_a_param_with_lr_mult_zero_gets_no_diff():
    net = build(conv("c1", "x", "b", "param { lr_mult: 0 } param { }"), LOSS)
    net.blobs["x"].data[...] = 1
    net.forward()
    net.backward()
    weights, bias = net.params["c1"]
    assert not weights.diff.any()
    assert bias.diff.all()


def test_the_params_of_a_layer_that_does_not_learn_get_no_diff_and_no_rate():
    text = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [2, 3] } } }
layer { name: "norm" type: "BatchNorm" bottom: "x" top: "y" """
    net = Net(parse_netdef(f"{text} }}"), Phase.TRAIN)
    assert [param.lr_mult for param in net.learnable] == [0, 0, 0]
    assert net.layers[-1].param_propagate_down == [False] * 3
    Net(parse_netdef(f"{text} param {{ lr_mult: 0 decay_mult: 3 }} }}"), Phase.TRAIN)
    with pytest.raises(NetdefError, match=r"<netdef>:3:80: .* are statistics: lr_mult must be 0, found 2"):
        Net(parse_netdef(f"{text} param {{ }} param {{ lr_mult: 2 }} }}"), Phase.TRAIN)


def test_more_entries_than_params_are_refused():
    message = refusal(NetdefError, conv("c1", "x", "a", "param { } param { } param { }"))
    assert message == 'a:3:7: layer "c1": 3 param entries, but the layer has 2 params'


def test_params_of_one_name_are_one_param_under_the_first_owner():
    net = build(conv("c1", "x", "a", W), conv("c2", "a", "b", W))
    assert [(layer, index) for layer, index, *_ in multipliers(net)] == [("c1", 0), ("c1", 1), ("c2", 1)]
    first, second = net.params["c1"][0], net.params["c2"][0]
    first.data[1, 0] = 7
    second.diff[0, 1] = 5
    assert second.data[1, 0] == 7
    assert first.diff[0, 1] == 5


def test_params_without_a_name_are_not_shared():
    net = build(conv("c1", "x", "a", "param { }"), conv("c2", "a", "b", "param { }"))
    assert not np.shares_memory(net.params["c1"][0].data, net.params["c2"][0].data)


def test_params_of_one_layer_may_share_too():
    permissive = 'param { name: "w" } param { name: "w" share_mode: PERMISSIVE }'
    net = build(conv("one", "x", "o", shape="num_output: 1 kernel_size: 1"), conv("c1", "o", "a", permissive))
    weights, bias = net.params["c1"]
    weights.data[...] = [[[[3]]], [[[5]]]]
    np.testing.assert_array_equal(bias.data, [3, 5])


def test_the_owners_first_values_are_the_shared_ones():
    alone, shared = build(conv("c1", "x", "a")), build(conv("c1", "x", "a", W), conv("c2", "a", "b", W))
    np.testing.assert_array_equal(shared.params["c2"][0].data, alone.params["c1"][0].data)


def test_the_gradient_of_a_shared_param_is_the_sum_over_its_uses():
    relu = 'layer { name: "r" type: "ReLU" bottom: "a" top: "a" relu_param { negative_slope: 0.3 } }\n'
    shared = 'param { name: "w" } param { name: "v" }'
    net = build(conv("c1", "x", "a", shared), relu, conv("c2", "a", "b", shared), LOSS)
    generator = np.random.default_rng(0)
    for name in net.inputs:
        net.blobs[name].data[...] = generator.normal(size=net.blobs[name].shape)
    net.forward()
    net.backward()
    step = 1e-5
    assert len(net.learnable) == 2
    for param in net.learnable:
        w, gradient = param.blob.data, param.blob.diff
        for index in np.ndindex(w.shape):
            kept = w[index]
            losses = []
            for value in (kept + step, kept - step):
                w[index] = value
                losses.append(net.forward_loss())
            w[index] = kept
            assert gradient[index] == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-6, abs=1e-8)


def test_diffs_of_shared_params_add_up_over_passes_and_are_cleared_once():
    net = build(conv("c1", "x", "a", W), conv("c2", "a", "b", W), LOSS)
    net.blobs["x"].data[...] = 1
    net.forward()
    net.backward()
    once = net.params["c2"][0].diff.copy()
    net.forward()
    net.backward()
    np.testing.assert_allclose(net.params["c1"][0].diff, 2 * once)
    net.clear_param_diffs()
    assert not net.params["c2"][0].diff.any()


TALL, WIDE = (f"num_output: 2 kernel_h: {h} kernel_w: {w} pad_h: {h // 2} pad_w: {w // 2}" for h, w in ((3, 1), (1, 3)))


def test_strict_sharing_wants_one_shape():
    message = refusal(ShapeError, conv("c1", "x", "a", W, TALL), conv("c2", "a", "b", W, WIDE))
    assert message == (
        'a:6:7: layer "c2": param "w" is shared with layer "c1", whose shape is (2, 2, 3, 1); found (2, 2, 1, 3)'
    )


def test_permissive_sharing_wants_one_count_and_keeps_each_shape():
    permissive = 'param { name: "w" share_mode: PERMISSIVE }'
    net = build(conv("c1", "x", "a", W, TALL), conv("c2", "a", "b", permissive, WIDE))
    first, second = net.params["c1"][0].data, net.params["c2"][0].data
    assert second.shape == (2, 2, 1, 3)
    np.testing.assert_array_equal(second.ravel(), first.ravel())
    message = refusal(ShapeError, conv("c1", "x", "a", W, TALL), conv("c2", "a", "b", permissive))
    assert message.endswith("whose count is 12; found 4")


def test_the_mode_that_counts_is_that_of_the_later_entry():
    permissive = 'param { name: "w" share_mode: PERMISSIVE }'
    assert "whose shape is" in refusal(
        ShapeError, conv("c1", "x", "a", permissive, TALL), conv("c2", "a", "b", W, WIDE)
    )


@pytest.mark.parametrize("multiplier", ["lr_mult", "decay_mult"])
def test_multipliers_that_disagree_are_refused_at_the_later_one(multiplier):
    first, second = (f'param {{ name: "w" {multiplier}: {value} }}' for value in ("2", "0.5"))
    message = refusal(NetdefError, conv("c1", "x", "a", first), "\n", conv("c2", "a", "b", second))
    assert message == f'a:7:79: layer "c2": param "w" is shared with layer "c1", whose {multiplier} is 2; found 0.5'


def test_a_multiplier_of_one_that_is_written_must_agree_too():
    layers = [
        conv(f"c{k}", bottom, top, f'param {{ name: "w" {more} }}')
        for k, bottom, top, more in ((1, "x", "a", ""), (2, "a", "b", "lr_mult: 1"), (3, "b", "c", "lr_mult: 2"))
    ]
    assert refusal(NetdefError, *layers).endswith("whose lr_mult is 1; found 2")


@pytest.mark.parametrize("which", [0, 1])
def test_one_entry_may_state_the_multipliers_for_all(which):
    entries = ['param { name: "w" }'] * 2
    entries[which] = 'param { name: "w" lr_mult: 3 decay_mult: 5 }'
    net = build(conv("c1", "x", "a", entries[0]), conv("c2", "a", "b", entries[1]))
    assert multipliers(net)[0] == ("c1", 0, 3, 5)


@pytest.mark.parametrize("which", [0, 1])
def test_lr_mult_zero_stated_once_holds_for_every_use(which):
    entries = ['param { name: "w" }'] * 2
    entries[which] = 'param { name: "w" lr_mult: 0 }'
    net = build(conv("c1", "x", "a", entries[0]), conv("c2", "a", "b", entries[1]))
    assert [layer.param_propagate_down for layer in net.layers if layer.blobs] == [[False, True]] * 2


@pytest.mark.parametrize("which", [0, 1])
def test_lr_mult_zero_beside_a_stated_rate_is_one_layers_use_that_teaches_nothing(which):
    entries = ['param { name: "w" lr_mult: 2 }'] * 2
    entries[which] = 'param { name: "w" lr_mult: 0 }'
    net = build(conv("c1", "x", "a", entries[0]), conv("c2", "a", "b", entries[1]), LOSS)
    assert multipliers(net)[0] == ("c1", 0, 2, 1)
    assert [layer.param_propagate_down[0] for layer in net.layers if layer.blobs] == [which == 1, which == 0]
    net.forward()
    net.backward()
    shared = net.params["c1"][0].diff.copy()
    net = build(conv("c1", "x", "a"), conv("c2", "a", "b"), LOSS)
    net.params["c2"][0].data[...] = net.params["c1"][0].data
    net.forward()
    net.backward()
    np.testing.assert_array_equal(shared, net.params[f"c{2 - which}"][0].diff)


FORCED = "force_backward: true\n"


def test_under_force_backward_a_param_with_lr_mult_zero_gets_its_diff_and_keeps_its_rate():
    frozen, learned = (conv("c1", "x", "b", "param { lr_mult: 0 }" * k) for k in (2, 0))
    diffs = []
    for net in (build(FORCED, frozen, LOSS), build(learned, LOSS)):
        for name in net.inputs:
            net.blobs[name].data[...] = np.random.default_rng(0).normal(size=net.blobs[name].shape)
        net.forward()
        net.backward()
        diffs.append([param.blob.diff.copy() for param in net.learnable])
    for found, right in zip(*diffs, strict=True):
        np.testing.assert_array_equal(found, right)
        assert right.any()
    assert [param.lr_mult for param in build(FORCED, frozen).learnable] == [0, 0]


@pytest.mark.parametrize("which", [0, 1])
def test_under_force_backward_a_use_that_teaches_nothing_still_teaches_nothing(which):
    entries = ['param { name: "w" lr_mult: 2 }'] * 2
    entries[which] = 'param { name: "w" lr_mult: 0 } param { lr_mult: 0 }'
    net = build(FORCED, conv("c1", "x", "a", entries[0]), conv("c2", "a", "b", entries[1]), LOSS)
    down = [layer.param_propagate_down for layer in net.layers if layer.blobs]
    assert down == [[which == 1, True], [which == 0, True]]


def test_under_force_backward_statistics_get_no_diff():
    text = """force_backward: true layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [2, 3] } } }
layer { name: "norm" type: "BatchNorm" bottom: "x" top: "y" }"""
    assert Net(parse_netdef(text), Phase.TRAIN).layers[-1].param_propagate_down == [False] * 3


def test_force_backward_sends_no_diff_to_labels_that_a_frozen_layer_makes():
    frozen = conv("c1", "x", "a", "param { lr_mult: 0 } param { lr_mult: 0 }")
    loss = 'layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "x" bottom: "a" top: "loss" }'
    net = build(FORCED, frozen, loss)
    net.forward()
    net.backward()
    assert net.propagate_down[-1] == [True, False]
