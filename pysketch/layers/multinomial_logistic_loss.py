"""MultinomialLogisticLoss: the negative logarithm of the right class's probability, as Softmax gives it."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.labels import SMALLEST_PROBABILITY, check_item_labels, read_labels


@register
class MultinomialLogisticLoss(Layer):
    """L = -(1 / N) sum_n log max(p_nl, 1e-20), l the label of item n; SoftmaxWithLoss takes scores instead.

    p: (N, ...), probabilities, whose other axes together are the classes; labels: N numbers, 0 .. classes - 1. L has
    shape (). With g the top's diff: dL/dp_nl = -g / N / max(p_nl, 1e-20), 0 for other classes. The bound, which keeps
    it finite, is not differentiated, as in Caffe. Labels get no gradient. DataError for a label out of range.
    """

    type = "MultinomialLogisticLoss"
    bottoms = Count(2)
    is_loss = True
    mixes_batch = True
    no_gradient = (1,)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        check_item_labels(self, bottom)
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The loss."""
        _, p = self._of_labels(bottom)
        top[0].data[...] = -self.xp.log(p).sum() / len(p)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """-g / N / p at the labels."""
        if propagate_down[1]:
            raise self.error(f"a {self.type} layer cannot propagate down to its labels")
        if propagate_down[0]:
            labels, p = self._of_labels(bottom)
            dp = bottom[0].diff.reshape(len(p), -1)
            dp[...] = (self.xp.arange(dp.shape[1]) == labels[:, None]) * (-top[0].diff / len(p) / p)[:, None]

    def _of_labels(self, bottom: Sequence[Blob]) -> tuple[Array, Array]:
        """(labels, their probabilities, bounded), both (N,)."""
        p = bottom[0].data.reshape(bottom[0].shape[0], -1)
        labels, _ = read_labels(self, bottom[1].data.reshape(-1), p.shape[1], None)
        return labels, self.xp.take_along_axis(p, labels[:, None], axis=1)[:, 0].clip(SMALLEST_PROBABILITY)
