"""Parameter: a param as a blob that other layers can read."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import BLOB_SHAPE, Option, Table


@register
class Parameter(Layer):
    """y = w, a learned array of the given shape that starts at 0 or comes from a weights file; dw += dy."""

    type = "Parameter"
    section = "parameter_param"
    table = Table("ParameterParameter", (Option("shape", BLOB_SHAPE, help="dims of the param"),))
    bottoms = Count(0)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The param."""
        self.add_constant(0, self.options.shape.dim)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The param's shape."""
        top[0].reshape(self.blobs[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """A copy, as a top's memory may be used again when its readers are done."""
        top[0].data[...] = self.blobs[0].data

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dw += dy."""
        if self.param_propagate_down[0]:
            self.blobs[0].diff[...] += top[0].diff
