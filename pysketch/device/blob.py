"""Blobs: the arrays between layers, and the params inside them, each with its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np

from pysketch.device.backend import Array

LARGEST = 2**31 - 1
"""Elements of a blob, at most: Caffe's limit."""


class _Cell:
    """A place for one array, which several blobs may share; `make` gives an array of a shape, None: zeros."""

    __slots__ = ("array", "make")

    def __init__(self) -> None:
        self.array: Array | None = None
        self.make: Callable[[tuple[int, ...]], Array] | None = None


class Blob:
    """An n-dimensional array `data` and, of the same shape, its gradient `diff`.

    Both are made, filled with zeros, when first asked for: a blob that is never read costs nothing.
    `share_data` and `share_diff` make two blobs one memory; a split's tops and params shared by name
    do that. The attributes are pycaffe's, so a Python layer written for it finds what it expects.
    """

    def __init__(self, shape: tuple[int, ...] = (), dtype: type = np.float32, xp: ModuleType = np) -> None:
        self._shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.xp = xp
        self._data = _Cell()
        self._diff = _Cell()

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes; () for a loss."""
        return self._shape

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self._shape)

    @property
    def data(self) -> Array:
        """The values; write into them, as in ``blob.data[...] = x``."""
        return self._array(self._data)

    @property
    def diff(self) -> Array:
        """The gradient of the net's loss with respect to `data`."""
        return self._array(self._diff)

    def reshape(self, *shape: int | tuple[int, ...]) -> None:
        """Give the blob another shape; values survive if the number of elements stays the same."""
        first = shape[0] if len(shape) == 1 else None
        self._shape = tuple(int(n) for n in (first if isinstance(first, tuple | list) else shape))

    def share_data(self, other: Blob) -> None:
        """Let `data` be the other blob's memory, seen in this blob's shape."""
        self._data = other._data

    def share_diff(self, other: Blob) -> None:
        """Let `diff` be the other blob's memory, seen in this blob's shape."""
        self._diff = other._diff

    @property
    def place(self) -> object:
        """Where `data` is: the same object for blobs that share it."""
        return self._data

    def borrow_data(self, make: Callable[[tuple[int, ...]], Array]) -> None:
        """Let go of `data`; when next asked for, they are what make(shape) gives (C-contiguous; it may raise)."""
        self._data.array, self._data.make = None, make

    def hold_data(self, array: Array) -> None:
        """Make `array` itself (no copy; C-contiguous) the data, and its shape the blob's."""
        self._shape = array.shape
        self._data.array = array

    def hold_diff(self, array: Array) -> None:
        """Make `array` itself (no copy; C-contiguous) the diff; its shape must be the blob's."""
        self._diff.array = array

    @property
    def num(self) -> int:
        """Length of axis 0, or 1: Caffe's legacy name."""
        return self._legacy(0)

    @property
    def channels(self) -> int:
        """Length of axis 1, or 1: Caffe's legacy name."""
        return self._legacy(1)

    @property
    def height(self) -> int:
        """Length of axis 2, or 1: Caffe's legacy name."""
        return self._legacy(2)

    @property
    def width(self) -> int:
        """Length of axis 3, or 1: Caffe's legacy name."""
        return self._legacy(3)

    def _legacy(self, axis: int) -> int:
        return self._shape[axis] if axis < len(self._shape) else 1

    def _array(self, cell: _Cell) -> Array:
        if cell.array is None or cell.array.size != self.count:
            if self.count > LARGEST:
                raise MemoryError(f"a blob of shape {self._shape} has more than {LARGEST} elements")
            cell.array = None  # first, so that the old and the new one are never there together
            cell.array = cell.make(self._shape) if cell.make else self.xp.zeros(self._shape, self.dtype)
        return cell.array if cell.array.shape == self._shape else cell.array.reshape(self._shape)

    def __repr__(self) -> str:
        return f"Blob(shape={self._shape}, dtype={self.dtype})"
