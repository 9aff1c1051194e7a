"""Clip: values kept within two limits."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Table


@register
class Clip(Neuron):
    """y = max(min, min(x, max)); any shape, may be in-place.

    dy/dx = 1 for min <= x <= max, at the kinks too, as in Caffe; 0 elsewhere. Forward keeps where that is: y, which is
    all that is left in-place, does not tell a clipped x from one on the limit. (Caffe's backward, in-place, takes all
    for 1.)
    """

    type = "Clip"
    section = "clip_param"
    table = Table(
        "ClipParameter",
        (
            Option("min", Kind.FLOAT, required=True, help="the lower limit"),
            Option("max", Kind.FLOAT, required=True, help="the upper limit"),
        ),
    )

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Limits that are the wrong way round would make a constant."""
        low, high = self.options.min, self.options.max
        if not low <= high:
            raise self.error(f"min must not exceed max, found {low:g} and {high:g}", at=self.options.position("min"))

    def value(self, x: Array, y: Array) -> None:
        """y, and which x are within the limits."""
        low, high = self.options.min, self.options.max
        self._within = (x >= low) & (x <= high)
        self.xp.clip(x, low, high, out=y)

    def slope(self, x: Array, y: Array) -> Array:
        """1 within the limits."""
        return self._within
