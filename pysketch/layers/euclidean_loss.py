"""EuclideanLoss: half the mean, over the batch, of the squared distance."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Count, Layer, register


@register
class EuclideanLoss(Layer):
    """L = sum (a - b)^2 / (2 N), N the length of axis 0: summed over everything, divided by 2 N only.

    Both bottoms have one shape; the top has shape (). With g the top's diff:
    dL/da = g (a - b) / N and dL/db = -g (a - b) / N.
    """

    type = "EuclideanLoss"
    bottoms = Count(2)
    is_loss = True
    mixes_batch = True

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        a, b = bottom[0].shape, bottom[1].shape
        if a != b or not a or a[0] == 0:
            names = self.definition.bottom
            raise self.shape_error(f'"{names[0]}" {a} and "{names[1]}" {b} must have one, non-empty, shape')
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """L = sum (a - b)^2 / (2 N)."""
        difference = bottom[0].data - bottom[1].data
        difference *= difference
        top[0].data[...] = difference.sum() / (2 * difference.shape[0])

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The difference again (cheaper than keeping it), scaled by the top's diff over N."""
        for k, sign in ((0, 1.0), (1, -1.0)):
            if propagate_down[k]:
                diff = bottom[k].diff
                diff[...] = bottom[0].data
                diff -= bottom[1].data
                diff *= top[0].diff * (sign / diff.shape[0])
