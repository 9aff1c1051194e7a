"""Nets that everybody knows parse, are built in every phase, run, and keep their weights in both kinds of file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import published_nets as published
import pytest

from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.net.summary import summarize
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.report.net_graph import netdef_graph

SMALL: dict[str, Callable[[], str]] = {
    "LeNet": lambda: published.lenet(5),
    "CIFAR-10": lambda: published.cifar(4),
    "AlexNet": lambda: published.alexnet_with_loss(67, 16),
    "CaffeNet": lambda: published.caffenet(67, 16),
    "R-CNN": lambda: published.rcnn(67, 16),
    "GoogLeNet": lambda: published.googlenet(64, 16, 10),
    "siamese": lambda: published.siamese(5),
    "autoencoder": lambda: published.autoencoder(10),
    "FCN": lambda: published.fcn(32, 32, 5),
}
WHOLE: dict[str, Callable[[], str]] = {
    "AlexNet": published.alexnet_with_loss,
    "CaffeNet": published.caffenet,
    "R-CNN": published.rcnn,
    "GoogLeNet": published.googlenet,
    "LeNet": published.lenet,
    "CIFAR-10": published.cifar,
    "autoencoder": published.autoencoder,
}
FEW = [name if name in ("LeNet", "siamese", "FCN") else pytest.param(name, marks=pytest.mark.slow) for name in SMALL]
"""The names of SMALL; the plain suite takes three."""

PARAMS = {
    "GoogLeNet": 13_378_280,
    "AlexNet": 60_965_224,
    "LeNet": 431_080,
    "CIFAR-10": 89_578,
    "autoencoder": 2_837_314,
}
"""Of the whole nets, as their papers' tables add up, with GoogLeNet's auxiliary classifiers."""


def build(name: str, text: str, phase: Phase, seed: int = 1) -> Net:
    """The net, its images normal numbers and its labels whole ones."""
    netdef = parse_netdef(text, name)
    stages = ("test-on-test",) if name == "autoencoder" and phase == Phase.TEST else ()
    net = Net(netdef, phase, Context(seed=seed), stages=stages)
    rng = np.random.default_rng(0)
    for blob in (net.blobs[each] for each in net.inputs):
        is_image = len(blob.shape) == 4 and blob.shape[1] > 1
        blob.data[...] = rng.standard_normal(blob.shape) if is_image else rng.integers(0, 2, blob.shape)
    return net


def check_run(net: Net) -> None:
    """Forward, and in phase TRAIN backward; all that comes out is finite, and all that is learned has a diff."""
    outputs = net.forward()
    assert outputs
    assert all(np.isfinite(value).all() for value in outputs.values())
    if net.phase == Phase.TRAIN and net.loss_weights:
        net.backward()
        learned = [param for param in net.learnable if param.lr_mult]
        assert all(np.isfinite(param.blob.diff).all() for param in learned)
        assert all(param.blob.diff.any() for param in learned if len(param.blob.shape) > 1)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("name", FEW)
def test_a_net_of_fewer_channels_is_built_and_runs(name: str, phase: Phase) -> None:
    check_run(build(name, SMALL[name](), phase))


@pytest.mark.slow
@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_net_is_built_and_runs(name: str, phase: Phase) -> None:
    net = build(name, WHOLE[name](), phase)
    check_run(net)
    count = sum(param.blob.count for param in net.learnable)
    assert count == PARAMS.get(name, count)


@pytest.mark.parametrize("name", [pytest.param("GoogLeNet", marks=pytest.mark.slow), "autoencoder", "siamese"])
def test_its_weights_come_back_into_a_net_of_the_other_phase(name: str, tmp_path: Path) -> None:
    learned, tested = (build(name, SMALL[name](), phase, seed=phase) for phase in (Phase.TRAIN, Phase.TEST))
    assert len(learned.learnable) == len(tested.learnable) > 0
    for suffix in (".caffemodel", ".h5"):
        learned.save(tmp_path / f"it{suffix}")
        tested.copy_from(tmp_path / f"it{suffix}")
        for one, other in zip(learned.learnable, tested.learnable, strict=True):
            np.testing.assert_array_equal(other.blob.data, one.blob.data)
            other.blob.data[...] = 7


@pytest.mark.parametrize("name", FEW)
def test_it_is_drawn_and_summed_up(name: str) -> None:
    text = SMALL[name]()
    nodes, edges = netdef_graph(parse_netdef(text), Phase.TRAIN)
    assert len(edges) >= len(nodes) - 1
    net = build(name, text, Phase.TRAIN)
    names = [layer.name for layer in net.layers if layer.type != "Split"]
    assert [layer.name for layer in summarize(net).layers] == names
    assert {"conv1/7x7_s2", "inception_3a/5x5_reduce"} <= set(names) or name != "GoogLeNet"
