"""Silence: reads blobs so that they are no outputs of the net."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Count, Layer, register


@register
class Silence(Layer):
    """Does nothing with its bottoms; their diffs are 0."""

    type = "Silence"
    bottoms = Count(1, None)
    tops = Count(0)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """There is no top."""

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Nothing."""

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = 0."""
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                blob.diff[...] = 0
