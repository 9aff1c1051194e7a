"""Sigmoid: the logistic function."""

from __future__ import annotations

from pysketch.device import Array
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.layers.relu import ENGINE
from pysketch.netdef import Table


@register
class Sigmoid(Neuron):
    """y = 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2, which overflows nowhere; any shape, may be in-place.

    dy/dx = exp(-x) / (1 + exp(-x))^2 = y (1 - y).
    """

    type = "Sigmoid"
    section = "sigmoid_param"
    table = Table("SigmoidParameter", (ENGINE,))

    def value(self, x: Array, y: Array) -> None:
        """y = (1 + tanh(x / 2)) / 2."""
        self.xp.multiply(x, 0.5, out=y)
        self.xp.tanh(y, out=y)
        y *= 0.5
        y += 0.5

    def slope(self, x: Array, y: Array) -> Array:
        """y (1 - y)."""
        return y * (1 - y)
