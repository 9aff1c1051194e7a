"""Concat: several blobs joined along an axis."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from pysketch.convolution import POINT, Fields
from pysketch.device import Blob, add_images, is_same_memory
from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import Kind, Option, Options, Table


@register
class Concat(Layer):
    """y is the bottoms one behind the other along `axis`; their other axes must be equal. dx_k is its part of dy."""

    type = "Concat"
    section = "concat_param"
    table = Table(
        "ConcatParameter",
        (
            Option("axis", Kind.INT32, 1, help="which axis; -1: the last one"),
            Option("concat_dim", Kind.UINT32, 1, help="old name of axis"),
        ),
    )
    bottoms = Count(1, None)
    takes_images = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis."""
        self.axis = canonical_axis(self, given_axis(self, self.options, "concat_dim"), bottom[0].shape)
        self.mixes_batch = self.axis == 0
        self.joins_channels = self.axis == 1
        self._before_image = self.axis < len(bottom[0].shape) - 2

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The bottoms' lengths along the axis, added up."""
        first, axis = bottom[0].shape, self.axis
        for name, blob in zip(self.definition.bottom, bottom, strict=True):
            if without(blob.shape, axis) != without(first, axis) or len(blob.shape) != len(first):
                raise self.shape_error(
                    f'all axes but axis {axis} must be equal, found "{self.definition.bottom[0]}" {first} '
                    f'and "{name}" {blob.shape}'
                )
        length = sum(blob.shape[axis] for blob in bottom)
        top[0].reshape(*first[:axis], length, *first[axis + 1 :])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy every bottom to its place, where it does not lie there already (see `net.lifetimes`)."""
        for blob, place in zip(bottom, places(bottom, self.axis), strict=True):
            target = top[0].data[place]
            if not is_same_memory(target, blob.data):
                add_images([blob.data], target, self.context.workers)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Copy every part of dy back."""
        for blob, place, wanted in zip(bottom, places(bottom, self.axis), propagate_down, strict=True):
            if wanted:
                add_images([top[0].diff[place]], blob.diff, self.context.workers)

    def receptive_field(self) -> Fields | None:
        """Of images joined by their channels an element sees its own place."""
        return (POINT, POINT) if self._before_image else None


def given_axis(layer: Layer, options: Options, old: str) -> int:
    """The option axis or its old name; NetdefError if both are given."""
    if options.given("axis") and options.given(old):
        raise layer.error(f"give either axis or the old {old}, not both", at=options.position(old))
    return getattr(options, old) if options.given(old) else options.axis


def without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The shape without an axis."""
    return shape[:axis] + shape[axis + 1 :]


def places(blobs: Sequence[Blob], axis: int) -> Iterator[tuple[slice, ...]]:
    """Where each blob lies in the whole of them, one behind the other along the axis."""
    stops = list(itertools.accumulate((blob.shape[axis] for blob in blobs), initial=0))
    for start, stop in itertools.pairwise(stops):
        yield (*(slice(None),) * axis, slice(start, stop))
