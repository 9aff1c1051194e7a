"""Update rules on a few numbers computed by hand, then clipping, iter_size and weight decay around them."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
from solver_helpers import solver_def

from pysketch.device.blob import Blob
from pysketch.device.workers import Workers
from pysketch.net.flat_params import FlatParams
from pysketch.net.params import Param
from pysketch.solver import updates
from pysketch.solver.updates import UPDATE_RULES, Updater


def options(text=""):
    return solver_def(f'net: "n" max_iter: 1 {text}').options


def param(values, diff, **multipliers):
    """A param that `updater_of` will give this gradient."""
    blob = Blob((len(values),), np.float64)
    blob.data[...] = values
    one = Param("layer", 0, blob, **multipliers)
    one.first_diff = diff
    return one


def updater_of(params, text="", type="SGD", workers=None):
    updater = Updater(options(f"base_lr: 1 {text}"), type, FlatParams(params), workers or Workers(1))
    for each in params:
        each.blob.diff[...] = each.first_diff
    return updater


def updated(params, text="", type="SGD", rate=1.0, iteration=0):
    updater_of(params, text, type).update(rate, iteration)
    return [each.blob.data.tolist() for each in params]


def steps(type, gradients, text, rate):
    """The steps u that a rule takes for these gradients, one after another."""
    rule = UPDATE_RULES[type]
    history = [np.zeros(1) for _ in range(rule.sets)]
    found = []
    for iteration, gradient in enumerate(gradients):
        g = np.array([gradient], float)
        rule.step(g, history, np.full(1, np.nan), rate, options(text), iteration)
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
    updater = updater_of([one], f"delta: 1e-3 {momentum}", type)
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
    return [array.shape for array in updater_of(params, type=type).history]


def test_each_param_has_its_own_memory():
    params = [param([0.0], [1.0]), param([0.0], [2.0])]
    updater = updater_of(params, "momentum: 0.5 momentum2: 0.5", "Adam")
    updater.update(1.0, 0)
    assert [array.tolist() for array in updater.history] == [[0.5], [1.0], [0.5], [2.0]]


def test_debug_info_tells_every_params_size_and_step(caplog):
    with caplog.at_level(logging.INFO):
        updated([param([1.0, -4.0], [2.0, 0.0])], "debug_info: true", rate=0.5)
    assert caplog.messages == ["    [Update] Layer layer, param 0 data: 2; diff: 0.5"]


def naive_step(type, g, h, r, mu, b2, rho, delta, t):
    """u and the new history of one element, from the rules' formulas."""
    if type == "SGD":
        h = (mu * h[0] + r * g,)
        return h[0], h
    if type == "Nesterov":
        new = mu * h[0] + r * g
        return (1 + mu) * new - mu * h[0], (new,)
    if type == "AdaGrad":
        h = (h[0] + g**2,)
        return r * g / (math.sqrt(h[0]) + delta), h
    if type == "RMSProp":
        h = (rho * h[0] + (1 - rho) * g**2,)
        return r * g / (math.sqrt(h[0]) + delta), h
    if type == "AdaDelta":
        first = mu * h[0] + (1 - mu) * g**2
        v = g * math.sqrt((h[1] + delta) / (first + delta))
        return r * v, (first, mu * h[1] + (1 - mu) * v**2)
    m, v = mu * h[0] + (1 - mu) * g, b2 * h[1] + (1 - b2) * g**2
    return r * math.sqrt(1 - b2**t) / (1 - mu**t) * m / (math.sqrt(v) + delta), (m, v)


def naive_updates(type, values, gradients, multipliers, rate, decay, sign, limit, n):
    """(values, steps, histories) after one update for each list of gradients, element by element."""
    mu = 0.0 if type in ("AdaGrad", "RMSProp") else 0.75
    values, steps = [list(w) for w in values], [[0.0] * len(w) for w in values]
    histories = [[(0.0, 0.0)] * len(w) for w in values]
    for t, each in enumerate(gradients, 1):
        norm = math.sqrt(sum(float(g) ** 2 for array in each for g in array))
        scale = (limit / norm if norm > limit else 1) / n
        for k, (lr_mult, decay_mult) in enumerate(multipliers):
            for i, w in enumerate(values[k]):
                steps[k][i] = float(each[k][i])
                if lr_mult == 0:
                    continue
                pull = math.copysign(w != 0, w) if sign else w
                g = each[k][i] * scale + decay * decay_mult * pull
                u, histories[k][i] = naive_step(type, g, histories[k][i], rate * lr_mult, mu, 0.875, 0.625, 0.01, t)
                steps[k][i], values[k][i] = u, w - u
    return values, steps, histories


SIZES = (3, 50, 17, 0, 41, 7)
MULTIPLIERS = ((1, 1), (2, 0), (1, 1), (1, 1), (0, 1), (0.5, 3))
"""Of six params: two that are alike with another between them, an empty one, one that is not learned."""


