"""Running a net on an image in tiles, exactly: what comes out is what the whole image gives.

A tile of the output is made from all that its elements see of the input (`blob_fields`), so no element sees an
edge that is not the image's own, and there are no seams. In a net that pads, a tile's inner edges are padded as
well; what sees that padding is made too and thrown away. In a net with strides a tile begins where every blob has an
element, and is a whole number of such steps long: in a net that comes back to its input's size what goes down must come
up as long. The results differ from the whole's by float rounding only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from pysketch.convolution import POINT, Fields, ReceptiveField
from pysketch.errors import NetdefError
from pysketch.layers import Layer
from pysketch.net.lifetimes import data_bytes
from pysketch.net.net import Net

_MOST_WORK = 25
"""How many times as many inputs as it makes outputs a tile may read: else the net works mostly in vain."""

BUDGET = 256 << 20
"""Bytes of blobs up to which an image is done whole, and which a tile chosen here takes at most."""


@dataclass(frozen=True)
class Piece:
    """A tile along one axis: `seen` of the input is read; of what the net makes of it `kept` becomes `made`."""

    seen: slice
    kept: slice
    made: slice


Tile = tuple[Piece, Piece]
"""(vertical, horizontal)."""

Size = tuple[int, int]
"""(height, width)."""


def blob_fields(net: Net, source: str) -> dict[str, Fields | NetdefError]:
    """What an element of each blob that depends on the blob `source` sees of it, or an error that says why not.

    Derived from what the layers say of themselves (`Layer.receptive_field`), from first to last.
    """
    fields: dict[str, Fields | NetdefError] = {source: (POINT, POINT)}
    for layer in net.layers:
        names = layer.definition.bottom
        for k, top in enumerate(layer.definition.top):
            read = names[k : k + 1] if layer.as_many_tops_as_bottoms else names
            if any(name in fields for name in read):
                fields[top] = _top_fields(layer, [fields.get(name) for name in read])
    return fields


def whole_image(size: Size, out_size: Size) -> Tile:
    """The tile that is the whole image."""
    return tuple(Piece(slice(0, n), slice(0, out), slice(0, out)) for n, out in zip(size, out_size, strict=True))


class Tiling:
    """Cuts the output of a net with one input and one output into tiles.

    fields: what the output sees of the input. grid: in steps of so many inputs every blob has an element. NetdefError
    if it is not known, or nothing.
    """

    def __init__(self, net: Net) -> None:
        self.net = net
        self.source, target = net.inputs[0], net.outputs[0]
        found = blob_fields(net, self.source)
        nothing = NetdefError(f'{net.netdef.filename}: the output "{target}" sees nothing of the input "{self.source}"')
        fields = found.get(target, nothing)
        if isinstance(fields, NetdefError):
            raise fields
        self.fields: Fields = fields
        known = [fields for fields in found.values() if not isinstance(fields, NetdefError)]
        self.grid: Size = tuple(math.lcm(*(fields[axis].stride.numerator for fields in known)) for axis in (0, 1))
        # what the first element of every blob sees: with fewer inputs a layer may have no room for any
        self._smallest = tuple(max(fields[axis].seen_range(0, 1)[1] for fields in known) for axis in (0, 1))

    def cut(self, size: Size, out_size: Size, side: int) -> list[Tile]:
        """Tiles of at most side x side outputs, equally large, so that a few may overlap by an element.

        size, out_size: (height, width) of the input and of the output that the net makes of it.
        """
        axes = (self._cut_axis(axis, size[axis], out_size[axis], side) for axis in (0, 1))
        return list(product(*axes))

    def largest_side(self, size: Size, out_size: Size, budget: int) -> int:
        """The side of the largest tile whose blobs take at most `budget` bytes; 1 if none does. Reshapes the net."""

        def needed(side: int) -> int:
            lengths = (self._seen_length(axis, side) for axis in (0, 1))
            return self.blob_bytes(tuple(min(pair) for pair in zip(size, lengths, strict=True)))

        return max(1, bisect_right(range(1, max(out_size) + 1), budget, key=needed))

    def least_side(self) -> int:
        """The side of the smallest tile worth drawing: strides aside, it reads at most 25 times what it makes."""
        sees = [(field.seen_range(0, 1), float(field.stride)) for field in self.fields]
        reach = math.sqrt(_MOST_WORK) - 1
        return max(1, *(math.ceil((last - first - stride) / (reach * stride)) for (first, last), stride in sees))

    def blob_bytes(self, size: Size) -> int:
        """What the data of all blobs take for an input of this height and width. Reshapes the net."""
        source = self.net.blobs[self.source]
        source.reshape(*source.shape[:2], *size)
        self.net.reshape()
        return data_bytes(self.net.blobs.values(), self.net.slots)

    def _cut_axis(self, axis: int, size: int, out_size: int, side: int) -> list[Piece]:
        count = -(-out_size // side)
        if count == 1:
            return [whole_image((size, size), (out_size, out_size))[axis]]
        length = -(-out_size // count)
        starts = ((out_size - length) * k // (count - 1) for k in range(count))
        return [self._piece(axis, size, start, start + length) for start in starts]

    def _piece(self, axis: int, size: int, start: int, stop: int) -> Piece:
        field, grid, smallest = self.fields[axis], self.grid[axis], self._smallest[axis]
        first, last = field.seen_range(start, stop)
        first = max(0, min(first, size - smallest)) // grid * grid
        last = min(size, first + -(-(max(last, first + smallest) - first) // grid) * grid)
        shift = int(Fraction(first) / field.stride)
        return Piece(slice(first, last), slice(start - shift, stop - shift), slice(start, stop))

    def _seen_length(self, axis: int, side: int) -> int:
        """How many inputs a tile needs at most, the way to the grid included: whole steps of it."""
        (first, last), grid = self.fields[axis].seen_range(0, side), self.grid[axis]
        return -(-(max(last - first, self._smallest[axis]) + grid - 1) // grid) * grid


def _top_fields(layer: Layer, seen: Sequence[Fields | NetdefError | None]) -> Fields | NetdefError:
    """What a top sees through a layer whose bottoms see this; None: a bottom does not depend on the source."""
    errors = [fields for fields in seen if isinstance(fields, NetdefError)]
    if errors:
        return errors[0]
    own = layer.receptive_field()
    if own is None or None in seen:
        what = "does not say what it sees of its bottoms" if own is None else "reads what is not made from the image"
        return layer.error(f"a {layer.type} layer {what}, so the image cannot be drawn in tiles")
    axes = [_united([fields[axis].then(own[axis]) for fields in seen]) for axis in (0, 1)]
    if None in axes:
        return layer.error("its bottoms have different strides, so the image cannot be drawn in tiles")
    return axes[0], axes[1]


def _united(fields: Sequence[ReceptiveField]) -> ReceptiveField | None:
    result: ReceptiveField | None = fields[0]
    for field in fields[1:]:
        result = result.united(field) if result else None
    return result
