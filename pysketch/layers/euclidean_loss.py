"""EuclideanLoss: half the mean, over the batch, of the squared distance."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.axes import check_items
from pysketch.layers.base import Count, Layer, register


@register
class EuclideanLoss(Layer):
    """L = sum (a - b)^2 / (2 N), N the length of axis 0: summed over everything, divided by 2 N only.

    The bottoms may differ in shape if both have N items of equally many numbers; the top has shape (). With g its diff:
    dL/da = g (a - b) / N and dL/db = -g (a - b) / N.
    """

    type = "EuclideanLoss"
    bottoms = Count(2)
    is_loss = True
    mixes_batch = True

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        check_items(self, bottom)
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """L = sum (a - b)^2 / (2 N)."""
        difference = bottom[0].data - bottom[1].data.reshape(bottom[0].shape)
        difference *= difference
        top[0].data[...] = difference.sum() / (2 * difference.shape[0])

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The difference again (cheaper than keeping it), scaled by the top's diff over N."""
        for k, sign in ((0, 1.0), (1, -1.0)):
            if propagate_down[k]:
                diff = bottom[k].diff
                diff[...] = bottom[0].data.reshape(diff.shape)
                diff -= bottom[1].data.reshape(diff.shape)
                diff *= top[0].diff * (sign / diff.shape[0])
