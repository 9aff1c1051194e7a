"""SoftmaxWithLoss: the multinomial logistic loss of scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.device import Array, Blob
from pysketch.layers.axes import canonical_axis, split_at
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.labels import LOSS, check_class_labels, normalizer, read_labels
from pysketch.layers.softmax import SOFTMAX, softmax, softmax_backward

_SMALLEST = float(np.finfo(np.float32).tiny)  # C's FLT_MIN


@register
class SoftmaxWithLoss(Layer):
    """L = -(1 / n) sum over all items of log max(p_l, 1.2e-38), p = softmax(x) along `axis`, l the item's label.

    x: scores, any shape; labels: one for each item, that is as many as x has elements without `axis`: 0 .. classes - 1.
    L has shape (). n, at least 1, by loss_param's normalization: VALID (default): the items that do not have
    ignore_label; FULL: all items; BATCH_SIZE: the product of the axes before `axis`; NONE: 1. ``normalize: true`` is
    VALID, false BATCH_SIZE. A second top gets p.

    With g the top's diff: dL/dx_k = g/n (p_k - [k = l]), since -log p_l = log(sum_j exp x_j) - x_l; 0 for items with
    ignore_label. The bound under p_l, which keeps L finite, is left out of the derivative, as in Caffe.
    A diff of the second top, which Caffe would ignore, is handed down through the softmax.
    Labels get no gradient. DataError for a label out of range.
    """

    type = "SoftmaxWithLoss"
    section = "softmax_param"
    table = SOFTMAX
    more_sections = {"loss_param": LOSS}
    bottoms = Count(2)
    tops = Count(1, 2)
    is_loss = True
    mixes_batch = True
    no_gradient = (1,)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis."""
        self.axis = canonical_axis(self, self.options.axis, bottom[0].shape)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar; the second one is shaped as the scores."""
        check_class_labels(self, bottom, self.axis)
        top[0].reshape(())
        if len(top) == 2:
            top[1].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The loss, and the probabilities if there is a second top."""
        p = softmax(self._items(bottom[0].data), 1)
        labels, counted, n = self._read(bottom)
        of_label = self.xp.take_along_axis(p, labels[:, None], axis=1)[:, 0]
        losses = -self.xp.log(of_label.clip(_SMALLEST)) * counted
        top[0].data[...] = losses.sum() / n
        if len(top) == 2:
            top[1].data[...] = p.reshape(top[1].shape)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The probabilities again (cheaper than keeping them), less 1 for the label."""
        if propagate_down[1]:
            raise self.error(f"a {self.type} layer cannot propagate down to its labels")
        if not propagate_down[0]:
            return
        p = softmax(self._items(bottom[0].data), 1)
        labels, counted, n = self._read(bottom)
        dx = p - (self.xp.arange(p.shape[1])[:, None] == labels[:, None])
        dx *= counted[:, None]
        dx *= top[0].diff / n
        if len(top) == 2:
            dx += softmax_backward(p, self._items(top[1].diff), 1)
        bottom[0].diff[...] = dx.reshape(bottom[0].shape)

    def _items(self, x: Array) -> Array:
        """(outer, classes, inner), a view."""
        return x.reshape(split_at(x.shape, self.axis))

    def _read(self, bottom: Sequence[Blob]) -> tuple[Array, Array, Array | int]:
        """Labels (outer, inner), which of them count, and n."""
        outer, classes, inner = split_at(bottom[0].shape, self.axis)
        options = self.more["loss_param"]
        labels = bottom[1].data.reshape(outer, inner)
        labels, counted = read_labels(self, labels, classes, options.ignore_label)
        return labels, counted, normalizer(options, "VALID", counted, outer)
