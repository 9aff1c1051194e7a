"""Reduction: sums, means and norms over the last axes."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import Layer, register
from pysketch.netdef import Choice, Kind, Option, Table


@register
class Reduction(Layer):
    """Over all axes from `axis` on, n elements each: SUM c sum x, ASUM c sum |x|, SUMSQ c sum x^2, MEAN c/n sum x.

    The top has the axes before `axis`; with axis 0, the default, the shape (). c is coeff. Derivatives: SUM c dy,
    ASUM c sign(x) dy (0 at the kink x = 0), SUMSQ 2 c x dy, MEAN c/n dy.
    """

    type = "Reduction"
    section = "reduction_param"
    table = Table(
        "ReductionParameter",
        (
            Option("operation", Choice({"SUM": 1, "ASUM": 2, "SUMSQ": 3, "MEAN": 4}), "SUM", help="what is summed"),
            Option("axis", Kind.INT32, 0, help="the first axis to reduce; -1: the last one alone"),
            Option("coeff", Kind.FLOAT, 1.0, help="times the result"),
        ),
    )

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis."""
        self.axis = canonical_axis(self, self.options.axis, bottom[0].shape)
        self.mixes_batch = self.axis == 0

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The axes that are left."""
        top[0].reshape(bottom[0].shape[: self.axis])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """One number for each row."""
        x = self._rows(bottom[0].data, top[0])
        if self.options.operation == "ASUM":
            x = self.xp.abs(x)
        elif self.options.operation == "SUMSQ":
            x = x * x
        y = x.sum(axis=1)
        y *= self._coeff(x)
        top[0].data[...] = y.reshape(top[0].shape)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = slope dy, dy the row's."""
        if not propagate_down[0]:
            return
        x, dx = (self._rows(array, top[0]) for array in (bottom[0].data, bottom[0].diff))
        dy = top[0].diff.reshape(-1, 1) * self._coeff(x)
        if self.options.operation == "ASUM":
            self.xp.multiply(self.xp.sign(x), dy, out=dx)
        elif self.options.operation == "SUMSQ":
            self.xp.multiply(x, 2 * dy, out=dx)
        else:
            dx[...] = dy

    def _coeff(self, x: Array) -> float:
        return self.options.coeff / (x.shape[1] if self.options.operation == "MEAN" else 1)

    def _rows(self, array: Array, top: Blob) -> Array:
        """(rows, n), a view."""
        return array.reshape(top.count, -1)
