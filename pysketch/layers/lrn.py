"""LRN: local response normalization (Krizhevsky et al., NIPS 2012, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.convolution import POINT, Fields, ReceptiveField
from pysketch.device import Array, Blob
from pysketch.layers.base import Layer, register
from pysketch.layers.pooling_windows import Windows, window_sums
from pysketch.netdef import Choice, Kind, Option, Table

_REGION = Choice({"ACROSS_CHANNELS": 0, "WITHIN_CHANNEL": 1})


@register
class LRN(Layer):
    """y = x s^-beta, s = k + alpha / m * the sum of x^2 over a window around x; zeros beyond the edges.

    x: (N, C, H, W). ACROSS_CHANNELS (default): the window is local_size neighbouring channels, m = local_size.
    WITHIN_CHANNEL: local_size x local_size pixels of the same channel, m = local_size^2, and 1 for k, whatever is
    given, as in Caffe. local_size is odd.

    Backward: dy_j/dx_i = [i = j] s_i^-beta - beta x_j s_j^(-beta - 1) (2 alpha / m) x_i [i in j's window], and i is in
    j's window where j is in i's, so
    dx_i = dy_i s_i^-beta - (2 alpha beta / m) x_i * the sum of dy x s^(-beta - 1) over i's window.

    In-place it does what Caffe does: ACROSS_CHANNELS s^-beta is written over x before the two are multiplied, so that
    y = s^(-2 beta), and in backward over dy; both ways backward takes y for x, which is lost. The net warns of it.
    """

    type = "LRN"
    section = "lrn_param"
    table = Table(
        "LRNParameter",
        (
            Option("local_size", Kind.UINT32, 5, low=1, help="length of the window, odd"),
            Option("alpha", Kind.FLOAT, 1.0, help="times the mean of the squares"),
            Option("beta", Kind.FLOAT, 0.75, help="the power"),
            Option("norm_region", _REGION, "ACROSS_CHANNELS", help="what the window is over"),
            Option("k", Kind.FLOAT, 1.0, help="added to the mean; ACROSS_CHANNELS only"),
            Option(
                "engine", Choice({"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2}), "DEFAULT", help="Caffe's; has no effect here"
            ),
        ),
    )

    in_place = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the window's axes and the factor of its sum."""
        size = self.options.local_size
        if size % 2 == 0:
            raise self.error(f"local_size must be odd, found {size}", at=self.options.position("local_size"))
        self.within = self.options.norm_region == "WITHIN_CHANNEL"
        self.axes = (3, 2) if self.within else (1,)
        self.factor = self.options.alpha / size ** len(self.axes)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the bottom."""
        if len(bottom[0].shape) != 4:
            raise self.shape_error(f"expected a bottom of shape (N, C, H, W), found {bottom[0].shape}")
        top[0].reshape(bottom[0].shape)

    def in_place_flaw(self, backward: bool) -> str:
        """x is overwritten."""
        if not self.within:
            return "an LRN overwrites its bottom before it has read it"
        return "an LRN has a wrong backward" if backward else ""

    def receptive_field(self) -> Fields:
        """The window, if it is over pixels."""
        reach = self.options.local_size // 2
        field = ReceptiveField(1, reach, reach) if self.within else POINT
        return field, field

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = x s^-beta."""
        s = self._scale(bottom[0].data)
        self._kept = s if bottom[0] is top[0] else None
        factor = s**-self.options.beta
        top[0].data[...] = factor * (factor if bottom[0] is top[0] and not self.within else bottom[0].data)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx, with s made again (cheaper than keeping it)."""
        if not propagate_down[0]:
            return
        x, dy, beta = bottom[0].data, top[0].diff, self.options.beta
        s = self._scale(x) if self._kept is None else self._kept
        if self._kept is not None and not self.within:
            dy = s**-beta
        own = dy * s**-beta
        bottom[0].diff[...] = own - 2 * beta * self.factor * x * self._window_sums(own * x / s)

    def _scale(self, x: Array) -> Array:
        return self._window_sums(x * x) * self.factor + (1.0 if self.within else self.options.k)

    def _window_sums(self, x: Array) -> Array:
        reach = self.options.local_size // 2
        for axis in self.axes:
            x = window_sums(x, Windows(x.shape[axis], x.shape[axis], self.options.local_size, 1, reach), axis)
        return x
