"""A gallery's file: HDF5 for others, mapped into memory by a table of contents of our own, so that nothing is loaded.

The first 4096 bytes are HDF5's user block. In it: `MAGIC`, the CRC-32 of what follows in hex, a line break, then JSON
and zeros: the version, the net's SHA-256, the version of `describe`, the file's size, and for each column where it
lies, its type, shape and CRC-32. Behind it is a common HDF5 file whose datasets, contiguous and without filters, are
these columns; any HDF5 library reads them. We do not: a stranger's file reaches no HDF5 library, and so no link,
filter or type of it does either.

Columns: those of `Columns`, a packed one as `NAME` and `NAME_ends`; `sums`: for each photo the CRC-32 of what is
searched and told of it, and that of its pictures. The small columns are checked when the file is opened, the sums of a
photo's row by `check_rows`. `impostors` and `impostor_counts`: how near its own people come to each other, measured
when it is written (`confidence.Impostors`); no numbers where they are too few.

A file is written whole, beside the old one, and renamed over it: a killed process leaves the old one. A new one may be
read and written by its owner alone.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import h5py
import numpy as np

from pysketch.errors import GalleryError, counted
from pysketch.files import PRIVATE, atomic_path, describe
from pysketch.search.confidence import Impostors, enrolled_impostors
from pysketch.search.describe import DESCRIPTION, DETAIL
from pysketch.search.portraits import Columns, Packed
from pysketch.weights import new_hdf5

MAGIC = b"pysketch gallery\n"
VERSION = 1

_HEADER = 4096
_ALIGNED = 64  # what places in the file are multiples of
_BLOCK = 1024  # photos copied at a time
_FRAMEWORK = 1 << 16  # bytes of the impostors, and that HDF5 needs, at most
_LONGEST_NAME, _LONGEST_PATH = 1 << 12, 1 << 15  # bytes
_WIDEST = 1 << 16  # numbers of an outline or a detail
_PACKED = ("names", "paths", "sketches", "photos")
_TYPES = {
    "person": ("<i4", ()),
    "digests": ("|u1", (32,)),
    "eyes": ("<f4", (2, 2)),
    "outlines": ("|i1", None),
    "details": ("|i1", None),
    "sums": ("<u4", (2,)),
    "impostors": ("<f4", ()),
    "impostor_counts": ("<i8", ()),
    **dict.fromkeys(_PACKED, ("|u1", ())),
    **dict.fromkeys([f"{name}_ends" for name in _PACKED], ("<i8", ())),
}
"""Column -> its type, and the shape of a row; None: one number, how many, the file says."""
_CHECKED = ("person", "sums", "impostors", "impostor_counts", "names", *(f"{name}_ends" for name in _PACKED))
"""Columns whose CRC-32 is checked when a file is opened; the others, but for the outlines, have their rows' sums."""


class Identity(NamedTuple):
    """What two galleries must share to be compared: net: SHA-256 of the net file, hex; description: its version."""

    net: str
    description: int

    def difference(self, other: Identity) -> str:
        """What makes another identity another one, in words; "" if nothing does."""
        if self.net != other.net:
            return f"drawn by another net ({self.net[:12]}, not {other.net[:12]}; SHA-256 of its file)"
        if self.description != other.description:
            return f"described by version {self.description}, not {other.description}, of this search"
        return ""


class Damage(NamedTuple):
    """A photo that is not what was written: its row; whose it is, which is known as names have a sum of their own.

    path: its file; sound: whether that, and all that is searched and told of it, is what was written: else the path may
    be what is damaged. pictures: whether its pictures are not what was written.
    """

    row: int
    person: str
    path: str
    sound: bool
    pictures: bool


class Source(Protocol):
    """Photos that can be written: how many, how wide, and the photos themselves, some at a time."""

    def __len__(self) -> int:
        """How many photos."""

    def widths(self) -> tuple[int, int]:
        """How many numbers an outline and a detail have."""

    def total(self, name: str) -> int:
        """How many bytes the packed column has in all; of the names, where some are told twice, at most."""

    def blocks(self) -> Iterator[tuple[Columns, np.ndarray | None]]:
        """All photos in order, in blocks, each with its sums if they are known."""


