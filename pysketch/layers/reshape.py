"""Reshape: the same elements in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Layer, register
from pysketch.netdef import Kind, Option, Table


class Renamed(Layer):
    """What Reshape and Flatten share: the top is the bottom's memory in another shape, dx = dy."""

    mixes_batch = True  # which item an element belongs to may change

    def new_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The top's shape for the bottom's."""
        raise NotImplementedError(f"{type(self).__name__} has no new_shape")

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top gets its shape and the bottom's memory."""
        top[0].reshape(self.new_shape(bottom[0].shape))
        top[0].share_data(bottom[0])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Nothing to do: the memory is shared."""

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = dy."""
        if propagate_down[0]:
            bottom[0].diff[...] = top[0].diff.reshape(bottom[0].shape)


@register
class Reshape(Renamed):
    """The axes from `axis` on, num_axes of them (-1: all), get the lengths of `shape`; no copy is made.

    A length of 0 keeps the bottom's length at that place, one of -1 is what is left. axis may be negative: -1 is
    behind the last one.
    """

    type = "Reshape"
    section = "reshape_param"
    table = Table(
        "ReshapeParameter",
        (
            Option("shape", Table("BlobShape", (Option("dim", Kind.INT64, repeated=True, low=-1),))),
            Option("axis", Kind.INT32, 0, help="the first axis that changes"),
            Option("num_axes", Kind.INT32, -1, low=-1, help="how many change; -1: all from axis on"),
        ),
    )

    def new_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """ShapeError if the elements do not fit."""
        options, dims = self.options, list(self.options.shape.dim)
        if dims.count(-1) > 1:
            raise self.error("only one dim may be -1", at=options.shape.position("dim", dims.index(-1)))
        start = options.axis if options.axis >= 0 else len(shape) + 1 + options.axis
        stop = len(shape) if options.num_axes < 0 else start + options.num_axes
        if not 0 <= start <= stop <= len(shape):
            raise self.shape_error(
                f"axis {options.axis} and num_axes {options.num_axes} do not fit a bottom of shape {shape}"
            )
        for k, dim in enumerate(dims):
            if dim == 0:
                if start + k >= len(shape):
                    raise self.shape_error(f"dim {k} is 0, to be kept, but the bottom {shape} has no axis {start + k}")
                dims[k] = shape[start + k]
        known = math.prod(n for n in (*shape[:start], *dims, *shape[stop:]) if n != -1)
        if -1 in dims:
            if known == 0 or math.prod(shape) % known:
                raise self.shape_error(f"{shape} does not divide into {dims} from axis {start} on")
            dims[dims.index(-1)] = math.prod(shape) // known
        new = (*shape[:start], *dims, *shape[stop:])
        if math.prod(new) != math.prod(shape):
            raise self.shape_error(f"{shape} has {math.prod(shape)} elements, {new} would have {math.prod(new)}")
        return new
