"""AbsoluteLoss: the mean absolute difference."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.axes import check_items
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import Table


@register
class AbsoluteLoss(Layer):
    """L = mean |a - b| over all elements; with n of them and g the top's diff, dL/da = g sign(a - b) / n = -dL/db.

    The bottoms may differ in shape as EuclideanLoss's may; the top has shape (). What minimises it is the median where
    the squared difference wants the mean: paper stays white where most artists leave it so. The gradient is 0 at the
    kink a = b.
    """

    type = "AbsoluteLoss"
    table = Table("AbsoluteLoss", ())
    bottoms = Count(2)
    is_loss = True
    mixes_batch = True

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        check_items(self, bottom)
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The mean of |a - b|."""
        difference = self._difference(bottom)
        top[0].data[...] = self.xp.abs(difference, out=difference).mean()

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The sign of the difference, times the top's diff over the number of elements."""
        if not any(propagate_down):
            return
        difference = self._difference(bottom)
        sign = self.xp.sign(difference, out=difference)
        sign *= top[0].diff / sign.size
        if propagate_down[0]:
            bottom[0].diff[...] = sign
        if propagate_down[1]:
            self.xp.negative(sign, out=bottom[1].diff.reshape(sign.shape))

    def _difference(self, bottom: Sequence[Blob]) -> Array:
        """a - b, shaped as a."""
        return bottom[0].data - bottom[1].data.reshape(bottom[0].shape)