@dataclass(frozen=True)
class Part:
    """Rows of some columns, in the order in which they are to be written: a `Source`.

    sums: the checksums of all the columns' photos, where they come from a file: what is damaged there stays known as
    damaged. Without them they are worked out.
    """

    columns: Columns
    rows: np.ndarray
    sums: np.ndarray | None = None

    def __len__(self) -> int:
        """How many photos."""
        return len(self.rows)

    def widths(self) -> tuple[int, int]:
        """How many numbers an outline and a detail have."""
        return self.columns.outlines.shape[1], self.columns.details.shape[1]

    def total(self, name: str) -> int:
        """How many bytes the packed column has in these rows."""
        if name == "names":
            return int(self.columns.names.lengths()[np.unique(self.columns.person[self.rows])].sum())
        return int(getattr(self.columns, name).lengths()[self.rows].sum())

    def blocks(self) -> Iterator[tuple[Columns, np.ndarray | None]]:
        """1024 photos at a time."""
        for first in range(0, len(self.rows), _BLOCK):
            rows = self.rows[first : first + _BLOCK]
            yield self.columns.take(rows), None if self.sums is None else self.sums[rows]


Progress = Callable[[str, int, int], object]
"""Told now and then what is being done, in words, and of how many steps how many are."""


def no_progress(what: str, done: int, total: int) -> None:
    """Tells nobody."""


def write_gallery(
    path: str | os.PathLike[str], identity: Identity, parts: Sequence[Source], progress: Progress = no_progress
) -> None:
    """Write all photos of the parts, in order, as one gallery; people of one name become one person.

    In blocks of 1024 photos: what is not in memory already does not come there. progress: photos written, then people
    compared. GalleryError if it cannot be written, or if the parts do not fit together.
    """
    widths = {part.widths() for part in parts}
    if len(widths) != 1:
        raise GalleryError(f"{path}: expected descriptions of one size, found {sorted(widths)}")
    try:
        with atomic_path(path, PRIVATE) as temporary:
            layout = {"userblock_size": _HEADER, "alignment_threshold": 1, "alignment_interval": _ALIGNED}
            with new_hdf5(temporary, _size(parts, *next(iter(widths))), **layout) as file:
                contents = _write_columns(file, parts, *widths.pop(), progress)
                contents |= _write_impostors(file, identity, progress)
            _write_header(temporary, identity, contents)
    except (OSError, RuntimeError) as error:  # HDF5's own are either
        raise GalleryError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None


def checksums(columns: Columns) -> np.ndarray:
    """(N, 2) uint32: each photo's CRC-32 of its digest, eyes, outline, detail, name and path; that of its pictures."""
    rows = np.arange(len(columns))
    return np.column_stack([_sums_told(columns, rows), _sums_of_pictures(columns, rows)])


def _sums_told(columns: Columns, rows: np.ndarray) -> np.ndarray:
    numbers = (columns.digests, columns.eyes.astype("<f4", copy=False), columns.outlines, columns.details)
    parts = [np.ascontiguousarray(each[rows]).view(np.uint8) for each in numbers]
    fixed = np.concatenate([part.reshape(len(rows), math.prod(part.shape[1:])) for part in parts], axis=1)
    names, paths = columns.names.strings(columns.person[rows]), columns.paths.strings(rows)
    told = zip(fixed, names, paths, strict=True)
    return np.array([zlib.crc32(b"%s\0%s" % (name, path), zlib.crc32(each)) for each, name, path in told], np.uint32)


def _sums_of_pictures(columns: Columns, rows: np.ndarray) -> np.ndarray:
    pairs = zip(columns.sketches.strings(rows), columns.photos.strings(rows), strict=True)
    return np.array([zlib.crc32(photo, zlib.crc32(sketch)) for sketch, photo in pairs], np.uint32)


_NOT_AS_MANY = "what is to be written is damaged: it is not as much as it says"


class _Column:
    """A dataset that is written from its start to its end, and the CRC-32 of that."""

    def __init__(self, file: h5py.File, name: str, shape: tuple[int, ...]) -> None:
        self._type = np.dtype(_TYPES[name][0])
        self._dataset = file.create_dataset(name, shape, self._type)
        self._at = self._crc = 0

    def write(self, values: np.ndarray) -> None:
        """The next rows."""
        values = np.ascontiguousarray(values, self._type)
        if self._at + len(values) > len(self._dataset):
            raise OSError(_NOT_AS_MANY)
        if values.size:
            self._dataset[self._at : self._at + len(values)] = values
        self._at += len(values)
        self._crc = zlib.crc32(values, self._crc) if values.size else self._crc

    def entry(self) -> dict[str, Any]:
        """What the table of contents says of it, when all of it is written."""
        if self._at != len(self._dataset):
            raise OSError(_NOT_AS_MANY)
        kind, shape = self._type.str, list(self._dataset.shape)
        offset = self._dataset.id.get_offset() if self._dataset.size else 0
        return {"type": kind, "shape": shape, "offset": offset, "crc": self._crc}


