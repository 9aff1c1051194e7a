"""BNLL: the binomial normal log likelihood, a smooth ReLU."""

from __future__ import annotations

from pysketch.device import Array
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron


@register
class BNLL(Neuron):
    """y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), which overflows nowhere; may be in-place.

    dy/dx = exp(x) / (1 + exp(x)); as exp(y) = 1 + exp(x), that is 1 - exp(-y).
    """

    type = "BNLL"

    def value(self, x: Array, y: Array) -> None:
        """y = log(exp(0) + exp(x))."""
        self.xp.logaddexp(x, x.dtype.type(0), out=y)

    def slope(self, x: Array, y: Array) -> Array:
        """1 - exp(-y)."""
        return -self.xp.expm1(-y)
