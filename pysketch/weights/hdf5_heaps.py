"""Whether an HDF5 file's global heaps, where texts of variable length are, can be read without an endless loop.

The HDF5 library goes through the objects of a heap by their sizes, and for ever if one of them has no size. A heap
collection is "GCOL", a version (1), 3 bytes, its whole size; then objects: index (2 bytes), reference count (2), 4
bytes, size (8), the data up to a multiple of 8 bytes. Index 0 is the free rest: its size counts these 16 bytes too.
All numbers are little-endian. Source: HDF5 File Format Specification 3.0, III.E.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

_SIGNATURE, _HEADER, _OBJECT = b"GCOL", struct.Struct("<4sB3xQ"), struct.Struct("<HHIQ")


def has_sound_heaps(path: str | os.PathLike[str]) -> bool:
    """False if the objects of a heap in the file do not end where the heap does."""
    with Path(path).open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(_is_sound(content, start) for start in _heaps(content))


def _heaps(content: mmap.mmap) -> Iterator[int]:
    start = content.find(_SIGNATURE)
    while start >= 0:
        yield start
        start = content.find(_SIGNATURE, start + 1)


def _is_sound(content: mmap.mmap, start: int) -> bool:
    if start + _HEADER.size > len(content):
        return False
    _, version, size = _HEADER.unpack_from(content, start)
    place, end = start + _HEADER.size, start + size
    if version != 1 or end > len(content):
        return False
    while place + _OBJECT.size <= end:
        index, _, _, length = _OBJECT.unpack_from(content, place)
        step = _OBJECT.size + -(-length // 8) * 8 if index else length
        if step < _OBJECT.size:
            return False
        place += step
    return place <= end