def _size(parts: Sequence[Source], outline: int, detail: int) -> int:
    """How many bytes the file takes at most."""
    row = 4 + 32 + 16 + 8 + 8 * len(_PACKED) + outline + detail  # names_ends has no more rows than photos
    packed = sum(part.total(name) for part in parts for name in _PACKED)
    return _HEADER + _FRAMEWORK + row * sum(map(len, parts)) + packed


def _write_columns(
    file: h5py.File, parts: Sequence[Source], outline: int, detail: int, progress: Progress
) -> dict[str, dict[str, Any]]:
    """All columns; their table of contents."""
    count = sum(map(len, parts))
    rows = {"person": (), "digests": (32,), "eyes": (2, 2), "outlines": (outline,), "details": (detail,), "sums": (2,)}
    columns = {name: _Column(file, name, (count, *row)) for name, row in rows.items()}
    columns |= {name: _Column(file, name, (sum(part.total(name) for part in parts),)) for name in _PACKED[1:]}
    columns |= {f"{name}_ends": _Column(file, f"{name}_ends", (count,)) for name in _PACKED[1:]}
    numbers: dict[bytes, int] = {}
    ends = dict.fromkeys(_PACKED[1:], 0)
    written = 0
    for part in parts:
        for block, sums in part.blocks():
            columns["sums"].write(checksums(block) if sums is None else sums)
            columns["person"].write(_numbered(block, numbers))
            for name in ("digests", "eyes", "outlines", "details"):
                columns[name].write(getattr(block, name))
            for name in _PACKED[1:]:
                packed = getattr(block, name)
                columns[name].write(packed.content)
                columns[f"{name}_ends"].write(packed.ends + ends[name])
                ends[name] += len(packed.content)
            written += len(block)
            progress("photos written", written, count)
    names = Packed.of(numbers)
    for name, values in (("names", names.content), ("names_ends", names.ends)):
        columns[name] = _Column(file, name, values.shape)
        columns[name].write(values)
    file.flush()
    return {name: column.entry() for name, column in columns.items()}


def _write_impostors(file: h5py.File, identity: Identity, progress: Progress) -> dict[str, dict[str, Any]]:
    """How near the people who were written come to each other; their table of contents."""
    details = file["details"]

    def described(rows: np.ndarray) -> np.ndarray:
        order = np.argsort(rows)  # HDF5 takes rows in their order only
        values = np.empty((len(rows), DETAIL), np.int8)
        values[order] = details[rows[order]]
        return values

    sample = None
    if identity.description == DESCRIPTION and details.shape[1] == DETAIL:
        sketches = Packed(file["sketches"], file["sketches_ends"][:])
        sample = enrolled_impostors(file["person"][:], sketches, described, partial(progress, "people compared"))
    kept = (sample.distances, sample.counts) if sample else (np.empty(0), np.empty(0))
    columns = {}
    for name, values in zip(("impostors", "impostor_counts"), kept, strict=True):
        columns[name] = _Column(file, name, values.shape)
        columns[name].write(values)
    file.flush()
    return {name: column.entry() for name, column in columns.items()}


def _numbered(block: Columns, numbers: dict[bytes, int]) -> np.ndarray:
    """Each photo's person by number; new people get the next ones, in the order of their first photos."""
    people, first = np.unique(block.person, return_index=True)
    people = people[np.argsort(first)]
    new = np.zeros(len(block.names), np.int32)
    new[people] = [numbers.setdefault(name, len(numbers)) for name in block.names.strings(people)]
    return new[block.person]


def _write_header(path: Path, identity: Identity, contents: dict[str, dict[str, Any]]) -> None:
    table = {"version": VERSION, **identity._asdict(), "size": path.stat().st_size, "columns": contents}
    text = json.dumps(table, separators=(",", ":")).encode()
    header = b"%s%08x\n%s" % (MAGIC, zlib.crc32(text), text)
    assert len(header) <= _HEADER  # 16 columns of at most 200 bytes each
    with path.open("r+b") as stream:
        stream.write(header.ljust(_HEADER, b"\0"))


