"""How the learning rate changes over the iterations: Caffe's seven policies."""

from __future__ import annotations

import math
from collections.abc import Callable

from pysketch.netdef import Options


def learning_rate(solver: Options, iteration: int) -> float:
    """The rate of the update at `iteration` (from 0); `solver` has base_lr, lr_policy and its numbers."""
    return solver.base_lr * LR_POLICIES[solver.lr_policy](solver, iteration)


def current_step(solver: Options, iteration: int) -> int:
    """How many steps the rate has gone down (step, multistep; else 0): Caffe stores it in its snapshots."""
    if solver.lr_policy == "step":
        return iteration // solver.stepsize
    if solver.lr_policy == "multistep":
        return sum(value <= iteration for value in solver.stepvalue)
    return 0


def _stepped(solver: Options, iteration: int) -> float:
    return solver.gamma ** current_step(solver, iteration)


def _sigmoid(solver: Options, iteration: int) -> float:
    """1 / (1 + exp(-gamma (it - stepsize))), without overflow."""
    z = solver.gamma * (iteration - solver.stepsize)
    return 1 / (1 + math.exp(-z)) if z > -700 else 0.0


LR_POLICIES: dict[str, Callable[[Options, int], float]] = {
    "fixed": lambda solver, iteration: 1.0,
    "step": _stepped,
    "exp": lambda solver, iteration: solver.gamma**iteration,
    "inv": lambda solver, iteration: (1 + solver.gamma * iteration) ** -solver.power,
    "multistep": _stepped,
    "poly": lambda solver, iteration: max(0.0, 1 - iteration / solver.max_iter) ** solver.power,
    "sigmoid": _sigmoid,
}
"""The factor on base_lr, by name."""
