"""Softmax: scores of classes to probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob, array_module
from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import Layer, register
from pysketch.netdef import Choice, Kind, Option, Table

SOFTMAX = Table(
    "SoftmaxParameter",
    (
        Option("engine", Choice({"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2}), "DEFAULT", help="Caffe's; has no effect here"),
        Option("axis", Kind.INT32, 1, help="along which the classes are; -1: the last"),
    ),
)


@register
class Softmax(Layer):
    """y_k = exp(x_k) / sum_j exp(x_j) along `axis`; any shape, may be in-place.

    The largest x is taken off first, which changes nothing but that exp cannot overflow.
    Backward: dy_k/dx_j = y_k (delta_kj - y_j), so dx_j = y_j (dy_j - sum_k dy_k y_k). It looks at the top's data only.
    """

    type = "Softmax"
    section = "softmax_param"
    table = SOFTMAX
    in_place = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis."""
        self.axis = canonical_axis(self, self.options.axis, bottom[0].shape)
        self.mixes_batch = self.axis == 0
        self.pointwise = self.axis < len(bottom[0].shape) - 2

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the bottom."""
        if bottom[0].shape[self.axis] == 0:
            raise self.shape_error(f"axis {self.axis} of a bottom of shape {bottom[0].shape} is empty")
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Probabilities."""
        top[0].data[...] = softmax(bottom[0].data, self.axis)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = y (dy - sum dy y)."""
        if propagate_down[0]:
            bottom[0].diff[...] = softmax_backward(top[0].data, top[0].diff, self.axis)


def softmax(x: Array, axis: int) -> Array:
    """exp(x - max) / sum."""
    y = array_module(x).exp(x - x.max(axis=axis, keepdims=True))
    y /= y.sum(axis=axis, keepdims=True)
    return y


def softmax_backward(y: Array, dy: Array, axis: int) -> Array:
    """dx from the probabilities and their diffs."""
    return y * (dy - (dy * y).sum(axis=axis, keepdims=True))
