"""Swish: x times its own sigmoid (Ramachandran, Zoph and Le, arXiv:1710.05941, 2017)."""

from __future__ import annotations

from pysketch.device import Array
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Table


@register
class Swish(Neuron):
    """y = x s with s = sigmoid(beta x) = 1 / (1 + exp(-beta x)); any shape, may be in-place.

    With e = exp(-beta x): ds/dx = beta e / (1 + e)^2 = beta s (1 - s), as e / (1 + e) = 1 - s. By the product rule
    dy/dx = s + x ds/dx = s + beta x s (1 - s) = s + beta y (1 - s). There is no kink; beta = 0 gives y = x / 2.

    The slope does not follow from y alone (two x can have the same y), so forward keeps s, as Caffe's layer does.
    """

    type = "Swish"
    section = "swish_param"
    table = Table("SwishParameter", (Option("beta", Kind.FLOAT, 1.0, help="how steep the sigmoid is"),))

    def value(self, x: Array, y: Array) -> None:
        """y = x s; s = (1 + tanh(beta x / 2)) / 2 overflows nowhere."""
        self._s = 0.5 + 0.5 * self.xp.tanh(0.5 * self.options.beta * x)
        self.xp.multiply(x, self._s, out=y)

    def slope(self, x: Array, y: Array) -> Array:
        """s + beta y (1 - s)."""
        return self._s + self.options.beta * y * (1 - self._s)
