"""Power: (shift + scale x)^power."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Table


@register
class Power(Neuron):
    """y = (shift + scale x)^power; any shape, may be in-place.

    dy/dx = power scale (shift + scale x)^(power - 1). Where power is no whole number, shift + scale x must not be
    negative: the result is not a number, as in Caffe.

    In-place x is lost. For power 1 and 0 it is not needed; for others backward does what Caffe does, which writes a
    slope s reckoned from y, power scale (shift + scale y) for power 2, else power scale y / (shift + scale y), over dy
    and then multiplies the two: dx = s^2. The net warns of it.
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

    def in_place_flaw(self, backward: bool) -> str:
        """The gradient of powers but 0 and 1 needs the x that in-place is lost."""
        return "a Power with a power has a wrong backward" if backward and self.options.power not in (0, 1) else ""

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = f'(x) dy; in-place as said above."""
        if bottom[0] is not top[0] or self.options.power in (0, 1):
            super().backward(top, propagate_down, bottom)
        elif propagate_down[0]:
            y, options = top[0].data, self.options
            inner = options.scale * y + options.shift
            slope = options.power * options.scale * (inner if options.power == 2 else y / inner)
            bottom[0].diff[...] = slope * slope

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
