"""ReLU: the rectified linear unit (Nair and Hinton, ICML 2010)."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.convolution import gate, rectify
from pysketch.device import Blob
from pysketch.layers.base import Layer, register
from pysketch.netdef import Choice, Kind, Option, Table

ENGINE = Option("engine", Choice({"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2}), "DEFAULT", help="Caffe's; has no effect here")
"""The option that Caffe's pointwise layers have."""


@register
class ReLU(Layer):
    """y = x where x > 0, negative_slope * x elsewhere; any shape, may be in-place.

    Backward: dx = dy where x > 0, negative_slope * dy elsewhere (at the kink x = 0 too, as in Caffe).
    It looks at the sign of the bottom, which in-place is that of the top: the same for slopes >= 0 only.
    """

    type = "ReLU"
    section = "relu_param"
    table = Table(
        "ReLUParameter",
        (
            Option("negative_slope", Kind.FLOAT, 0.0, help="the slope below zero; 0 cuts"),
            ENGINE,
        ),
    )
    in_place = True
    takes_images = True
    pointwise = True

    def in_place_flaw(self, backward: bool) -> str:
        """A negative slope turns signs around."""
        if backward and self.options.negative_slope < 0:
            return "a ReLU of negative_slope < 0 takes y's sign for x's in backward"
        return ""

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the bottom."""
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = max(x, 0) + negative_slope * min(x, 0)."""
        rectify(bottom[0].data, self.options.negative_slope, top[0].data, self.context.workers)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = dy * (1 where x > 0, negative_slope elsewhere)."""
        if not propagate_down[0]:
            return
        slope = self.options.negative_slope
        gate(top[0].diff, bottom[0].data, slope, bottom[0].diff, self.context.workers)
