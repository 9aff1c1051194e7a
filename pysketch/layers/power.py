"""Power: (shift + scale x)^power."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Table


@register
class Power(Neuron):
    """y = (shift + scale x)^power; any shape, in-place only if power is 1 or 0.

    dy/dx = power scale (shift + scale x)^(power - 1). Where power is no whole number, shift + scale x must not be
    negative: the result is not a number, as in Caffe.
    """

    type = "Power"
    section = "power_param"
    table = Table(
        "PowerParameter",
        (
            Option("power", Kind.FLOAT, 1.0, help="the exponent"),
            Option("scale", Kind.FLOAT, 1.0, help="times the input"),
            Option("shift", Kind.FLOAT, 0.0, help="added to the scaled input"),
        ),
    )

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The gradient of other powers needs the x that in-place is lost."""
        if self.options.power not in (0, 1):
            self.refuse_in_place(bottom, top, f"needs power 1 or 0, found {self.options.power:g}")

    def value(self, x: Array, y: Array) -> None:
        """y = (shift + scale x)^power."""
        self.xp.multiply(x, self.options.scale, out=y)
        y += self.options.shift
        if self.options.power != 1:
            self.xp.power(y, self.options.power, out=y)

    def slope(self, x: Array, y: Array) -> Array | float:
        """power scale (shift + scale x)^(power - 1)."""
        power, scale = self.options.power, self.options.scale
        if power in (0, 1):
            return power * scale
        slope = x * scale
        slope += self.options.shift
        if power != 2:
            self.xp.power(slope, power - 1, out=slope)
        slope *= power * scale
        return slope