class GalleryFile:
    """A gallery's file, mapped: `identity`, `columns`, `sums`. GalleryError if it is none, another one's or cut short.

    impostors: how near its own people come to each other, None where that was not measured.
    Nothing is read but the small columns and what is looked at. Whoever maps it while it is written anew keeps the old
    one, until that is erased (`check_present`).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._bytes = _map(self.path)
        table = _table(self._bytes, path)
        self.identity = Identity(table["net"], table["description"])
        self._contents = table["columns"]
        arrays = {name: self._array(name) for name in _TYPES}
        self._arrays = dict(arrays)
        self.sums = arrays.pop("sums")
        sample = Impostors(arrays.pop("impostors"), arrays.pop("impostor_counts"))
        self.impostors = sample if len(sample.counts) else None
        packed = {name: Packed(arrays.pop(name), arrays.pop(f"{name}_ends")) for name in _PACKED}
        self.columns = Columns(**packed, **arrays)
        for name in _CHECKED:
            self.check_column(name)
        self._check_together()

    def check_column(self, name: str) -> None:
        """GalleryError if a column, such as "outlines", is not what was written; reads all of it."""
        self.check_present()
        if zlib.crc32(self._arrays[name].reshape(-1).view(np.uint8)) != self._contents[name]["crc"]:
            raise GalleryError(
                f"{self.path}: damaged: its {name} column is not what was written; restore a copy, or enrol anew"
            )

    def check_rows(self, rows: np.ndarray) -> None:
        """GalleryError if what is searched and told of one of these photos is not what was written."""
        self.check_present()
        bad = self._damaged(rows, 0)
        if len(bad):
            which = f"photo {bad[0]} is" if len(bad) == 1 else f"{len(bad)} photos are"
            raise GalleryError(f"{self.path}: damaged: {which} not what was written; {_VERIFY.format(self.path)}")

    def check_pictures(self, row: int) -> None:
        """GalleryError if the pictures of a photo's row are not what was written."""
        self.check_present()
        if len(self._damaged(np.array([row]), 1)):
            raise GalleryError(f"{self.path}: damaged: the pictures of photo {row}; {_VERIFY.format(self.path)}")

    def check_present(self) -> None:
        """GalleryError if somebody has erased the file that is mapped, as removing a person does; open it anew then."""
        if self._bytes[: len(MAGIC)].tobytes() != MAGIC:
            raise GalleryError(
                f"{self.path}: was written anew, without somebody, and the old one erased; open it again"
            )

    def damaged(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows of which what is searched and told is not what was written; those whose pictures are not."""
        rows = np.arange(len(self.columns))
        return self._damaged(rows, 0), self._damaged(rows, 1)

    def damage(self) -> list[Damage]:
        """What `damaged` finds, photo by photo, and whose photo each is."""
        told, pictures = (set(map(int, rows)) for rows in self.damaged())
        found = []
        for row in sorted(told | pictures):
            photo = self.columns.name_of(row), self.columns.path_of(row)
            found.append(Damage(row, *photo, row not in told, row in pictures))
        return found

    def _damaged(self, rows: np.ndarray, which: int) -> np.ndarray:
        """Those of the rows whose first or second sum is not that of what stands in them; 1024 at a time."""
        found = [rows[:0]]
        for first in range(0, len(rows), _BLOCK):
            block = rows[first : first + _BLOCK]
            found.append(block[_SUMS[which](self.columns, block) != self.sums[block, which]])
        return np.concatenate(found)

    def _array(self, name: str) -> np.ndarray:
        entry = self._contents[name]
        kind = np.dtype(entry["type"])
        nbytes = math.prod(entry["shape"]) * kind.itemsize
        content = self._bytes[entry["offset"] : entry["offset"] + nbytes]
        return content.view(kind).reshape(entry["shape"]) if nbytes else np.empty(entry["shape"], kind)

    def _check_together(self) -> None:
        """GalleryError if the columns do not fit together."""
        columns, count = self.columns, len(self.columns)
        lengths = {len(getattr(columns, name)) for name in ("paths", "sketches", "photos", "digests", "eyes")}
        lengths |= {len(columns.outlines), len(columns.details), len(self.sums)}
        sound = lengths == {count} and all(getattr(columns, name).is_sound() for name in _PACKED)
        if sound and count:
            longest = max(columns.names.lengths(), default=0), columns.paths.lengths().max()
            sound = longest[0] <= _LONGEST_NAME and longest[1] <= _LONGEST_PATH
            sound = sound and columns.person.min() >= 0 and columns.person.max() < len(columns.names)
        if not (sound and (self.impostors is None or self.impostors.is_sound())):
            raise GalleryError(f"{self.path}: damaged: its columns do not fit together")


_SUMS = _sums_told, _sums_of_pictures
_VERIFY = "tools/gallery.py {} verify says what is lost"


def _map(path: Path) -> np.ndarray:
    """All bytes of a file, (size,) uint8, mapped and not to be written; GalleryError if it is none."""
    try:
        with open(path, "rb", opener=_open_without_waiting) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise GalleryError(f"{path}: expected a gallery, found no file")
            if not status.st_size:
                raise GalleryError(f"{path}: expected a gallery, found an empty file")
            return np.frombuffer(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except FileNotFoundError:
        hint = ""
        waits = Path(f"{os.path.realpath(path)}.enrolling")
        if waits.exists() and waits.stat().st_size:
            hint = "; photos wait to be put into it: enrol them again, and enrolling goes on where it stopped"
        raise GalleryError(f"{path}: no such gallery{hint}") from None
    except (OSError, ValueError) as error:
        raise GalleryError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _open_without_waiting(path: str, flags: int) -> int:
    """For open(): of a pipe nobody waits for the other end."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _table(content: np.ndarray, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The table of contents, every value in it checked; GalleryError."""
    header = content[:_HEADER].tobytes()
    if not header.startswith(MAGIC):
        kind = describe(header) or "something else"
        raise GalleryError(f"{path}: expected a gallery as tools/enroll.py writes it, found {kind}")
    crc, text = header[len(MAGIC) : len(MAGIC) + 8], header[len(MAGIC) + 9 :].rstrip(b"\0")
    if crc != b"%08x" % zlib.crc32(text):
        what = "cut short" if len(content) < _HEADER else "damaged: its table of contents is not what was written"
        raise GalleryError(f"{path}: {what}")
    try:
        table = json.loads(text)
        version = table["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise GalleryError(f"{path}: no gallery: it has no table of contents") from None
    if version != VERSION:
        found = version if isinstance(version, int) else "of another kind"
        raise GalleryError(f"{path}: a gallery of version {found}; this pysketch reads version {VERSION}: enrol anew")
    problem = _problem(table)
    if problem:
        raise GalleryError(f"{path}: no gallery: {problem}")
    if table["size"] > len(content):
        lost = table["size"] - len(content)
        missing = f"{counted(lost, 'byte')} of {table['size']} {'is' if lost == 1 else 'are'}"
        raise GalleryError(f"{path}: cut short: the last {missing} missing")
    if table["size"] < len(content):
        raise GalleryError(f"{path}: damaged: expected {table['size']} bytes, found {len(content)}")
    return table


def _problem(table: dict[str, Any]) -> str:
    """What is wrong with a table of contents of this version, or ""."""
    net, columns = table.get("net"), table.get("columns")
    if not (isinstance(net, str) and len(net) == 64 and set(net) <= set("0123456789abcdef")):
        return "it does not say which net drew"
    if not (_is_count(table.get("description")) and _is_count(table.get("size"))):
        return "it does not say how photos are described"
    if not (isinstance(columns, dict) and set(columns) == set(_TYPES)):
        return f"expected the columns {', '.join(_TYPES)}"
    places = [(_HEADER - 1, _HEADER)]
    for name, (kind, row) in _TYPES.items():
        entry = columns[name]
        if not (isinstance(entry, dict) and set(entry) == {"type", "shape", "offset", "crc"} and entry["type"] == kind):
            return f"expected {name} of type {kind}"
        shape, offset = entry["shape"], entry["offset"]
        if not (isinstance(shape, list) and shape and all(map(_is_count, [*shape, offset, entry["crc"]]))):
            return f"{name} has no shape or no place"
        fits = len(shape) == 2 and 0 < shape[1] <= _WIDEST if row is None else tuple(shape[1:]) == row
        if not fits or offset % _ALIGNED:
            return f"{name} has another shape or place than it may have"
        nbytes = math.prod(shape) * np.dtype(kind).itemsize
        places += [(offset, offset + nbytes)] if nbytes else []
    places.sort()
    if any(end > start for (_, end), (start, _) in pairwise(places)) or places[-1][1] > table["size"]:
        return "its columns do not lie one after the other in it"
    return ""


def _is_count(value: Any) -> bool:
    """Whether it is a whole number from 0 to 2^62."""
    return type(value) is int and 0 <= value <= 1 << 62
