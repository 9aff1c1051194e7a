"""Log: the logarithm of shift + scale x."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import register
from pysketch.layers.exp import ln_base
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Table


@register
class Log(Neuron):
    """y = log_base(shift + scale x) = ln(shift + scale x) / ln base; any shape, may be in-place.

    base -1, the default, means e. dy/dx = scale / (ln base (shift + scale x)); as shift + scale x = base^y, that is
    scale base^-y / ln base. Inputs must make shift + scale x positive.
    """

    type = "Log"
    section = "log_param"
    table = Table(
        "LogParameter",
        (
            Option("base", Kind.FLOAT, -1.0, help="above 0, not 1; or -1: e"),
            Option("scale", Kind.FLOAT, 1.0, help="times the input"),
            Option("shift", Kind.FLOAT, 0.0, help="added to the scaled input"),
        ),
    )

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The base's logarithm, which must not be 0."""
        self._ln_base = ln_base(self)
        if self._ln_base == 0:
            raise self.error("base must not be 1, whose powers are all 1", at=self.options.position("base"))

    def value(self, x: Array, y: Array) -> None:
        """y = ln(shift + scale x) / ln base."""
        self.xp.multiply(x, self.options.scale, out=y)
        y += self.options.shift
        self.xp.log(y, out=y)
        y /= self._ln_base

    def slope(self, x: Array, y: Array) -> Array:
        """scale exp(-y ln base) / ln base."""
        slope = y * -self._ln_base
        self.xp.exp(slope, out=slope)
        slope *= self.options.scale / self._ln_base
        return slope
