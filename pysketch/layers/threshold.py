"""Threshold: 1 above a level, 0 elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Layer, register
from pysketch.netdef import Kind, Option, Table


@register
class Threshold(Layer):
    """y = 1 where x > threshold, else 0; any shape. Without gradient, as in Caffe: it is 0 wherever it exists."""

    type = "Threshold"
    section = "threshold_param"
    table = Table("ThresholdParameter", (Option("threshold", Kind.FLOAT, 0.0, help="what x must exceed"),))
    pointwise = True
    no_gradient = (0,)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the bottom."""
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = [x > threshold]."""
        top[0].data[...] = bottom[0].data > self.options.threshold
