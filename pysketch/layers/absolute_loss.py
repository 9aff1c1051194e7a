"""AbsoluteLoss: the mean absolute difference."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import Table


@register
class AbsoluteLoss(Layer):
    """L = mean |a - b| over all elements; with n of them and g the top's diff, dL/da = g sign(a - b) / n = -dL/db.

    Both bottoms have one shape; the top has shape (). What minimises it is the median where the squared difference
    wants the mean: paper stays white where most artists leave it so. The gradient is 0 at the kink a = b.
    """

    type = "AbsoluteLoss"
    table = Table("AbsoluteLoss", ())
    bottoms = Count(2)
    is_loss = True
    mixes_batch = True

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        a, b = bottom[0].shape, bottom[1].shape
        if a != b or not bottom[0].count:
            names = self.definition.bottom
            raise self.shape_error(f'"{names[0]}" {a} and "{names[1]}" {b} must have one, non-empty, shape')
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The mean of |a - b|."""
        top[0].data[...] = self.xp.abs(bottom[0].data - bottom[1].data).mean()

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The sign of the difference, times the top's diff over the number of elements."""
        if not any(propagate_down):
            return
        sign = self.xp.sign(bottom[0].data - bottom[1].data)
        for blob, way, wanted in zip(bottom, (1, -1), propagate_down, strict=True):
            if wanted:
                self.xp.multiply(sign, top[0].diff * (way / sign.size), out=blob.diff)
