"""Update rules on a few numbers computed by hand, then clipping, iter_size and weight decay around them."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
from solver_helpers import solver_def

from pysketch.blob import Blob
from pysketch.params import Param
from pysketch.updates import HISTORY_SETS, UPDATE_RULES, Updater


def options(text=""):
    return solver_def(f'net: "n" max_iter: 1 {text}').options


def param(values, diff, **multipliers):
    blob = Blob((len(values),), np.float64)
    blob.data[...], blob.diff[...] = values, diff
    return Param("layer", 0, blob, **multipliers)


def updated(params, text="", type="SGD", rate=1.0, iteration=0):
    Updater(options(text), type, params).update(rate, iteration)
    return [each.blob.data.tolist() for each in params]


def steps(type, gradients, text, rate):
    """The steps u that a rule takes for these gradients, one after another."""
    history = [np.zeros(1) for _ in range(HISTORY_SETS.get(type, 1))]
    found = []
    for iteration, gradient in enumerate(gradients):
        g = np.array([gradient], float)
        UPDATE_RULES[type](g, history, rate, options(text), iteration)
        found.append(g[0])
    return found


def test_sgd_adds_a_share_of_the_last_step():
    # h = 0.1 * 2 = 0.2; then 0.5 * 0.2 + 0.1 * 3 = 0.4; then 0.5 * 0.4 - 0.1 * 1 = 0.1
    assert steps("SGD", [2, 3, -1], "momentum: 0.5", 0.1) == pytest.approx([0.2, 0.4, 0.1])


def test_sgd_without_momentum_is_gradient_descent():
    assert steps("SGD", [2, 3, -1], "", 0.1) == pytest.approx([0.2, 0.3, -0.1])


def test_nesterov_looks_ahead_by_the_momentum():
    # h = 0.2, 0.4, 0.1 as above; u = 1.5 * 0.2; 1.5 * 0.4 - 0.5 * 0.2; 1.5 * 0.1 - 0.5 * 0.4
    assert steps("Nesterov", [2, 3, -1], "momentum: 0.5", 0.1) == pytest.approx([0.3, 0.5, -0.05])


def test_adagrad_divides_by_the_root_of_all_squares():
    # h = 9, then 9 + 16 = 25
    assert steps("AdaGrad", [3, -4], "delta: 1", 0.8) == pytest.approx([0.8 * 3 / 4, 0.8 * -4 / 6])


def test_rmsprop_divides_by_the_root_of_the_mean_square():
    # h = 0.25 * 16 = 4, then 0.75 * 4 + 0.25 * 4 = 4
    assert steps("RMSProp", [4, -2], "rms_decay: 0.75 delta: 1", 0.6) == pytest.approx([0.6 * 4 / 3, 0.6 * -2 / 3])


def test_adadelta_sizes_a_step_by_the_steps_before_it():
    # h = 0.5 * 4 = 2, v = 2 sqrt(1 / (2 + 1)), h2 = 0.5 v^2 = 2/3
    # h = 0.5 * 2 + 0.5 * 1 = 1.5, v = 1 sqrt((2/3 + 1) / (1.5 + 1)) = sqrt(2/3)
    expected = [0.1 * 2 / math.sqrt(3), 0.1 * math.sqrt(2 / 3)]
    assert steps("AdaDelta", [2, 1], "momentum: 0.5 delta: 1", 0.1) == pytest.approx(expected)


def test_adam_corrects_both_means_for_their_start_at_zero():
    # t = 1: m = 0.5 * 2 = 1, v = 0.25 * 4 = 1, factor sqrt(0.25) / 0.5 = 1, u = 0.1 * 1 / (1 + 1)
    # t = 2: m = 0.5 - 1 = -0.5, v = 0.75 + 1 = 1.75, factor sqrt(1 - 0.75^2) / 0.75
    second = 0.1 * math.sqrt(1 - 0.5625) / 0.75 * -0.5 / (math.sqrt(1.75) + 1)
    found = steps("Adam", [2, -2], "momentum: 0.5 momentum2: 0.75 delta: 1", 0.1)
    assert found == pytest.approx([0.05, second])


def test_adams_first_step_is_the_rate_whatever_the_gradient():
    text = "momentum: 0.9 momentum2: 0.999"
    found = [abs(steps("Adam", [g], text, 0.01)[0]) for g in (1e-3, 1, -1e5)]
    assert found == pytest.approx([0.01] * 3, rel=1e-3)


@pytest.mark.parametrize("type", UPDATE_RULES)
def test_a_zero_gradient_at_the_start_makes_no_step(type):
    momentum = "momentum: 0.9" if type not in ("AdaGrad", "RMSProp") else ""
    assert steps(type, [0.0, 0.0], momentum, 0.1) == [0, 0]


@pytest.mark.parametrize("type", UPDATE_RULES)
def test_every_rule_goes_down_a_parabola(type):
    momentum = {"AdaGrad": "", "RMSProp": ""}.get(type, "momentum: 0.5")
    one = param([3.0, -2.0], [0, 0])
    updater = Updater(options(f"delta: 1e-3 {momentum}"), type, [one])
    heights = []
    for iteration in range(9):
        heights.append(float((one.blob.data**2).sum()))
        one.blob.diff[...] = one.blob.data
        updater.update(0.1, iteration)
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] < heights[0] - 1e-3


def test_the_gradient_becomes_the_step_that_was_taken():
    one = param([1.0, 2.0], [3.0, -4.0])
    assert updated([one], rate=0.5) == [[-0.5, 4.0]]
    assert one.blob.diff.tolist() == [1.5, -2.0]


def test_lr_mult_scales_the_rate_and_zero_leaves_a_param_alone():
    params = [param([1.0], [4.0], lr_mult=2.0), param([1.0], [4.0], lr_mult=0.0), param([1.0], [4.0])]
    assert updated(params, "weight_decay: 0.5", rate=0.25) == [[1 - 2.25], [1.0], [1 - 1.125]]


def test_l2_decay_pulls_by_the_weight_and_decay_mult():
    params = [param([3.0, -2.0], [0, 0]), param([3.0], [1.0], decay_mult=2.0), param([3.0], [1.0], decay_mult=0.0)]
    assert updated(params, "weight_decay: 0.5") == [[1.5, -1.0], [3 - 4.0], [2.0]]


def test_l1_decay_pulls_by_the_weights_sign():
    found = updated([param([3.0, -2.0, 0.0], [0, 0, 1.0])], 'weight_decay: 0.5 regularization_type: "L1"')
    assert found == [[2.5, -1.5, -1.0]]


def test_iter_size_divides_the_summed_gradient_before_decay():
    assert updated([param([8.0], [6.0])], "iter_size: 3 weight_decay: 0.5") == [[8 - (2 + 4)]]


def test_a_gradient_longer_than_the_limit_is_scaled_over_all_params(caplog):
    with caplog.at_level(logging.INFO):
        found = updated([param([0.0], [3.0]), param([0.0, 0.0], [4.0, 0.0])], "clip_gradients: 1")
    assert found[0] + found[1] == pytest.approx([-0.6, -0.8, 0])
    assert caplog.messages == ["Gradient clipping: scaling down gradients (L2 norm 5 > 1) by scale factor 0.2"]


def test_clipping_looks_at_the_sum_before_iter_size_and_decay():
    # the sum's norm is 6 > 3: g = 6 * 3/6 / 2 = 1.5, then decay 0.5 * 8
    assert updated([param([8.0], [6.0])], "clip_gradients: 3 iter_size: 2 weight_decay: 0.5") == [[8 - (1.5 + 4)]]


@pytest.mark.parametrize("limit", ["5", "5.1", "-1"])
def test_a_gradient_within_the_limit_stays_as_it_is(limit, caplog):
    with caplog.at_level(logging.INFO):
        assert updated([param([0.0, 0.0], [3.0, 4.0])], f"clip_gradients: {limit}") == [[-3, -4]]
    assert caplog.messages == []


def test_a_limit_of_zero_stops_all_gradients():
    assert updated([param([1.0], [3.0])], "clip_gradients: 0") == [[1.0]]


@pytest.mark.parametrize("type", ["SGD", "Nesterov", "AdaGrad", "RMSProp"])
def test_most_rules_remember_one_array_for_each_param(type):
    assert history_shapes(type) == [(2,), (3,)]


@pytest.mark.parametrize("type", ["AdaDelta", "Adam"])
def test_adadelta_and_adam_append_a_second_full_set(type):
    assert history_shapes(type) == [(2,), (3,), (2,), (3,)]


def history_shapes(type):
    params = [param([1, 2], [0, 0]), param([1, 2, 3], [0, 0, 0])]
    return [array.shape for array in Updater(options(), type, params).history]


def test_each_param_has_its_own_memory():
    params = [param([0.0], [1.0]), param([0.0], [2.0])]
    updater = Updater(options("momentum: 0.5 momentum2: 0.5"), "Adam", params)
    updater.update(1.0, 0)
    assert [array.tolist() for array in updater.history] == [[0.5], [1.0], [0.5], [2.0]]


def test_debug_info_tells_every_params_size_and_step(caplog):
    with caplog.at_level(logging.INFO):
        updated([param([1.0, -4.0], [2.0, 0.0])], "debug_info: true", rate=0.5)
    assert caplog.messages == ["    [Update] Layer layer, param 0 data: 2; diff: 0.5"]
