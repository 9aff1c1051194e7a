"""debug_info: the lines that a net logs about its blobs and params, and their numbers."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from helpers import net_options

from pysketch.net.debug_info import log_params, mean_magnitude
from pysketch.net.net import Net
from pysketch.net.params import Param
from pysketch.netdef.definitions import parse_netdef

NET = """
layer { name: "data" type: "Input" top: "x" top: "label" input_param { shape { dim: 1 dim: 1 dim: 1 dim: 2 } } }
layer { name: "c" type: "Convolution" bottom: "x" top: "y" param { } param { lr_mult: 0 }
        convolution_param { num_output: 1 kernel_size: 1 weight_filler { value: -3 } bias_filler { value: 2 } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "label" top: "loss" }
"""


@pytest.fixture
def lines(caplog):
    """Runs a net's forward and backward on x = (1, -1), label = 0 and gives the lines it logged."""

    def run(text, **options):
        net = Net(parse_netdef(text), **net_options(**options))
        net.blobs["x"].data[...] = [1, -1]
        caplog.clear()
        with caplog.at_level(logging.INFO):
            net.forward()
            net.backward()
        return caplog.messages

    return run


# y = -3 x + 2 = (-1, 5); loss = (1 + 25) / 2 = 13; dy = (-1, 5); dw = -1 * 1 + 5 * -1 = -6
EXPECTED = [
    "    [Forward] Layer data, top blob x data: 1",
    "    [Forward] Layer data, top blob label data: 0",
    "    [Forward] Layer c, top blob y data: 3",
    "    [Forward] Layer c, param blob 0 data: 3",
    "    [Forward] Layer c, param blob 1 data: 2",
    "    [Forward] Layer loss, top blob loss data: 13",
    "    [Backward] Layer loss, bottom blob y diff: 3",
    "    [Backward] Layer c, param blob 0 diff: 6",
    "    [Backward] All net params (data, diff): L1 norm = (5, 6); L2 norm = (3.60555, 6)",
]


def test_every_top_param_and_wanted_diff_is_logged_with_its_mean_magnitude(lines):
    assert lines("debug_info: true" + NET) == EXPECTED


def test_the_switch_may_also_come_from_outside_the_netdef(lines):
    assert lines(NET, debug_info=True) == EXPECTED


def test_without_the_switch_nothing_is_logged(lines):
    assert lines(NET) == []


def test_the_mean_magnitude_of_nothing_is_zero():
    assert mean_magnitude(np.zeros((0, 3))) == 0
    assert mean_magnitude(np.array([[1.0, -2.0], [0.0, 5.0]])) == 2


def test_norms_of_no_params_are_zero(caplog):
    no_params: list[Param] = []
    with caplog.at_level(logging.INFO):
        log_params(no_params)
    assert caplog.messages == ["    [Backward] All net params (data, diff): L1 norm = (0, 0); L2 norm = (0, 0)"]
