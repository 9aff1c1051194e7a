"""A gallery's file: HDF5 without chunks or filters, so that it is mapped into memory and nothing is loaded.

Root attributes, all of fixed length: `format`, `version`, `net` (SHA-256 of the net file that drew), `description` (the
version of `describe`). Datasets: the columns of `Columns`; a packed column is `NAME` and `NAME_ends`. `checksums`: a
CRC-32 for each photo's row.

A file is written whole, beside the old one, and renamed over it: a killed process leaves the old one. Nothing in a file
runs code, and nothing outside it is read: external or virtual datasets are refused.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from pysketch.errors import GalleryError
from pysketch.files import atomic_path
from pysketch.search.portraits import Columns, Packed

FORMAT, VERSION = b"pysketch gallery", 1
_BLOCK = 4096  # photos copied at a time
_PACKED = ("names", "paths", "sketches", "photos")
_PLAIN = ("person", "digests", "eyes", "outlines", "details")
_TYPES = {
    "person": ("<i4", ()),
    "digests": ("|u1", (32,)),
    "eyes": ("<f4", (2, 2)),
    "outlines": ("|i1", None),
    "details": ("|i1", None),
    "checksums": ("<u4", ()),
}
"""Column -> its type, and the shape of a row; None: one number, any."""


class Identity(NamedTuple):
    """What two galleries must share to be compared: net: SHA-256 of the net file, hex; description: its version."""

    net: str
    description: int


class Part(NamedTuple):
    """Rows of some columns, in the order in which they are to be written."""

    columns: Columns
    rows: np.ndarray


def write_gallery(path: str | os.PathLike[str], identity: Identity, parts: Sequence[Part]) -> None:
    """Write the rows of the parts, in order, as one gallery; people of one name become one person.

    In blocks of 4096 photos: what is not in memory already does not come there. GalleryError if it cannot be written.
    """
    names, numbers = _join_people(parts)
    count = sum(len(part.rows) for part in parts)
    try:
        with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
            _write_identity(file, identity)
            _write_packed(file, "names", [(Packed.of(names), np.arange(len(names)))])
            for name in _PACKED[1:]:
                _write_packed(file, name, [(getattr(part.columns, name), part.rows) for part in parts])
            for name in _PLAIN:
                _write_plain(file, name, count, parts, numbers)
            sums = file.create_dataset("checksums", (count,), "<u4")
            for at, columns, rows in _blocks(parts):
                sums[at : at + len(rows)] = checksums(columns, rows)
    except OSError as error:
        raise GalleryError(f"{path}: cannot be written: {error.strerror or error}") from None


def checksums(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """(N,) uint32: each photo's CRC-32 of its name, path, digest, eyes, outline, detail and pictures."""
    sums = np.empty(len(rows), np.uint32)
    for k, row in enumerate(map(int, rows)):
        parts = (columns.names[int(columns.person[row])], columns.paths[row], columns.digests[row], columns.eyes[row])
        pictures = columns.sketches[row], columns.photos[row]
        crc = 0
        for part in (*parts, columns.outlines[row], columns.details[row], *pictures):
            crc = zlib.crc32(np.ascontiguousarray(part).tobytes() if isinstance(part, np.ndarray) else part, crc)
        sums[k] = crc
    return sums


def _join_people(parts: Sequence[Part]) -> tuple[list[bytes], list[np.ndarray]]:
    """The names of all, each once, in the order of their first photo; for each part its people's new numbers."""
    number: dict[bytes, int] = {}
    numbers = []
    for columns, rows in parts:
        new = np.full(len(columns.names), -1, np.int32)
        people, first = np.unique(columns.person[rows], return_index=True)
        for person in people[np.argsort(first)]:
            new[person] = number.setdefault(columns.names[int(person)], len(number))
        numbers.append(new)
    return list(number), numbers


def _blocks(parts: Sequence[Part]) -> Iterator[tuple[int, Columns, np.ndarray]]:
    """Where a block begins in the whole, the columns that it is of, and its rows."""
    at = 0
    for columns, rows in parts:
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            yield at, columns, block
            at += len(block)


def _write_identity(file: h5py.File, identity: Identity) -> None:
    values = {"format": FORMAT, "version": VERSION, "net": identity.net.encode(), "description": identity.description}
    for name, value in values.items():
        file.attrs[name] = np.bytes_(value) if isinstance(value, bytes) else np.int64(value)


def _write_packed(file: h5py.File, name: str, parts: Sequence[tuple[Packed, np.ndarray]]) -> None:
    """The content of all rows, one after the other, and where each ends."""
    ends = [np.cumsum(packed.lengths()[rows], dtype=np.int64) for packed, rows in parts]
    starts = np.cumsum([0, *(each[-1] if len(each) else 0 for each in ends)])
    content = file.create_dataset(name, (int(starts[-1]),), "|u1")
    file.create_dataset(f"{name}_ends", data=np.concatenate([e + s for e, s in zip(ends, starts, strict=False)]))
    at = 0
    for packed, rows in parts:
        for first in range(0, len(rows), _BLOCK):
            block = b"".join(packed[int(row)] for row in rows[first : first + _BLOCK])
            content[at : at + len(block)] = np.frombuffer(block, np.uint8)
            at += len(block)


