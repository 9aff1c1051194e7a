"""AbsVal: the absolute value."""

from __future__ import annotations

from pysketch.device import Array
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron


@register
class AbsVal(Neuron):
    """y = |x|; dy/dx = sign(x), which is 0 at the kink x = 0. Not in-place: |x| has lost the sign."""

    type = "AbsVal"
    in_place = False

    def value(self, x: Array, y: Array) -> None:
        """y = |x|."""
        self.xp.abs(x, out=y)

    def slope(self, x: Array, y: Array) -> Array:
        """sign(x)."""
        return self.xp.sign(x)
