"""ReLUs that convolutions do in their own pass: which, and that nothing else changes."""

import numpy as np
import pytest
from helpers import net_options

from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

INPUT = (
    'layer { name: "in" type: "Input" top: "x" top: "t" '
    "input_param { shape { dim: [2, 3, 9, 8] } shape { dim: [2, 2, 3, 2] } } }"
)
LOSS = 'layer { name: "loss" type: "EuclideanLoss" bottom: "z" bottom: "t" top: "loss" }'


def conv(name, bottom, top, filters, extra=""):
    fill = 'weight_filler { type: "gaussian" std: 0.5 } bias_filler { type: "gaussian" std: 1 }'
    options = f"convolution_param {{ num_output: {filters} kernel_size: 3 {fill} }}"
    return f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{top}" {extra} {options} }}'


def relu(name, bottom, top, slope=0.0):
    options = f"relu_param {{ negative_slope: {slope} }}"
    return f'layer {{ name: "{name}" type: "ReLU" bottom: "{bottom}" top: "{top}" {options} }}'


PLAIN = [
    conv("c1", "x", "y", 4),
    relu("r1", "y", "y"),
    conv("c2", "y", "w", 5),
    relu("r2", "w", "w"),
    conv("c3", "w", "z", 2),
]
NETS = {
    "plain": (PLAIN, {"c1": "r1", "c2": "r2"}, {"c2": "r1", "c3": "r2"}),
    "leaky": ([PLAIN[0], relu("r1", "y", "y", 0.25), *PLAIN[2:]], {"c1": "r1", "c2": "r2"}, {"c2": "r1", "c3": "r2"}),
    "not in place": (
        [PLAIN[0], relu("r1", "y", "v"), conv("c2", "v", "w", 5), *PLAIN[3:]],
        {"c2": "r2"},
        {"c3": "r2"},
    ),
    "two in a row": (
        [*PLAIN[:2], relu("again", "y", "y", 0.5), *PLAIN[2:]],
        {"c1": "r1", "c2": "r2"},
        {"c2": "again", "c3": "r2"},
    ),
    "read twice": (
        [*PLAIN, 'layer { name: "more" type: "EuclideanLoss" bottom: "y" bottom: "y" top: "more" }'],
        {"c1": "r1", "c2": "r2"},
        {"c3": "r2"},
    ),
    "first layer frozen": (
        [conv("c1", "x", "y", 4, "param { lr_mult: 0 } param { lr_mult: 0 }"), *PLAIN[1:]],
        {"c1": "r1", "c2": "r2"},
        {"c3": "r2"},
    ),
}


def make(name, **options):
    net = Net(
        parse_netdef("\n".join([INPUT, *NETS[name][0], LOSS])),
        Phase.TRAIN,
        **net_options(dtype=np.float64, seed=3, **options),
    )
    for k, blob in enumerate(net.inputs):
        net.blobs[blob].data[...] = np.random.default_rng(k).standard_normal(net.blobs[blob].shape)
    return net


@pytest.mark.parametrize("name", NETS)
def test_the_pairs_are_those_whose_relu_is_next_in_place(name):
    net, (_, forward, backward) = make(name), NETS[name]
    names = [layer.name for layer in net.layers]
    assert {names[a]: names[b] for a, b in net.fusion.forward.items()} == forward
    assert {names[a]: names[b] for a, b in net.fusion.backward.items()} == backward


@pytest.mark.parametrize("name", NETS)
def test_a_fused_run_gives_what_single_layers_give(name):
    fused, single = make(name), make(name)
    loss = fused.forward_loss()
    fused.backward()
    for index in range(len(single.layers)):
        single.forward_layers([index])
    for index in reversed(range(len(single.layers))):
        single.backward_layers([index])
    assert loss == pytest.approx(single.loss(), rel=1e-12)
    assert loss > 0
    for blob in fused.blobs:
        np.testing.assert_allclose(fused.blobs[blob].data, single.blobs[blob].data, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(fused.blobs[blob].diff, single.blobs[blob].diff, rtol=1e-10, atol=1e-12)
    for one, other in zip(fused.learnable, single.learnable, strict=True):
        np.testing.assert_allclose(one.blob.diff, other.blob.diff, rtol=1e-10, atol=1e-12)


def test_a_run_that_ends_at_the_convolution_leaves_its_own_values():
    net = make("plain")
    net.forward_layers(range(2))
    assert (net.blobs["y"].data < 0).any()
    net.forward_layers(range(3))
    assert (net.blobs["y"].data >= 0).all()


def test_with_debug_info_every_layer_runs_by_itself_and_gives_the_same():
    fused, single = make("plain"), make("plain", debug_info=True)
    assert fused.forward_loss() == pytest.approx(single.forward_loss(), rel=1e-12)
    for net in (fused, single):
        net.backward()
    for one, other in zip(fused.learnable, single.learnable, strict=True):
        np.testing.assert_allclose(one.blob.diff, other.blob.diff, rtol=1e-10, atol=1e-12)
