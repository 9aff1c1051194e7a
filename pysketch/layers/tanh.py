"""TanH: the hyperbolic tangent."""

from __future__ import annotations

from pysketch.device import Array
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.layers.relu import ENGINE
from pysketch.netdef import Table


@register
class TanH(Neuron):
    """y = tanh(x); dy/dx = 1 - y^2. Any shape, may be in-place."""

    type = "TanH"
    section = "tanh_param"
    table = Table("TanHParameter", (ENGINE,))

    def value(self, x: Array, y: Array) -> None:
        """y = tanh(x)."""
        self.xp.tanh(x, out=y)

    def slope(self, x: Array, y: Array) -> Array:
        """1 - y^2."""
        return 1 - y * y
