"""ELU: the exponential linear unit (Clevert, Unterthiner and Hochreiter, ICLR 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Table


@register
class ELU(Neuron):
    """y = x where x > 0, alpha (exp(x) - 1) elsewhere; any shape, may be in-place if alpha >= 0.

    dy/dx = 1 where x > 0; elsewhere alpha exp(x) = y + alpha, at x = 0 too, as in Caffe. y has the sign of x if
    alpha >= 0, so that y alone tells the two apart.
    """

    type = "ELU"
    section = "elu_param"
    table = Table("ELUParameter", (Option("alpha", Kind.FLOAT, 1.0, help="what is approached far below zero"),))

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """A negative alpha turns signs around."""
        if self.options.alpha < 0:
            self.refuse_in_place(bottom, top, f"needs alpha >= 0, found {self.options.alpha:g}")

    def value(self, x: Array, y: Array) -> None:
        """y = max(x, 0) + alpha (exp(min(x, 0)) - 1)."""
        below = self.xp.minimum(x, 0)
        self.xp.expm1(below, out=below)
        below *= self.options.alpha
        self.xp.maximum(x, 0, out=y)
        y += below

    def slope(self, x: Array, y: Array) -> Array:
        """1 where x > 0, y + alpha elsewhere."""
        return self.xp.where(x > 0, y.dtype.type(1), y + self.options.alpha)
