"""PReLU: a ReLU that learns its slope below zero (He et al., ICCV 2015)."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Layer, register
from pysketch.netdef import FILLER, Kind, Option, Phase, Table


@register
class PReLU(Layer):
    """y = x where x > 0, a_c x elsewhere; a_c: the slope of channel c (axis 1), learned, 0.25 at first.

    channel_shared: one slope, of shape (), for all channels; else shape (channels,). Backward: dx = dy where x > 0,
    a_c dy elsewhere (at x = 0 too); da_c = sum over the channel's elements with x <= 0 of x dy.
    May be in-place: in phase TRAIN the bottom is then copied, as y does not tell x if a_c is 0 or negative.
    """

    type = "PReLU"
    section = "prelu_param"
    table = Table(
        "PReLUParameter",
        (
            Option("filler", FILLER, help="of the slopes; default: constant 0.25"),
            Option("channel_shared", Kind.BOOL, False, help="one slope for all channels?"),
        ),
    )
    in_place = True
    pointwise = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The slopes."""
        if len(bottom[0].shape) < 2:
            raise self.shape_error(f"a PReLU layer needs a channel axis, found the shape {bottom[0].shape}")
        shape = () if self.options.channel_shared else (bottom[0].shape[1],)
        if self.options.given("filler"):
            self.add_filled(self.options.filler, shape)
        else:
            self.add_constant(0.25, shape)
        self._kept: Array | None = None

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the bottom; ShapeError if the channels are not those of the slopes."""
        slopes = self.blobs[0].shape
        if slopes and bottom[0].shape[1:2] != slopes:
            raise self.shape_error(f"{slopes[0]} slopes for the shape {bottom[0].shape}, axis 1")
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = max(x, 0) + a min(x, 0)."""
        x, xp = bottom[0].data, self.xp
        self._kept = x.copy() if bottom[0] is top[0] and self.phase == Phase.TRAIN else None
        below = xp.minimum(x, 0)
        below *= self._slopes(x.ndim)
        xp.maximum(x, 0, out=top[0].data)
        top[0].data[...] += below

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = dy (1 where x > 0, a elsewhere), da = sum of x dy where x <= 0."""
        x = bottom[0].data if self._kept is None else self._kept
        dy, xp = top[0].diff, self.xp
        if self.param_propagate_down[0]:
            axes = None if self.options.channel_shared else (0, *range(2, x.ndim))
            self.blobs[0].diff[...] += (xp.minimum(x, 0) * dy).sum(axis=axes)
        if propagate_down[0]:
            bottom[0].diff[...] = dy * xp.where(x > 0, x.dtype.type(1), self._slopes(x.ndim))

    def _slopes(self, ndim: int) -> Array:
        """The slopes, such that they broadcast to the bottom."""
        slopes = self.blobs[0].data
        return slopes.reshape(-1, *(1,) * (ndim - 2)) if slopes.ndim else slopes
