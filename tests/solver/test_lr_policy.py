"""Learning rates, computed by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from pysketch.solver.lr_policy import LR_POLICIES, current_step, learning_rate

E = math.e


def solver(policy, **options):
    options = {"base_lr": 0.5, "gamma": 0.1, "power": 0.0, "stepsize": 0, "stepvalue": (), "max_iter": 8} | options
    return SimpleNamespace(lr_policy=policy, **options)


@pytest.mark.parametrize(
    ("policy", "options", "rates"),
    [
        ("fixed", {}, {0: 0.5, 7: 0.5, 100: 0.5}),
        ("step", {"stepsize": 3}, {0: 0.5, 2: 0.5, 3: 0.05, 5: 0.05, 6: 0.005}),
        ("exp", {"gamma": 0.5}, {0: 0.5, 1: 0.25, 3: 0.0625}),
        ("inv", {"gamma": 0.5, "power": 2.0}, {0: 0.5, 2: 0.125, 6: 0.03125}),
        ("multistep", {"stepvalue": (2, 5)}, {0: 0.5, 1: 0.5, 2: 0.05, 4: 0.05, 5: 0.005, 50: 0.005}),
        ("poly", {"power": 2.0}, {0: 0.5, 2: 0.28125, 6: 0.03125, 8: 0.0, 9: 0.0}),
        ("sigmoid", {"gamma": 1.0, "stepsize": 4}, {4: 0.25, 5: 0.5 * E / (1 + E), 3: 0.5 / (1 + E)}),
    ],
)
def test_the_rate_follows_the_formula(policy, options, rates):
    found = {iteration: learning_rate(solver(policy, **options), iteration) for iteration in rates}
    assert found == pytest.approx(rates, rel=1e-12)


def test_every_policy_of_caffe_is_there():
    assert set(LR_POLICIES) == {"fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid"}


def test_sigmoid_does_not_overflow_far_from_its_middle():
    steep = solver("sigmoid", gamma=10.0, stepsize=1000)
    assert learning_rate(steep, 0) == 0
    assert learning_rate(steep, 2000) == 0.5


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"policy": "step", "stepsize": 3}, [0, 0, 0, 1, 1, 1, 2]),
        ({"policy": "multistep", "stepvalue": (2, 5)}, [0, 0, 1, 1, 1, 2, 2]),
        ({"policy": "multistep"}, [0] * 7),
        ({"policy": "poly"}, [0] * 7),
    ],
)
def test_the_current_step_counts_how_often_the_rate_went_down(options, steps):
    assert [current_step(solver(**options), iteration) for iteration in range(7)] == steps
