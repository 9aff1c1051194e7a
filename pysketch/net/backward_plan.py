"""Which layers run backward, and which of their bottoms get a diff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pysketch.layers import Layer


@dataclass(frozen=True)
class BackwardPlan:
    """For every layer: does its backward run, and for each bottom, does it get a diff?"""

    needs_backward: list[bool]
    propagate_down: list[list[bool]]


def plan_backward(layers: Sequence[Layer], force_backward: bool = False) -> BackwardPlan:
    """Caffe's rules, for layers in net order, with their splits in place and their params gathered.

    A bottom needs a diff if its producer needs backward, unless propagate_down says otherwise; a layer
    needs backward if a bottom does or a param is learned. Then, from the last layer up, whatever leads
    to no loss, or only to bottoms that get no diff, is switched off. force_backward switches everything
    on, except those bottoms that can have no gradient (`Layer.no_gradient`).
    """
    plan = BackwardPlan([], [])
    needed: dict[str, bool] = {}
    for layer in layers:
        definition = layer.definition
        down = list(definition.propagate_down) or [needed[name] for name in definition.bottom]
        needs = any(down) or any(layer.param_propagate_down)
        plan.needs_backward.append(needs)
        plan.propagate_down.append(down)
        needed.update(dict.fromkeys(definition.top, needs))
    _prune(plan, layers)
    if force_backward:
        _force(plan, layers)
    return plan


def _force(plan: BackwardPlan, layers: Sequence[Layer]) -> None:
    for index, layer in enumerate(layers):
        down = enumerate(plan.propagate_down[index])
        plan.needs_backward[index] = True
        plan.propagate_down[index] = [wanted or k not in layer.no_gradient for k, wanted in down]


def _prune(plan: BackwardPlan, layers: Sequence[Layer]) -> None:
    """From the last layer up, switch off what leads to no loss.

    With the splits in place every top has at most one reader. In-place layers make several tops of one
    name; going up, each meets the word of its own reader last.
    """
    under_loss = {
        name
        for layer in layers
        for name, weight in zip(layer.definition.top, layer.definition.loss_weight, strict=False)
        if weight
    }
    asked = set(under_loss)
    for index in reversed(range(len(layers))):
        definition = layers[index].definition
        if not (under_loss.intersection(definition.top) and asked.intersection(definition.top)):
            plan.needs_backward[index] = False
            plan.propagate_down[index] = [False] * len(definition.bottom)
        if under_loss.intersection(definition.top):
            under_loss.update(definition.bottom)
        for name, down in zip(definition.bottom, plan.propagate_down[index], strict=True):
            if down:
                asked.add(name)
            else:
                asked.discard(name)
