"""Flatten: several axes taken as one."""

from __future__ import annotations

import math

from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import register
from pysketch.layers.reshape import Renamed
from pysketch.netdef import Kind, Option, Table


@register
class Flatten(Renamed):
    """The axes from `axis` to end_axis, both included, become one: (N, C, H, W) -> (N, C H W) by default; no copy."""

    type = "Flatten"
    section = "flatten_param"
    table = Table(
        "FlattenParameter",
        (
            Option("axis", Kind.INT32, 1, help="the first axis"),
            Option("end_axis", Kind.INT32, -1, help="the last axis; -1: that of the bottom"),
        ),
    )

    def new_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """ShapeError if there are no such axes, or they are in the wrong order."""
        start, last = (canonical_axis(self, n, shape) for n in (self.options.axis, self.options.end_axis))
        if last < start:
            raise self.shape_error(f"end_axis {last} comes before axis {start}")
        return (*shape[:start], math.prod(shape[start : last + 1]), *shape[last + 1 :])
