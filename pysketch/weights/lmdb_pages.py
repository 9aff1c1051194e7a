"""Is an LMDB's file whole? Looked at page by page, before the library, which trusts it, maps it into memory.

A pointer out of the file would end the process there. The layout is LMDB 0.9's (mdb.c, on 64-bit machines): pages of a
B+ tree, all numbers little-endian. Two meta pages, of which the later one counts, name the root; branch pages hold keys
and page numbers, leaf pages keys and values, or the number of the first of the pages that a large value has.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_HEADER = struct.Struct("<QHHHH")  # of a page: its number, pad, kind, where its pointers end, where its nodes begin
_META = struct.Struct("<II 16x I 44x 4xHHQQQQQ QQ")  # behind the header; of two trees the second is the records'
_BRANCH, _LEAF, _DIRTY = 1, 2, 16  # kinds of pages; the last is left over from memory
_NODE = 8  # bytes before a node's key: value's size or page number 4, flags or more of the number 2, key's size 2
_BIG = 1  # flag of a leaf's node: its value has pages of its own; other flags are of databases in databases
_NOWHERE = 2**64 - 1  # the root of an empty tree


@dataclass(frozen=True)
class _Tree:
    """What a meta page says. page: bytes of a page; last: the number of the last one; written: by which transaction."""

    page: int
    flags: int
    depth: int
    entries: int
    root: int
    last: int
    written: int


def check_pages(file: BinaryIO) -> None:
    """ValueError, with what is wrong, unless all that a reader of its records will touch lies within the file.

    Large values are not read, so that a large database costs little: its branch and leaf pages.
    """
    first = _read_meta(file, 0)
    tree = max(first, _read_meta(file, first.page), key=lambda each: each.written)
    size, expected = os.fstat(file.fileno()).st_size, (tree.last + 1) * tree.page
    if size < expected:
        raise ValueError(f"was cut off: {size} bytes, expected at least {expected}")
    if tree.flags:
        raise ValueError("is not a plain database of keys and values")
    pages, found = np.array([tree.root] if tree.root != _NOWHERE else [], np.uint64), 0
    for level in range(tree.depth if len(pages) else 0):
        if len(pages) > tree.last:
            raise ValueError("is damaged: its tree has more pages than the file")
        below = [pages[:0]]
        for number in pages.tolist():
            try:
                children = _read_page(file, tree, number, is_leaf=level == tree.depth - 1)
            except ValueError as error:
                raise ValueError(f"is damaged: page {number}: {error}") from None
            found += len(children) if level == tree.depth - 1 else 0
            below.append(children)
        pages = np.concatenate(below)
    if found != tree.entries:
        raise ValueError(f"is damaged: {found} records, expected {tree.entries}")


def _read_meta(file: BinaryIO, place: int) -> _Tree:
    file.seek(place + _HEADER.size)
    content = file.read(_META.size)
    if len(content) < _META.size:
        raise ValueError("is too short for an LMDB")
    magic, version, page, flags, depth, _, _, _, entries, root, last, written = _META.unpack(content)
    if magic != _MAGIC or version != _VERSION or not 512 <= page <= 65536 or page & (page - 1):
        raise ValueError("is not an LMDB")
    return _Tree(page, flags, depth, entries, root, last, written)


def _read_page(file: BinaryIO, tree: _Tree, number: int, is_leaf: bool) -> np.ndarray:
    """The numbers of the pages below a branch page, of a leaf one for each record; ValueError if it is damaged."""
    if not 2 <= number <= tree.last:
        raise ValueError(f"is not one of {tree.last + 1}")
    file.seek(number * tree.page)
    content = file.read(tree.page)
    own, _, kind, lower, upper = _HEADER.unpack_from(content)
    if own != number or kind & ~_DIRTY != (_LEAF if is_leaf else _BRANCH):
        raise ValueError(f"is not a {'leaf' if is_leaf else 'branch'} of its tree")
    if not _HEADER.size <= lower <= upper <= len(content) or lower % 2:
        raise ValueError("its nodes do not lie in it")
    page = np.frombuffer(content, np.uint8)
    places = page[_HEADER.size : lower].view("<u2").astype(np.int64)
    if len(places) < (1 if is_leaf else 2) or (places < lower).any() or (places > tree.page - _NODE).any():
        raise ValueError("its nodes do not lie in it")
    low, high, flags, key = page[places[:, None] + np.arange(_NODE)].view("<u2").astype(np.int64).T
    value, ends = low | high << 16, places + _NODE + key
    big = (flags == _BIG) if is_leaf else np.zeros(len(places), bool)
    if is_leaf:
        if (flags > _BIG).any():
            raise ValueError("holds a database of its own")
        ends = ends + np.where(big, 8, value)
    if (ends > tree.page).any():
        raise ValueError("a node does not lie in it")
    if not is_leaf:
        return (value | flags << 32).astype(np.uint64)
    firsts = page[(ends - 8)[big][:, None] + np.arange(8)].view("<u8")[:, 0] if big.any() else np.zeros(0, np.uint64)
    room = (np.uint64(tree.last + 1) - np.minimum(firsts, np.uint64(tree.last + 1))).astype(np.int64) * tree.page
    if (firsts < 2).any() or (value[big] + _HEADER.size > room).any():
        raise ValueError("a value does not lie in the file")
    return np.zeros(len(places), np.uint64)
