"""Memory for those blobs of a net that nobody reads after its forward: used again once the last reader is done.

A lifetime is a stretch of layers, from the one that first writes a memory to the last one that reads it. Lifetimes
that do not overlap share a slot, so a chain of layers takes two slots, whatever its length. Which lifetimes share is
settled once, from the order of the layers and the blobs' first shapes; how large a slot is follows the shapes of each
forward. Slots are kept from one forward to the next: while shapes stay, nothing is allocated.

What a Concat joins by its channels is written where it belongs from the start, if nobody reads it later and only layers
touch it that take images as they lie: then the Concat has nothing to copy (`join_concats`). Not on a GPU.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType

import numpy as np

from pysketch.device import Array, Blob
from pysketch.layers import Layer


@dataclass(eq=False)
class Lifetime:
    """Indices of the first layer that writes, and of the last that reads or writes, the memory of some blobs.

    Blobs in place, and a split's tops with its bottom, are one memory; name, blob: the first of them. reader: the
    name of the last layer. whole: the lifetime of the Concat's top in which it lies, if it does, in these channels.
    """

    name: str
    blob: Blob
    first: int
    last: int
    reader: str
    whole: Lifetime | None = None
    channels: slice | None = None

    def lend_part(self, shape: tuple[int, ...]) -> Array:
        """The channels of the whole, which takes a shape that fits this one; images are contiguous."""
        whole = self.whole.blob
        whole.reshape(shape[0], whole.shape[1], *shape[2:])
        return whole.data[:, self.channels]

    def give_back(self) -> None:
        """Let go of the data; from now on reading or writing them is an error."""
        self.blob.borrow_data(self._refuse)

    def _refuse(self, shape: tuple[int, ...]) -> Array:
        raise ValueError(
            f'blob "{self.name}": no data: its memory is given back when layer "{self.reader}" has run; '
            f'to read it later, name it in the net\'s option: Net(..., keep=["{self.name}"])'
        )


class Slot:
    """One array that lifetimes borrow one after the other; as large as the largest of them was when it last ran."""

    def __init__(self, xp: ModuleType, dtype: np.dtype) -> None:
        self.xp = xp
        self.dtype = dtype
        self.lifetimes: list[Lifetime] = []
        self._current: Lifetime | None = None
        self._counts: dict[Lifetime, int] = {}
        self._array: Array | None = None

    @property
    def planned(self) -> int:
        """The number of elements of the largest blob, as the blobs' shapes stand."""
        return max(lifetime.blob.count for lifetime in self.lifetimes)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 0 if self._array is None else self._array.nbytes

    def begin(self, index: int) -> None:
        """Before layer `index`: what it is the first to write may borrow; whoever still does has to give back."""
        for lifetime in self.lifetimes:
            if lifetime.first == index:
                if self._current is not None:
                    self._current.give_back()
                self._current = lifetime
                lifetime.blob.borrow_data(partial(self._lend, lifetime))

    def end(self, index: int) -> None:
        """After layer `index`: what it was the last to read is given back."""
        if self._current is not None and self._current.last == index:
            self._current.give_back()
            self._current = None

    def _lend(self, lifetime: Lifetime, shape: tuple[int, ...]) -> Array:
        """An array of this shape, uninitialised."""
        self._counts[lifetime] = math.prod(shape)
        count = max(self._counts.values())
        if self._array is None or self._array.size != count:
            self._array = None  # first, so that the old and the new one are never there together
            self._array = self.xp.empty(count, self.dtype)
        return self._array[: self._counts[lifetime]].reshape(shape)


