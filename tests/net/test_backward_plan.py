"""Which layers run backward and which bottoms get a diff, in nets of one chain and of two branches."""

from __future__ import annotations

import numpy as np
import pytest

from pysketch.layers.context import Context
from pysketch.net.backward_plan import plan_backward
from pysketch.net.net import Net
from pysketch.netdef.definitions import parse_netdef


def layer(name, kind, bottom="", top="", more=""):
    """The text of a layer; blobs are separated by blanks."""
    blobs = [f'bottom: "{blob}"' for blob in bottom.split()] + [f'top: "{blob}"' for blob in top.split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(blobs)} {more} }}\n'


def conv(name, bottom, top, more=""):
    section = 'convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "xavier" } }'
    return layer(name, "Convolution", bottom, top, f"{section} {more}")


FIXED = "param { lr_mult: 0 } param { lr_mult: 0 }"
DATA = layer("data", "Input", top="x label", more="input_param { shape { dim: 2 dim: 2 dim: 3 dim: 5 } }")
LOSS = layer("loss", "EuclideanLoss", "b label", "loss")


def plan(*layers):
    """Layer name -> which bottoms get a diff; layers that do not run backward are left out."""
    net = Net(parse_netdef(DATA + "".join(layers)))
    found = zip(net.layers, net.needs_backward, net.propagate_down, strict=True)
    return {layer.name: down for layer, needs, down in found if needs}


def test_a_chain_of_learned_layers_runs_backward_down_to_the_first_but_not_into_the_data():
    assert plan(conv("c1", "x", "a"), conv("c2", "a", "b"), LOSS) == {
        "c1": [False],
        "c2": [True],
        "loss": [True, False],
    }


def test_below_the_lowest_learned_layer_nothing_runs():
    assert plan(conv("c1", "x", "a", FIXED), conv("c2", "a", "b"), LOSS) == {"c2": [False], "loss": [True, False]}


def test_a_fixed_layer_above_a_learned_one_still_passes_its_diff_down():
    assert plan(conv("c1", "x", "a"), conv("c2", "a", "b", FIXED), LOSS) == {
        "c1": [False],
        "c2": [True],
        "loss": [True, False],
    }


def test_one_learned_param_is_enough():
    assert "c1" in plan(conv("c1", "x", "b", "param { lr_mult: 0 } param { lr_mult: 1 }"), LOSS)


def test_if_every_lr_mult_is_zero_nothing_runs():
    assert plan(conv("c1", "x", "a", FIXED), conv("c2", "a", "b", FIXED), LOSS) == {}


def test_without_a_loss_nothing_runs():
    assert plan(conv("c1", "x", "a"), conv("c2", "a", "b")) == {}


def test_a_loss_weighed_zero_is_no_loss():
    loss = layer("loss", "EuclideanLoss", "b label", "loss", "loss_weight: 0")
    assert plan(conv("c1", "x", "b"), loss) == {}


def test_a_loss_weight_in_mid_net_runs_what_is_below_it():
    assert plan(conv("c1", "x", "a", "loss_weight: 1"), conv("c2", "a", "b")) == {"c1": [False], "a_c1_0_split": [True]}


def test_a_branch_that_leads_to_no_loss_is_off():
    assert plan(conv("c1", "x", "a"), conv("c2", "a", "b"), conv("c3", "a", "c"), LOSS) == {
        "c1": [False],
        "a_c1_0_split": [True],
        "c2": [True],
        "loss": [True, False],
    }


def test_propagate_down_false_cuts_what_is_below_off():
    assert plan(conv("c1", "x", "a"), conv("c2", "a", "b", "propagate_down: false"), LOSS) == {
        "c2": [False],
        "loss": [True, False],
    }


def test_propagate_down_false_on_every_bottom_of_the_loss_turns_everything_off():
    loss = layer("loss", "EuclideanLoss", "b label", "loss", "propagate_down: [false, false]")
    assert plan(conv("c1", "x", "b"), loss) == {}


def test_a_cut_branch_leaves_the_other_branch_on():
    cut = layer("r", "ReLU", "a", "c", "propagate_down: false")
    loss = layer("loss", "EuclideanLoss", "b c", "loss")
    assert plan(conv("c1", "x", "a"), conv("c2", "a", "b"), cut, loss) == {
        "c1": [False],
        "a_c1_0_split": [True],
        "c2": [True],
        "loss": [True, False],
    }


def test_propagate_down_true_asks_for_the_diff_of_data():
    assert plan(conv("c1", "x", "b", "propagate_down: true"), LOSS)["c1"] == [True]


def test_a_label_gets_a_diff_if_propagate_down_says_so():
    loss = layer("loss", "EuclideanLoss", "b label", "loss", "propagate_down: [false, true]")
    assert plan(conv("c1", "x", "b"), loss) == {"loss": [False, True]}


def test_an_in_place_layer_is_passed_in_both_directions():
    relu = layer("r", "ReLU", "b", "b")
    assert plan(conv("c1", "x", "b"), relu, LOSS) == {"c1": [False], "r": [True], "loss": [True, False]}


def test_an_in_place_layer_that_cuts_turns_its_producer_off():
    relu = layer("r", "ReLU", "b", "b", "propagate_down: false")
    loss = layer("loss", "EuclideanLoss", "b label", "loss", "propagate_down: [true, false]")
    assert plan(conv("c1", "x", "b"), relu, loss) == {"loss": [True, False]}


def test_force_backward_turns_every_layer_and_every_bottom_on():
    assert plan("force_backward: true ", conv("c1", "x", "a", FIXED), conv("c2", "a", "b", FIXED), LOSS) == {
        "data": [],
        "c1": [True],
        "c2": [True],
        "loss": [True, True],
    }


def test_force_backward_leaves_alone_a_bottom_that_can_have_no_gradient(monkeypatch):
    from pysketch.layers.euclidean_loss import EuclideanLoss

    monkeypatch.setattr(EuclideanLoss, "no_gradient", (1,))
    assert plan("force_backward: true ", conv("c1", "x", "b"), LOSS)["loss"] == [True, False]


def test_force_backward_gives_the_gradient_of_the_data():
    net = Net(
        parse_netdef("force_backward: true " + DATA + conv("c1", "x", "b") + LOSS),
        context=Context(dtype=np.float64, seed=3),
    )
    generator = np.random.default_rng(0)
    for name in net.inputs:
        net.blobs[name].data[...] = generator.normal(size=net.blobs[name].shape)
    net.forward()
    net.backward()
    x, step = net.blobs["x"].data, 1e-5
    x[1, 0, 2, 3] += step
    above = net.forward_loss()
    x[1, 0, 2, 3] -= 2 * step
    slope = (above - net.forward_loss()) / (2 * step)
    assert net.blobs["x"].diff[1, 0, 2, 3] == pytest.approx(slope, rel=1e-6)


def test_no_layers_need_no_plan():
    empty = plan_backward([])
    assert (empty.needs_backward, empty.propagate_down) == ([], [])
