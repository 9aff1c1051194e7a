"""BatchNorm: every channel to mean 0 and variance 1 (Ioffe and Szegedy, ICML 2015), without scale and bias."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.convolution import POINT, Fields
from pysketch.device import Array, Blob
from pysketch.layers.base import Layer, register
from pysketch.netdef import Kind, Option, Phase, Table


@register
class BatchNorm(Layer):
    """y = (x - mean) / sqrt(var + eps), per channel (axis 1; a 1-D bottom has one channel); may be in-place.

    In phase TRAIN (or with ``use_global_stats: false``) mean and var are the batch's: over items and pixels, var
    divided by their number m. Three params, which are statistics and not learned (lr_mult is 0), keep running sums:

        params[2] = 1 + f params[2],  params[0] = mean + f params[0],  params[1] = m / (m - 1) var + f params[1]

    with f = moving_average_fraction (and 1 for m / (m - 1) if m = 1). In phase TEST (or with ``use_global_stats:
    true``) mean = params[0] / params[2] and var = params[1] / params[2], 0 where params[2] is 0: weights of a
    .caffemodel mean the same here. A Scale layer with bias_term is what usually follows.

    Backward with the batch's statistics, means over a channel's m elements: from y = c / q, c = x - mean,
    q = sqrt(mean(c^2) + eps): dq = mean(c dc) / q, and dc = dx - mean(dx). So <dy, dc> / q - <dy, c> dq / q^2 gives
    dx = (dy - mean(dy) - y mean(dy y)) / q. With global statistics dx = dy / q.
    y is kept for that, as an in-place layer behind may write over the top.

    Where processes share a batch, all means over its items are over those of all processes (`share`).
    """

    type = "BatchNorm"
    section = "batch_norm_param"
    table = Table(
        "BatchNormParameter",
        (
            Option("use_global_stats", Kind.BOOL, None, help="the params' statistics? default: in phase TEST"),
            Option("moving_average_fraction", Kind.FLOAT, 0.999, help="f"),
            Option("eps", Kind.FLOAT, 1e-5, help="added to the variance"),
        ),
    )
    in_place = True
    learns = False
    mixes_batch = True
    spans_processes = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Make the three params, all 0."""
        given = self.options.use_global_stats
        self.use_global_stats = self.phase == Phase.TEST if given is None else given
        self.mixes_batch = not self.use_global_stats
        if not bottom[0].shape:
            raise self.shape_error("expected a bottom of shape (N, C, ...), found ()")
        channels = _split(bottom[0].shape)[1]
        for shape in ((channels,), (channels,), (1,)):
            self.add_constant(0, shape)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the bottom."""
        shape, channels = bottom[0].shape, self.blobs[0].shape[0]
        if not shape or _split(shape)[1] != channels or 0 in shape:
            raise self.shape_error(f"expected a bottom of shape (N, {channels}, ...), found {shape}")
        top[0].reshape(shape)

    @property
    def leaves_traces(self) -> bool:
        """With the batch's statistics: the running sums."""
        return not self.use_global_stats

    def receptive_field(self) -> Fields | None:
        """A point with global statistics, else everything."""
        return (POINT, POINT) if self.use_global_stats else None

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y, and with the batch's statistics the running sums."""
        x = bottom[0].data.reshape(_split(bottom[0].shape))
        if self.use_global_stats:
            mean, var = self._global_statistics()
            y = x - mean[:, None]
        else:
            (mean,) = self._means(x)
            y = x - mean[:, None]
            (var,) = self._means(y * y)
            self._keep(mean, var, self.share.communicator.size * x.shape[0] * x.shape[2])
        self._q = self.xp.sqrt(var + self.options.eps)[:, None]
        y /= self._q
        self._y = None if self.use_global_stats else y
        top[0].data[...] = y.reshape(top[0].shape)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx; the statistics that forward used."""
        if not propagate_down[0]:
            return
        dy, y = top[0].diff.reshape(_split(top[0].shape)), self._y
        if y is None:
            dx = dy / self._q
        else:
            means = self._means(dy, dy * y)[:, :, None]
            dx = (dy - means[0] - y * means[1]) / self._q
        bottom[0].diff[...] = dx.reshape(bottom[0].shape)

    def _means(self, *arrays: Array) -> Array:
        """Each array's mean of every channel, over all items of the batch."""
        means = self.xp.stack([each.mean(axis=(0, 2)) for each in arrays])
        self.share.communicator.all_reduce(means)
        means /= self.share.communicator.size
        return means

    def _global_statistics(self) -> tuple[Array, Array]:
        mean, var, count = (blob.data for blob in self.blobs)
        factor = self.xp.where(count == 0, 0, 1 / self.xp.where(count == 0, 1, count))
        return mean * factor, var * factor

    def _keep(self, mean: Array, var: Array, m: int) -> None:
        """Add this batch's statistics to the running sums."""
        for blob, new in zip(self.blobs, (mean, var * (m / max(1, m - 1)), 1), strict=True):
            running = blob.data
            running *= self.options.moving_average_fraction
            running += new


def _split(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(items, channels, pixels)."""
    return shape[0], shape[1] if len(shape) > 1 else 1, int(np.prod(shape[2:]))
