"""Bias: a learned or given blob added to another, broadcast along its other axes."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.convolution import POINT, Fields
from pysketch.device import Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.scale import broadcast_shape, check_broadcast, gathered, spread
from pysketch.netdef import FILLER, Kind, Option, Table


@register
class Bias(Layer):
    """y = x + b, with b repeated along all axes of x but those from `axis` on that it has itself.

    With one bottom b is a param of shape x.shape[axis : axis + num_axes] (num_axes -1: all from axis on; 0: a single
    number), 0 at first unless a filler is given; with two it is the second bottom, whose shape must be that of x from
    `axis` on. Backward: dx = dy; db = the sum of dy over the axes along which it was repeated. May be in-place.
    """

    type = "Bias"
    section = "bias_param"
    table = Table(
        "BiasParameter",
        (
            Option("axis", Kind.INT32, 1, help="the first axis that the bias has"),
            Option("num_axes", Kind.INT32, 1, low=-1, help="how many axes it has; -1: all from axis on"),
            Option("filler", FILLER, help="default: constant 0"),
        ),
    )
    bottoms = Count(1, 2)
    in_place = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The param."""
        self.axis, shape = broadcast_shape(self, bottom)
        self._before_image = len(bottom) == 1 and self.axis + len(shape) <= len(bottom[0].shape) - 2
        if len(bottom) == 1:
            self.add_filled(self.options.filler, shape)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the first bottom; ShapeError if the bias does not fit."""
        check_broadcast(self, bottom[0].shape, self._bias(bottom).shape, self.axis)
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = x + b."""
        x = bottom[0].data
        self.xp.add(x, spread(self._bias(bottom).data, x.ndim, self.axis), out=top[0].data)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """db and dx; each only if asked for."""
        b, dy = self._bias(bottom), top[0].diff
        if len(bottom) == 1 and self.param_propagate_down[0]:
            b.diff[...] += gathered(dy, b.shape, self.axis)
        if len(bottom) == 2 and propagate_down[1]:
            b.diff[...] = gathered(dy, b.shape, self.axis)
        if propagate_down[0]:
            bottom[0].diff[...] = dy

    def receptive_field(self) -> Fields | None:
        """With one bias for each channel, or fewer, an element sees its own place."""
        return (POINT, POINT) if self._before_image else None

    def _bias(self, bottom: Sequence[Blob]) -> Blob:
        return bottom[1] if len(bottom) == 2 else self.blobs[0]
