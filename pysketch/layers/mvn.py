"""MVN: every channel, or item, to mean 0 and variance 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Layer, register
from pysketch.netdef import Kind, Option, Table


@register
class MVN(Layer):
    """y = (x - mean) / (sqrt(var) + eps), over each channel of each item, or with across_channels over each item.

    x: (N, C, H, W), or fewer axes; as in Caffe the top has all four, the last of length 1. var is divided by the number
    of elements. Without normalize_variance, y = x - mean.
    Backward, with c = x - mean, q = sqrt(mean(c^2)), r = q + eps and y = c / r: dq = mean(c dc) / q and
    dc = dx - mean(dx), so dx = (dy - mean(dy) - y mean(dy y) r / q) / r. As in Caffe r / q, which eps alone makes
    differ from 1, is taken for 1, so that a constant channel, q = 0, has a finite gradient.

    In-place backward does what Caffe does: its sums read what it has just written over dy. With n elements in a channel
    and d = y sum(y dy) it gives dx = -(2 / n) (d + sum(d)) / r. The net warns of it. Without normalize_variance it is
    right.
    """

    type = "MVN"
    section = "mvn_param"
    table = Table(
        "MVNParameter",
        (
            Option("normalize_variance", Kind.BOOL, True, help="divide by the standard deviation?"),
            Option("across_channels", Kind.BOOL, False, help="statistics of whole items?"),
            Option("eps", Kind.FLOAT, 1e-9, help="added to the standard deviation"),
        ),
    )

    in_place = True

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The bottom's shape, made four axes long."""
        shape = bottom[0].shape
        if not 1 <= len(shape) <= 4 or 0 in shape:
            raise self.shape_error(f"expected a bottom of shape (N, C, H, W), or of fewer axes, found {shape}")
        top[0].reshape(shape + (1,) * (4 - len(shape)))

    def in_place_flaw(self, backward: bool) -> str:
        """Backward's sums read what it has overwritten."""
        return "an MVN has a wrong backward" if backward and self.options.normalize_variance else ""

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y."""
        y, r = self._normalized(bottom[0].data)
        self._kept = r if bottom[0] is top[0] else None
        top[0].data[...] = y.reshape(top[0].shape)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx, with y made again (cheaper than keeping it)."""
        if not propagate_down[0]:
            return
        dy = self._rows(top[0].diff)
        dx = dy - dy.mean(axis=1, keepdims=True)
        if self._kept is not None and self.options.normalize_variance:
            y = self._rows(top[0].data)
            d = y * (y * dy).sum(axis=1, keepdims=True)
            dx = (d + d.sum(axis=1, keepdims=True)) * (-2 / y.shape[1]) / self._kept
        elif self.options.normalize_variance:
            y, r = self._normalized(bottom[0].data)
            dx = (dx - y * (dy * y).mean(axis=1, keepdims=True)) / r
        bottom[0].diff[...] = dx.reshape(bottom[0].shape)

    def _normalized(self, x: Array) -> tuple[Array, Array | int]:
        """(y, r), in rows."""
        x = self._rows(x)
        y = x - x.mean(axis=1, keepdims=True)
        if not self.options.normalize_variance:
            return y, 1
        r = self.xp.sqrt((y * y).mean(axis=1, keepdims=True)) + self.options.eps
        return y / r, r

    def _rows(self, x: Array) -> Array:
        """A row for each set of statistics."""
        sets = x.shape[:1] if self.options.across_channels else x.shape[:2]
        return x.reshape(math.prod(sets), -1)