class Slots:
    """The slots of a net's lifetimes, which give back what they hold at once; without lifetimes nothing is changed."""

    def __init__(self, lifetimes: Sequence[Lifetime], xp: ModuleType, dtype: np.dtype) -> None:
        self.slots: list[Slot] = []
        self.parts = [lifetime for lifetime in lifetimes if lifetime.whole]
        for part in self.parts:
            part.give_back()
        for lifetime in sorted(lifetimes, key=lambda lifetime: lifetime.first):
            if lifetime.whole:
                continue
            free = [slot for slot in self.slots if slot.lifetimes[-1].last < lifetime.first]
            if not free:
                free = [Slot(xp, dtype)]
                self.slots += free
            _best_fit(free, lifetime.blob.count).lifetimes.append(lifetime)
            lifetime.give_back()

    @property
    def nbytes(self) -> int:
        """Bytes held by all slots."""
        return sum(slot.nbytes for slot in self.slots)

    def begin(self, index: int) -> None:
        """Before layer `index` runs, its reshape included."""
        for slot in self.slots:
            slot.begin(index)
        for part in self.parts:
            if part.first == index:
                part.blob.borrow_data(part.lend_part)

    def end(self, index: int) -> None:
        """After layer `index` has run."""
        for part in self.parts:
            if part.last == index:
                part.give_back()
        for slot in self.slots:
            slot.end(index)


def find_lifetimes(
    layers: Sequence[Layer],
    bottoms: Sequence[Sequence[Blob]],
    tops: Sequence[Sequence[Blob]],
    kept: Collection[Blob],
) -> list[Lifetime]:
    """The lifetimes of all memory but that of the kept blobs, in the order in which they begin."""
    found: dict[object, Lifetime] = {}
    for index, layer in enumerate(layers):
        names = (*layer.definition.bottom, *layer.definition.top)
        for name, blob in zip(names, (*bottoms[index], *tops[index]), strict=True):
            lifetime = found.setdefault(blob.place, Lifetime(name, blob, index, index, layer.name))
            lifetime.last, lifetime.reader = index, layer.name
    places = {blob.place for blob in kept}
    for place in places:
        found.pop(place, None)
    join_concats(found, layers, bottoms, tops)
    return list(found.values())


def join_concats(
    lifetimes: Mapping[object, Lifetime],
    layers: Sequence[Layer],
    bottoms: Sequence[Sequence[Blob]],
    tops: Sequence[Sequence[Blob]],
) -> None:
    """Let what a Concat is the last to read lie in its top, whose lifetime then begins with the first of its parts."""
    in_images = dict.fromkeys(lifetimes, True)
    for layer, bottom, top in zip(layers, bottoms, tops, strict=True):
        for blob in (*bottom, *top):
            in_images[blob.place] = in_images.get(blob.place, True) and vars(type(layer)).get("takes_images", False)
    for index, (layer, bottom, top) in enumerate(zip(layers, bottoms, tops, strict=True)):
        whole = lifetimes.get(top[0].place) if layer.joins_channels else None
        if whole is None or whole.first != index or len(top[0].shape) != 4 or top[0].xp is not np:
            continue
        places = [blob.place for blob in bottom]
        wholes = {lifetime.whole for lifetime in lifetimes.values()}
        stops = itertools.accumulate(blob.shape[1] for blob in bottom)
        for place, blob, stop in zip(places, bottom, stops, strict=True):
            part = lifetimes.get(place)
            if part is None or part in wholes or part.last != index or places.count(place) > 1 or not in_images[place]:
                continue
            part.whole, part.channels = whole, slice(stop - blob.shape[1], stop)
            whole.first = min(whole.first, part.first)


def data_bytes(blobs: Iterable[Blob], slots: Slots) -> int:
    """Bytes that the data of a net's blobs take at their present shapes, made or not; shared memory counts once."""
    sizes: dict[object, int] = {}
    for slot in slots.slots:
        sizes |= {lifetime.blob.place: 0 for lifetime in slot.lifetimes}
    sizes |= {part.blob.place: 0 for part in slots.parts}
    for blob in blobs:
        sizes.setdefault(blob.place, blob.count * blob.dtype.itemsize)
    return sum(sizes.values()) + sum(slot.planned * slot.dtype.itemsize for slot in slots.slots)


def _best_fit(slots: Sequence[Slot], count: int) -> Slot:
    """The smallest that is large enough, else the largest; a new one, without lifetimes, stands alone."""
    if len(slots) == 1:
        return slots[0]
    enough = [slot for slot in slots if slot.planned >= count]
    return min(enough, key=lambda slot: slot.planned) if enough else max(slots, key=lambda slot: slot.planned)
