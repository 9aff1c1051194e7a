"""Split: lets several layers read one blob. The net inserts it; nobody writes it by hand."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob, add_images
from pysketch.layers.base import Count, Layer, register


@register
class Split(Layer):
    """Every top is the bottom's data (one memory, no copy); the bottom's diff is the sum of theirs."""

    type = "Split"
    tops = Count(1, None)
    takes_images = True
    pointwise = True

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """All tops get the bottom's shape and its memory."""
        for blob in top:
            blob.reshape(bottom[0].shape)
            blob.share_data(bottom[0])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Nothing to do: the memory is shared."""

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = sum of the tops' diffs; tops that lead to no loss have kept diff 0."""
        if not propagate_down[0]:
            return
        add_images([blob.diff for blob in top], bottom[0].diff, self.context.workers)
