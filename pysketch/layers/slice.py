"""Slice: a blob cut into several along an axis."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pysketch.convolution import POINT, Fields
from pysketch.device import Blob
from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.concat import given_axis, places
from pysketch.netdef import Kind, Option, Table


@register
class Slice(Layer):
    """The tops are the bottom's parts along `axis`, copied; dx is their diffs, put together again.

    slice_point: where the second, third ... top begins, one fewer than tops; without any all parts are equally long.
    """

    type = "Slice"
    section = "slice_param"
    table = Table(
        "SliceParameter",
        (
            Option("axis", Kind.INT32, 1, help="which axis; -1: the last one"),
            Option("slice_point", Kind.UINT32, repeated=True, help="where parts begin, but for the first"),
            Option("slice_dim", Kind.UINT32, 1, help="old name of axis"),
        ),
    )
    tops = Count(1, None)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis, check the points."""
        options = self.options
        self.axis = canonical_axis(self, given_axis(self, options, "slice_dim"), bottom[0].shape)
        self.mixes_batch = self.axis == 0
        self._before_image = self.axis < len(bottom[0].shape) - 2
        points = options.slice_point
        if points and len(points) != len(top) - 1:
            raise self.error(
                f"{len(points)} slice_point for {len(top)} tops; expected one fewer than tops",
                at=options.position("slice_point"),
            )
        if list(points) != sorted(set(points)) or 0 in points:
            raise self.error(
                f"slice_points must ascend from 1, found {list(points)}", at=options.position("slice_point")
            )

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Each top has its part's length along the axis."""
        shape, axis = bottom[0].shape, self.axis
        for blob, length in zip(top, self._lengths(shape[axis], len(top)), strict=True):
            blob.reshape(*shape[:axis], length, *shape[axis + 1 :])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy every part."""
        for blob, place in zip(top, places(top, self.axis), strict=True):
            blob.data[...] = bottom[0].data[place]

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Copy every part's diff back."""
        if propagate_down[0]:
            for blob, place in zip(top, places(top, self.axis), strict=True):
                bottom[0].diff[place] = blob.diff

    def receptive_field(self) -> Fields | None:
        """Of images cut by their channels an element sees its own place."""
        return (POINT, POINT) if self._before_image else None

    def _lengths(self, length: int, tops: int) -> list[int]:
        points = self.options.slice_point
        if not points:
            if length % tops:
                raise self.shape_error(f"axis {self.axis} of length {length} cannot be cut into {tops} equal parts")
            return [length // tops] * tops
        if points[-1] >= length:
            raise self.shape_error(f"slice_point {points[-1]} is not within axis {self.axis} of length {length}")
        return [stop - start for start, stop in itertools.pairwise((0, *points, length))]
