"""ELU: the exponential linear unit (Clevert, Unterthiner and Hochreiter, ICLR 2016)."""

from __future__ import annotations

from pysketch.device import Array
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Table


@register
class ELU(Neuron):
    """y = x where x > 0, alpha (exp(x) - 1) elsewhere; any shape, may be in-place.

    dy/dx = 1 where x > 0; elsewhere alpha exp(x) = y + alpha, at x = 0 too, as in Caffe. y has the sign of x if
    alpha >= 0, so that y alone tells the two apart; in-place a negative alpha makes backward wrong, as in Caffe.
    """

    type = "ELU"
    section = "elu_param"
    table = Table("ELUParameter", (Option("alpha", Kind.FLOAT, 1.0, help="what is approached far below zero"),))

    def in_place_flaw(self, backward: bool) -> str:
        """A negative alpha turns signs around."""
        return "an ELU of alpha < 0 takes y's sign for x's in backward" if backward and self.options.alpha < 0 else ""

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