def _write_plain(file: h5py.File, name: str, count: int, parts: Sequence[Part], numbers: Sequence[np.ndarray]) -> None:
    """A column of numbers; `person` in the new numbers of each part's people."""
    width = getattr(parts[0].columns, name).shape[1:]
    column = file.create_dataset(name, (count, *width), _TYPES[name][0])
    renumbered = iter([numbers[k] for k, part in enumerate(parts) for _ in range(0, len(part.rows), _BLOCK)])
    for at, columns, rows in _blocks(parts):
        values, new = getattr(columns, name)[rows], next(renumbered)
        column[at : at + len(rows)] = new[values] if name == "person" else values


class GalleryFile:
    """A gallery's file, mapped: `identity`, `columns`, `sums`. GalleryError if it is none, another one's or cut short.

    Nothing is read but what is looked at. Whoever maps it while it is written anew keeps the old one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            with self.path.open("rb") as stream:
                start = stream.read(8)
            if start != b"\x89HDF\r\n\x1a\n":
                raise GalleryError(f"{path}: expected a gallery as tools/enroll.py writes it, found no HDF5 file")
            with h5py.File(path, "r") as file:
                self.identity = _read_identity(file, path)
                arrays = {name: _mapped(file, name, path) for name in _NAMES}
        except FileNotFoundError:
            raise GalleryError(f"{path}: no such file") from None
        except GalleryError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            raise GalleryError(f"{path}: damaged, or no gallery ({error})") from None
        self.sums = arrays.pop("checksums")
        packed = {name: Packed(arrays.pop(name), arrays.pop(f"{name}_ends")) for name in _PACKED}
        self.columns = Columns(**packed, **arrays)
        self._check(path)

    def _check(self, path: str | os.PathLike[str]) -> None:
        """GalleryError if the columns do not fit together."""
        columns, count = self.columns, len(self.columns)
        lengths = {len(getattr(columns, name)) for name in ("paths", "sketches", "photos", *_PLAIN)} | {len(self.sums)}
        people = columns.person
        if lengths != {count} or not all(getattr(columns, name).is_sound() for name in _PACKED):
            raise GalleryError(f"{path}: damaged: its columns do not fit together")
        if count and not (people.min() >= 0 and people.max() < len(columns.names)):
            raise GalleryError(f"{path}: damaged: a photo of nobody")

    def damaged(self) -> np.ndarray:
        """The rows whose checksum is not that of what stands in them."""
        rows = np.arange(len(self.columns))
        return rows[checksums(self.columns, rows) != self.sums]


_NAMES = (*_PACKED, *(f"{name}_ends" for name in _PACKED), *_PLAIN, "checksums")


def _read_identity(file: h5py.File, path: str | os.PathLike[str]) -> Identity:
    """GalleryError if the file says that it is something else, or of another version."""
    values = {}
    for name in ("format", "version", "net", "description"):
        if name not in file.attrs:
            raise GalleryError(
                f"{path}: expected a gallery as tools/enroll.py writes it, found an HDF5 file without one"
            )
        kind = file.attrs.get_id(name)
        if kind.shape != () or kind.dtype.kind not in "Si" or kind.dtype.itemsize > 64:
            raise GalleryError(f"{path}: damaged: the attribute {name} is {kind.dtype} {kind.shape}")
        values[name] = file.attrs[name]
    if bytes(values["format"]) != FORMAT:
        raise GalleryError(f"{path}: expected a gallery as tools/enroll.py writes it, found another HDF5 file")
    if values["version"] != VERSION:
        raise GalleryError(
            f"{path}: a gallery of version {values['version']}, this pysketch reads version {VERSION}; enrol it anew"
        )
    return Identity(bytes(values["net"]).decode("ascii", "replace"), int(values["description"]))


def _mapped(file: h5py.File, name: str, path: str | os.PathLike[str]) -> np.ndarray:
    """A dataset as an array mapped from the file; GalleryError if it is not plain numbers in this very file."""
    link = file.get(name, getlink=True)
    dataset = file[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset):
        raise GalleryError(f"{path}: damaged, or no gallery: expected the dataset {name} in it")
    plan = dataset.id.get_create_plist()
    kind, row = _TYPES.get(name, ("<i8", ()) if name.endswith("_ends") else ("|u1", ()))
    fits = dataset.dtype == np.dtype(kind) and dataset.ndim >= 1
    fits = fits and (dataset.shape[1:] == row if row is not None else dataset.ndim == 2)
    if not fits or plan.get_layout() != h5py.h5d.CONTIGUOUS or plan.get_external_count():
        raise GalleryError(f"{path}: damaged, or no gallery: {name} is {dataset.dtype} {dataset.shape}")
    if not dataset.size:
        return np.empty(dataset.shape, kind)
    offset = dataset.id.get_offset()
    if offset is None or offset + dataset.nbytes > os.path.getsize(path):
        raise GalleryError(f"{path}: cut short: {name} is not whole")
    return np.memmap(path, kind, "r", offset, dataset.shape)
