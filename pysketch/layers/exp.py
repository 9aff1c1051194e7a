"""Exp: base^(shift + scale x)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Table


@register
class Exp(Neuron):
    """y = base^(shift + scale x) = exp(ln base (shift + scale x)); any shape, may be in-place.

    base -1, the default, means e. dy/dx = scale ln base y.
    """

    type = "Exp"
    section = "exp_param"
    table = Table(
        "ExpParameter",
        (
            Option("base", Kind.FLOAT, -1.0, help="above 0; or -1: e"),
            Option("scale", Kind.FLOAT, 1.0, help="times the input"),
            Option("shift", Kind.FLOAT, 0.0, help="added to the scaled input"),
        ),
    )

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The base's logarithm."""
        self._ln_base = ln_base(self)

    def value(self, x: Array, y: Array) -> None:
        """y = exp(ln base (shift + scale x))."""
        self.xp.multiply(x, self.options.scale * self._ln_base, out=y)
        y += self.options.shift * self._ln_base
        self.xp.exp(y, out=y)

    def slope(self, x: Array, y: Array) -> Array:
        """scale ln base y."""
        return y * (self.options.scale * self._ln_base)


def ln_base(layer: Neuron) -> float:
    """ln of the option base, 1 for -1; NetdefError if there is none."""
    base = layer.options.base
    if base == -1:
        return 1.0
    if not base > 0:
        raise layer.error(f"base must be above 0, or -1 for e; found {base:g}", at=layer.options.position("base"))
    return math.log(base)
