"""SigmoidCrossEntropyLoss: the logistic loss of independent probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.device import Array, Blob
from pysketch.layers.axes import check_items
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.labels import LOSS, normalizer


@register
class SigmoidCrossEntropyLoss(Layer):
    """L = -(1 / n) sum of t log p + (1 - t) log(1 - p), p = 1 / (1 + exp(-x)), over all elements.

    x: scores; t: targets, 0 to 1, as many as scores. L has shape (). Computed as max(x, 0) - x t + log(1 + exp(-|x|)),
    which cannot overflow. n, at least 1, by loss_param's normalization: BATCH_SIZE (default): the length of axis 0;
    VALID: the targets that are not ignore_label (their fractions cut off, as in Caffe); FULL: all; NONE: 1.

    With g the top's diff: dL/dx = g/n (p - t); 0 for ignored targets. Targets get no gradient, as in Caffe.
    """

    type = "SigmoidCrossEntropyLoss"
    section = "loss_param"
    table = LOSS
    bottoms = Count(2)
    is_loss = True
    mixes_batch = True
    no_gradient = (1,)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        check_items(self, bottom)
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The loss."""
        x, t, counted, n = self._read(bottom)
        losses = self.xp.maximum(x, 0) - x * t + self.xp.log1p(self.xp.exp(-abs(x)))
        top[0].data[...] = (losses * counted).sum() / n

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = g/n (p - t)."""
        if propagate_down[1]:
            raise self.error(f"a {self.type} layer cannot propagate down to its targets")
        if propagate_down[0]:
            x, t, counted, n = self._read(bottom)
            smaller = self.xp.exp(-abs(x))  # <= 1
            p = self.xp.where(x >= 0, 1, smaller) / (1 + smaller)
            dx = bottom[0].diff
            dx[...] = (p - t) * counted
            dx *= top[0].diff / n

    def _read(self, bottom: Sequence[Blob]) -> tuple[Array, Array, Array, Array | int]:
        """Scores, targets of their shape, which of them count, and n."""
        x, options = bottom[0].data, self.options
        t = bottom[1].data.reshape(x.shape)
        ignore = np.nan if options.ignore_label is None else options.ignore_label  # nothing equals nan
        counted = self.xp.trunc(t) != ignore
        return x, t, counted, normalizer(options, "BATCH_SIZE", counted, x.shape[0])
