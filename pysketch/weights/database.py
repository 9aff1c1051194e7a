"""Caffe's databases: an LMDB whose values are Datum messages, pictures with labels. The only importer of lmdb.

    records = Records("train_lmdb")
    record = records[0]                   # of len(records), in the order of their keys
    record.name, record.label, record.planes, record.encoded

A database is read only, and never as a whole. What it holds is data: a record that is none is refused in one line.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from pysketch.errors import DataError
from pysketch.shipped import how_to_install
from pysketch.weights.caffe_schema import parse_bytes
from pysketch.weights.lmdb_pages import check_pages

FILE = "data.mdb"  # in an LMDB's folder


def is_lmdb(path: str | os.PathLike[str]) -> bool:
    """Does a folder look like an LMDB?"""
    return (Path(path) / FILE).is_file()


@dataclass(frozen=True)
class Record:
    """A Datum. planes: (C, H, W) uint8 or float32, or None if it is a picture file's bytes, `encoded`."""

    name: str
    label: int
    planes: np.ndarray | None
    encoded: bytes = b""


class Records:
    """The records of an LMDB, by their number, in the order of their keys; one after the other costs least.

    path: the database's folder, or its file. DataError if there is none, if it is damaged or empty, or if the
    library lmdb is not installed. May be read in one thread after the other, not in two at once.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._open()

    def __len__(self) -> int:
        """How many records there are."""
        return self._count

    def __getitem__(self, index: int) -> Record:
        """The record; IndexError beyond the last one, DataError, with its key, for one that is no Datum."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        if self._cursor is None:
            self._open()
        try:
            self._go_to(index)
            key, value = bytes(self._cursor.key()), bytes(self._cursor.value())
        except _lmdb().Error as error:
            raise DataError(f"{self.path}: record {index} cannot be read: {error}") from None
        return _parse(f'{self.path}: record "{_printable(key)}"', value)

    def close(self) -> None:
        """Let go of the file; a later access opens it again."""
        self._cursor = self._transaction = self._environment = None

    def _open(self) -> None:
        self._environment = _environment(self.path)
        self._transaction = self._environment.handle.begin(buffers=True)
        self._cursor = self._transaction.cursor()
        self._at: int | None = None
        self._count = self._environment.handle.stat()["entries"]
        if not self._count:
            raise DataError(f"{self.path}: the database is empty")

    def _go_to(self, index: int) -> None:
        """Move the cursor there, from where it is or from the first record, whichever is behind and nearer."""
        if self._at is None or self._at > index:
            self._at, found = 0, self._cursor.first()
        else:
            found = True
        while found and self._at < index:
            found = self._cursor.next()
            self._at += 1
        if not found:
            message = f"{self.path}: has fewer records than the {self._count} it says; was it cut off?"
            self._at = None
            raise DataError(message)


class _Environment:
    """An open LMDB; a process must not open one twice, so that all who read it share one."""

    def __init__(self, path: str) -> None:
        lmdb, file = _lmdb(), Path(_file(path))
        if not file.is_file():
            what = f"has no {FILE}; is it an LMDB?" if Path(path).is_dir() else "no such file or folder"
            raise DataError(f"{path}: {what}")
        try:
            with file.open("rb") as stream:
                check_pages(stream)
            self.handle = lmdb.open(str(file), subdir=False, readonly=True, lock=False, readahead=False)
        except ValueError as error:
            raise DataError(f"{path}: {file.name} {error}") from None
        except (OSError, lmdb.Error) as error:
            raise DataError(f"{path}: cannot be read: {error}") from None


_OPEN: WeakValueDictionary[str, _Environment] = WeakValueDictionary()
_LOCK = Lock()


def _environment(path: str) -> _Environment:
    with _LOCK:
        place = os.path.realpath(_file(path))
        environment = _OPEN.get(place)
        if environment is None:
            environment = _OPEN[place] = _Environment(path)
        return environment


def _file(path: str) -> str:
    """Of an LMDB's folder its file, else the path itself."""
    return os.path.join(path, FILE) if os.path.isdir(path) else path


def _lmdb() -> ModuleType:
    try:
        import lmdb
    except ImportError:
        raise DataError(f"reading an LMDB needs lmdb; install it with: {how_to_install('lmdb')}") from None
    return lmdb


def _parse(where: str, value: bytes) -> Record:
    """A Datum's values, checked against its size; nothing is made larger than the record."""
    try:
        datum: Any = parse_bytes("Datum", value)
    except ValueError as error:
        raise DataError(f"{where}: not a Datum: {error}") from None
    if datum.encoded:
        if not datum.data:
            raise DataError(f"{where}: says that it holds an image file, but is empty")
        return Record(where, datum.label, None, datum.data)
    shape = datum.channels, datum.height, datum.width
    values = np.frombuffer(datum.data, np.uint8) if datum.data else np.array(datum.float_data, np.float32)
    if min(shape) < 1 or math.prod(shape) != values.size:
        raise DataError(
            f"{where}: has {values.size} values for {shape[0]} x {shape[1]} x {shape[2]} "
            "(channels x height x width); is it a Datum with an image?"
        )
    return Record(where, datum.label, values.reshape(shape))


def _printable(key: bytes) -> str:
    return key.decode("ascii", "backslashreplace").encode("unicode_escape").decode("ascii")
