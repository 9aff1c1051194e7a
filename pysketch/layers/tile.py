"""Tile: a blob several times, one behind the other along an axis."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.convolution import POINT, Fields
from pysketch.device import Array, Blob
from pysketch.layers.axes import canonical_axis, split_at
from pysketch.layers.base import Layer, register
from pysketch.netdef import Kind, Option, Table


@register
class Tile(Layer):
    """y is the bottom `tiles` times, one behind the other along `axis`; dx is the sum of dy's parts."""

    type = "Tile"
    section = "tile_param"
    table = Table(
        "TileParameter",
        (
            Option("axis", Kind.INT32, 1, help="which axis; -1: the last one"),
            Option("tiles", Kind.INT32, required=True, low=1, help="how often"),
        ),
    )

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis."""
        self.axis = canonical_axis(self, self.options.axis, bottom[0].shape)
        self.mixes_batch = self.axis == 0
        self._before_image = self.axis < len(bottom[0].shape) - 2

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The axis is `tiles` times as long."""
        shape = list(bottom[0].shape)
        shape[self.axis] *= self.options.tiles
        top[0].reshape(*shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the bottom into every tile."""
        x = bottom[0].data
        outer, length, inner = split_at(x.shape, self.axis)
        self._tiles(top[0].data, x.shape)[...] = x.reshape(outer, 1, length * inner)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Add the tiles' diffs up."""
        if propagate_down[0]:
            dx = bottom[0].diff
            dx[...] = self._tiles(top[0].diff, dx.shape).sum(axis=1).reshape(dx.shape)

    def receptive_field(self) -> Fields | None:
        """Of images repeated along their channels an element sees its own place."""
        return (POINT, POINT) if self._before_image else None

    def _tiles(self, y: Array, shape: tuple[int, ...]) -> Array:
        """(outer, tiles, a tile), a view."""
        outer, length, inner = split_at(shape, self.axis)
        return y.reshape(outer, self.options.tiles, length * inner)
