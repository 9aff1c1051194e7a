"""Scale: a blob times a learned or given factor, broadcast along its other axes."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.convolution import POINT, Fields
from pysketch.device import Array, Blob
from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import FILLER, Kind, Option, Phase, Table


@register
class Scale(Layer):
    """y = s x + b, with s and b repeated along all axes of x but those from `axis` on that they have themselves.

    With one bottom s is a param of shape x.shape[axis : axis + num_axes] (num_axes -1: all from axis on; 0: a single
    number), 1 at first unless a filler is given; with two it is the second bottom, whose shape must be that of x from
    `axis` on. b, if bias_term, is a param of the same shape. Backward: dx = s dy; ds = the sum of x dy and db = the sum
    of dy over the axes along which they were repeated. May be in-place: in phase TRAIN x is then copied.
    """

    type = "Scale"
    section = "scale_param"
    table = Table(
        "ScaleParameter",
        (
            Option("axis", Kind.INT32, 1, help="the first axis that the factor has"),
            Option("num_axes", Kind.INT32, 1, low=-1, help="how many axes it has; -1: all from axis on"),
            Option("filler", FILLER, help="of the factor; default: constant 1"),
            Option("bias_term", Kind.BOOL, False, help="add a bias of the same shape?"),
            Option("bias_filler", FILLER, help="default: constant 0"),
        ),
    )
    bottoms = Count(1, 2)
    in_place = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The params."""
        options = self.options
        self.axis, shape = broadcast_shape(self, bottom)
        self._before_image = len(bottom) == 1 and self.axis + len(shape) <= len(bottom[0].shape) - 2
        if len(bottom) == 1:
            if options.given("filler"):
                self.add_filled(options.filler, shape)
            else:
                self.add_constant(1, shape)
        if options.bias_term:
            self.add_filled(options.bias_filler, shape)
        self._kept: Array | None = None

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the first bottom; ShapeError if the factor does not fit."""
        check_broadcast(self, bottom[0].shape, self._factor(bottom).shape, self.axis)
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = s x + b."""
        x, y = bottom[0].data, top[0].data
        self._kept = x.copy() if bottom[0] is top[0] and self.phase == Phase.TRAIN else None
        self.xp.multiply(x, spread(self._factor(bottom).data, x.ndim, self.axis), out=y)
        if self.options.bias_term:
            y += spread(self.blobs[-1].data, x.ndim, self.axis)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """ds, db and dx; each only if asked for."""
        x = bottom[0].data if self._kept is None else self._kept
        s, dy = self._factor(bottom), top[0].diff
        if self.options.bias_term and self.param_propagate_down[-1]:
            self.blobs[-1].diff[...] += gathered(dy, s.shape, self.axis)
        if len(bottom) == 1 and self.param_propagate_down[0]:
            s.diff[...] += gathered(x * dy, s.shape, self.axis)
        if len(bottom) == 2 and propagate_down[1]:
            s.diff[...] = gathered(x * dy, s.shape, self.axis)
        if propagate_down[0]:
            self.xp.multiply(dy, spread(s.data, x.ndim, self.axis), out=bottom[0].diff)

    def receptive_field(self) -> Fields | None:
        """With one factor for each channel, or fewer, an element sees its own place."""
        return (POINT, POINT) if self._before_image else None

    def _factor(self, bottom: Sequence[Blob]) -> Blob:
        return bottom[1] if len(bottom) == 2 else self.blobs[0]


def broadcast_shape(layer: Layer, bottom: Sequence[Blob]) -> tuple[int, tuple[int, ...]]:
    """(the axis counted from the front, the shape of what is broadcast): the second bottom's, or that of a param.

    ShapeError if the first bottom has no such axes. Scale's and Bias's options.
    """
    shape, count = bottom[0].shape, layer.options.num_axes
    axis = 0 if not shape else canonical_axis(layer, layer.options.axis, shape)
    if len(bottom) == 2:
        return axis, bottom[1].shape
    stop = len(shape) if count == -1 else axis + count
    if stop > len(shape):
        raise layer.shape_error(f"num_axes {count} from axis {axis} on do not fit a bottom of shape {shape}")
    return axis, shape[axis:stop]


def check_broadcast(layer: Layer, shape: tuple[int, ...], factor: tuple[int, ...], axis: int) -> None:
    """ShapeError unless the factor's shape is that of the bottom from the axis on."""
    if shape[axis : axis + len(factor)] != factor:
        raise layer.shape_error(f"the shape {factor} is not that of the bottom {shape} from axis {axis} on")


def spread(values: Array, ndim: int, axis: int) -> Array:
    """Values of some axes, from `axis` on, as an array of ndim axes that broadcasts; a view."""
    return values.reshape(*values.shape, *(1,) * (ndim - axis - values.ndim)) if values.ndim else values


def gathered(dy: Array, shape: tuple[int, ...], axis: int) -> Array:
    """The sum over the axes that `spread` repeats along: of the given shape."""
    axes = (*range(axis), *range(axis + len(shape), dy.ndim))
    return dy.sum(axis=axes) if shape else dy.sum()