def made(rng, dtype=np.float64):
    params = []
    for size, (lr_mult, decay_mult) in zip(SIZES, MULTIPLIERS, strict=True):
        blob = Blob((size,), dtype)
        blob.data[...] = rng.standard_normal(size)
        params.append(Param("layer", len(params), blob, lr_mult, decay_mult))
    return params


def run(type, text, dtype, threads=1, count=3):
    """Params and history after `count` updates, the last steps, and the (values, gradients) it began with."""
    rng = np.random.default_rng(5)
    params = made(rng, dtype)
    workers = Workers(threads)
    momentum = "" if type in ("AdaGrad", "RMSProp") else "momentum: 0.75"
    text = f"{momentum} momentum2: 0.875 rms_decay: 0.625 delta: 0.01 {text}"
    updater = Updater(options(text), type, FlatParams(params), workers)
    start = [param.blob.data.copy() for param in params]
    gradients = [[rng.standard_normal(size) for size in SIZES] for _ in range(count)]
    for iteration, each in enumerate(gradients):
        for param, gradient in zip(params, each, strict=True):
            param.blob.diff[...] = gradient
        updater.update(0.1, iteration)
    workers.close()
    data, steps = ([getattr(param.blob, what) for param in params] for what in ("data", "diff"))
    return data, steps, updater.history, (start, gradients)


@pytest.fixture(params=[8 * 8, 8 * 19, updates.CHUNK], ids=["8_at_a_time", "19_at_a_time", "all_at_once"])
def chunk(request, monkeypatch):
    """So many float64 are worked on at a time that params end within pieces and pieces within params."""
    monkeypatch.setattr(updates, "CHUNK", request.param)


@pytest.mark.parametrize("regularization", ["L1", "L2"])
@pytest.mark.parametrize("type", UPDATE_RULES)
def test_every_rule_is_the_naive_one_element_by_element(type, regularization, chunk):
    text = f'weight_decay: 0.2 regularization_type: "{regularization}" clip_gradients: 4 iter_size: 3'
    data, steps, history, (start, gradients) = run(type, text, np.float64)
    expected = naive_updates(type, start, gradients, MULTIPLIERS, 0.1, 0.2, regularization == "L1", 4, 3)
    for k in range(len(SIZES)):
        np.testing.assert_allclose(data[k], expected[0][k], rtol=1e-12)
        np.testing.assert_allclose(steps[k], expected[1][k], rtol=1e-12, atol=1e-15)
        for place, found in enumerate(history[k :: len(SIZES)]):
            np.testing.assert_allclose(found, [h[place] for h in expected[2][k]], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("type", UPDATE_RULES)
def test_a_param_that_is_not_learned_keeps_data_diff_and_history(type, chunk):
    data, steps, history, (start, gradients) = run(type, "weight_decay: 0.2", np.float32)
    np.testing.assert_array_equal(data[4], start[4])
    np.testing.assert_array_equal(steps[4], gradients[-1][4].astype(np.float32))
    assert not any(array.any() for array in history[4 :: len(SIZES)])
    assert all(array.any() for array in history[1 :: len(SIZES)])


@pytest.mark.parametrize("type", UPDATE_RULES)
def test_pieces_and_threads_change_no_bit(type, monkeypatch):
    text = "weight_decay: 0.2 iter_size: 3"
    found = []
    for threads, nbytes in ((1, updates.CHUNK), (1, 36), (2, 36), (3, 36), (3, 68)):
        monkeypatch.setattr(updates, "CHUNK", nbytes)
        data, steps, history, _ = run(type, text, np.float32, threads)
        found.append([*data, *steps, *history])
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_threads_change_no_bit_of_a_clipped_gradient(monkeypatch):
    monkeypatch.setattr(updates, "CHUNK", 36)
    one, *others = (run("Adam", "clip_gradients: 0.3", np.float32, threads, 9) for threads in (1, 2, 3))
    for other in others:
        for expected, found in zip(one[0] + one[1] + one[2], other[0] + other[1] + other[2], strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_delta_of_zero_between_params_does_not_reach_the_gradients_norm():
    params = [param([1.0], [3.0]), param([1.0, 1.0], [4.0, 1.0])]
    updater = updater_of(params, "delta: 0 clip_gradients: 100", "AdaGrad")
    with np.errstate(invalid="ignore"):  # 0 / 0 in what lies between the two in the buffer
        for iteration in range(2):
            params[0].blob.diff[...], params[1].blob.diff[...] = 3, 4
            updater.update(0.5, iteration)
    for each in params:
        assert each.blob.data == pytest.approx(0.5 - 0.5 / math.sqrt(2))


def test_a_param_that_was_given_other_memory_is_still_updated():
    params = [param([1.0], [2.0]), param([5.0, 6.0], [3.0, 4.0]), param([7.0], [1.0])]
    updater = updater_of(params, "momentum: 0.5")
    held = np.array([10.0, 20.0])
    params[1].blob.hold_data(held)
    updater.update(1.0, 0)
    assert [each.blob.data.tolist() for each in params] == [[-1], [7, 16], [6]]
    assert held.tolist() == [7, 16]
    assert [array.tolist() for array in updater.history] == [[2], [3, 4], [1]]
