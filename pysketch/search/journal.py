"""Photos that are enrolled wait in an SQLite file beside the gallery until they are put into it.

`gallery.h5.enrolling`: what is committed to it is on the disk, whatever becomes of the process. It is also the lock:
who writes a gallery has it open and locked, one at a time, and the lock ends with its process. Removed when nobody
waits; what was in it is overwritten first.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from pysketch.errors import GalleryError
from pysketch.files import PRIVATE, as_read, erase, left_behind, overwrite
from pysketch.search.gallery_file import Identity, checksums
from pysketch.search.portraits import Columns, Portrait, as_bytes, as_text, columns_of

_VERSION = 1
_BLOCK = 256
_COLUMNS = "digest, person, path, eyes, outline, detail, sketch, photo, sums"
_IDENTITY = "CREATE TABLE identity (net TEXT NOT NULL, description INTEGER NOT NULL)"
_PORTRAITS = (
    "CREATE TABLE portraits (number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, person BLOB NOT NULL, "
    "path BLOB NOT NULL, eyes BLOB NOT NULL, outline BLOB NOT NULL, detail BLOB NOT NULL, sketch BLOB NOT NULL, "
    "photo BLOB NOT NULL, sums BLOB NOT NULL)"
)
_PACKED = {"names": "person", "paths": "path", "sketches": "sketch", "photos": "photo"}
_MISFIT = "a row that does not fit"
_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What SQLite raises of a file that is damaged: the second where its own message quotes what is no text in it."""

_SETTINGS = (
    "locking_mode=EXCLUSIVE",
    "journal_mode=TRUNCATE",
    "synchronous=EXTRA",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "trusted_schema=OFF",
)


def journal_path(gallery: str | os.PathLike[str]) -> Path:
    """Where photos wait for this gallery; of links to one gallery it is the same."""
    return Path(f"{os.path.realpath(gallery)}.enrolling")


def old_path(gallery: str | os.PathLike[str]) -> Path:
    """What a gallery's old file is called from when the new one takes its place until it is overwritten."""
    return Path(f"{os.path.realpath(gallery)}.erasing")


class Journal:
    """The photos that wait for a gallery, and the lock on it: a context manager; GalleryError if somebody else has it.

    What killed processes have left behind beside the gallery is erased first.
    """

    def __init__(self, gallery: str | os.PathLike[str]) -> None:
        self.gallery = Path(gallery)
        self.path = journal_path(gallery)
        self._base = self._open()
        try:
            self._check_schema()
            clean_up(self.gallery)
        except BaseException:
            if not os.path.getsize(self.path):  # made, but the disk is full
                for each in (f"{self.path}-journal", self.path):
                    with suppress(OSError):  # Windows removes no file that is open; it does no harm
                        os.unlink(each)
            self._base.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        """How many photos wait."""
        return self._number("SELECT count(*) FROM portraits")

    @property
    def identity(self) -> Identity | None:
        """Who drew and described those that wait; None if nobody waits."""
        found = self._rows("SELECT net, description FROM identity")
        if not (found and len(self)):
            return None
        if [type(each) for each in found[0]] != [str, int]:
            raise self._damaged("it does not say which net drew")
        return Identity(*found[0])

    def begin(self, identity: Identity) -> None:
        """Say who draws and describes what is added; GalleryError if others wait that were drawn otherwise."""
        waiting = self.identity
        if waiting and waiting != identity:
            raise GalleryError(
                f"{self.gallery}: {len(self)} photos that wait to be put into it were {waiting.difference(identity)}; "
                f"go on with that, or delete {self.path} and enrol them again"
            )
        with self._changes():
            self._base.execute("DELETE FROM identity")
            self._base.execute("INSERT INTO identity VALUES (?, ?)", identity)

    def add(self, portraits: Sequence[Portrait]) -> None:
        """Keep them, in their order: on the disk when this returns. Who is there already is kept as it is."""
        if not portraits:
            return
        sums = checksums(columns_of(portraits)).astype("<u4")
        with self._changes():
            for each, summed in zip(portraits, sums, strict=True):
                numbers = each.eyes.astype("<f4"), each.outline.astype("|i1"), each.detail.astype("|i1")
                row = (each.digest, as_bytes(each.person), as_bytes(each.path), *(part.tobytes() for part in numbers))
                self._base.execute(
                    f"INSERT OR IGNORE INTO portraits ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, each.sketch, each.photo, summed.tobytes()),
                )

    def people(self) -> dict[bytes, tuple[str, str]]:
        """The digest of each photo that waits -> its person and its path."""
        rows = self._rows("SELECT digest, person, path FROM portraits ORDER BY number")
        if not all(isinstance(each, bytes) for row in rows for each in row):
            raise self._damaged(_MISFIT)
        return {digest: (as_text(person), as_text(path)) for digest, person, path in rows}

    def drop(self, digests: Collection[bytes]) -> None:
        """Overwrite the photos of these digests, where they wait."""
        if digests:
            with self._changes():
                self._base.executemany("DELETE FROM portraits WHERE digest = ?", [(each,) for each in digests])

    def widths(self) -> tuple[int, int]:
        """How many numbers an outline and a detail have; see `Source`."""
        found = self._rows("SELECT length(outline), length(detail) FROM portraits LIMIT 1")
        return (int(found[0][0]), int(found[0][1])) if found else (0, 0)

    def total(self, name: str) -> int:
        """How many bytes the packed column of all that wait has; each photo's name is counted."""
        return self._number(f"SELECT coalesce(sum(length({_PACKED[name]})), 0) FROM portraits")

    def blocks(self) -> Iterator[tuple[Columns, np.ndarray]]:
        """All that wait, in order, 256 at a time, with their sums."""
        last, widths = -1, self.widths()
        query = f"SELECT number, {_COLUMNS} FROM portraits WHERE number > ? ORDER BY number LIMIT {_BLOCK}"
        while rows := self._rows(query, last):
            last = rows[-1][0]
            yield columns_of([self._portrait(row[1:], widths) for row in rows]), self._sums(rows)

    def finish(self) -> None:
        """Overwrite and remove the file: nobody waits any longer. Ends the lock, too."""
        self._end()

    def close(self) -> None:
        """End the lock; the file stays if somebody waits in it. A second time nothing happens."""
        try:
            waiting = len(self)
        except sqlite3.ProgrammingError:  # closed already
            return
        except GalleryError:
            waiting = 1
        if waiting:
            if not self._base.in_transaction:  # then SQLite's own journal is empty
                with suppress(OSError):  # Windows removes no file that is open; it does no harm
                    os.unlink(f"{self.path}-journal")
            self._base.close()
        else:
            self._end()

    def _end(self) -> None:
        """Overwritten while it is locked and still has its name, so that nobody takes it for a new one."""
        with open(self.path, "r+b", buffering=0) as stream:
            overwrite(stream)
            erase(f"{self.path}-journal")
            removed = True
            try:
                self.path.unlink()
            except PermissionError:  # Windows removes no file that is open
                removed = False
            self._base.close()
        if not removed:
            self.path.unlink()

    def _open(self) -> sqlite3.Connection:
        """The file, made if need be, and locked. Where it was removed meanwhile it is opened again."""
        try:
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
            before = self._inode()
            base = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        except (OSError, sqlite3.OperationalError) as error:
            raise GalleryError(
                f"{self.gallery}: cannot be written: {getattr(error, 'strerror', None) or error}"
            ) from None
        try:
            for setting in _SETTINGS:
                base.execute(f"PRAGMA {setting}")
            base.execute("BEGIN EXCLUSIVE")
            base.execute("COMMIT")
        except sqlite3.OperationalError as error:
            base.close()
            if "locked" in str(error):
                raise GalleryError(
                    f"{self.gallery}: another process is writing it; wait until it is done, or enrol into another file"
                ) from None
            raise GalleryError(f"{self.path}: cannot be written: {_told(error)}") from None
        except _DAMAGE as error:
            base.close()
            if before == self._inode():
                with self.path.open("rb") as stream:
                    erased = stream.read(16) == bytes(16)
                if not erased:
                    raise self._damaged(error) from None
                erase(self.path)  # a process was killed while it did so
            return self._open()
        if before != self._inode():
            base.close()
            return self._open()
        return base

    def _inode(self) -> int | None:
        """Which file has the name now; None: none."""
        try:
            return os.stat(self.path).st_ino
        except FileNotFoundError:
            return None

    def _check_schema(self) -> None:
        """Make the tables in an empty file; GalleryError for any others."""
        found = sorted(sql for (sql,) in self._rows("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
        if not found:
            with self._changes():
                for sql in (_IDENTITY, _PORTRAITS, f"PRAGMA user_version={_VERSION}"):
                    self._base.execute(sql)
        elif found != sorted([_IDENTITY, _PORTRAITS]) or self._number("PRAGMA user_version") != _VERSION:
            raise GalleryError(f"{self.path}: expected photos that wait to be enrolled, found another SQLite file")

    def _changes(self) -> _Changes:
        return _Changes(self)

    def _rows(self, query: str, *values: object) -> list[tuple]:
        try:
            return self._base.execute(query, values).fetchall()
        except sqlite3.ProgrammingError:
            raise
        except _DAMAGE as error:
            raise self._damaged(error) from None

    def _number(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def _portrait(self, row: tuple, widths: tuple[int, int]) -> Portrait:
        """A row, if it is of the right sizes; GalleryError."""
        fits = all(isinstance(each, bytes) for each in row)
        if not fits or (len(row[0]), len(row[3]), len(row[4]), len(row[5]), len(row[8])) != (32, 16, *widths, 8):
            raise self._damaged(_MISFIT)
        digest, person, path, eyes, outline, detail, sketch, photo, _ = row
        numbers = (np.frombuffer(part, "|i1") for part in (outline, detail))
        eyes = np.frombuffer(eyes, "<f4").reshape(2, 2)
        return Portrait(as_text(person), as_text(path), digest, eyes, *numbers, sketch, photo)

    def _sums(self, rows: list[tuple]) -> np.ndarray:
        return np.frombuffer(b"".join(row[-1] for row in rows), "<u4").reshape(-1, 2)

    def _damaged(self, why: object) -> GalleryError:
        return GalleryError(
            f"{self.path}: damaged, so that the photos that wait in it cannot be read ({_told(why)}); delete it, and "
            "the same command enrols them again"
        )


class _Changes:
    """One transaction: all of it is on the disk at its end, or nothing."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._base = journal, journal._base

    def __enter__(self) -> None:
        try:
            self._base.execute("BEGIN IMMEDIATE")
        except _DAMAGE as error:
            raise GalleryError(f"{self._journal.path}: cannot be written: {_told(error)}") from None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            try:
                self._base.execute("COMMIT")
                return
            except _DAMAGE as late:
                error = late
        with suppress(*_DAMAGE):  # a full disk has rolled it back already
            self._base.execute("ROLLBACK")
        if isinstance(error, _DAMAGE):
            raise GalleryError(f"{self._journal.path}: cannot be written: {_told(error)}") from None


def waiting(gallery: str | os.PathLike[str]) -> int | None:
    """How many photos wait to be put into a gallery; None while somebody writes it."""
    rows = _looked_up(gallery, "SELECT count(*) FROM portraits")
    return None if rows is None else int(rows[0][0]) if rows else 0


def waiting_photos(gallery: str | os.PathLike[str]) -> list[tuple[bytes, str, str]] | None:
    """Of each photo that waits to be put into a gallery its digest, person and path; None while somebody writes it."""
    rows = _looked_up(gallery, "SELECT digest, person, path FROM portraits ORDER BY number")
    if rows is None:
        return None
    if not all(isinstance(each, bytes) for row in rows for each in row):
        raise GalleryError(f"{journal_path(gallery)}: damaged: {_MISFIT}")
    return [(digest, as_text(person), as_text(path)) for digest, person, path in rows]


def _looked_up(gallery: str | os.PathLike[str], query: str) -> list[tuple] | None:
    """Rows of the journal, which SQLite first sets right; [] where nobody waits, None while somebody writes it."""
    path = journal_path(gallery)
    if not path.exists():
        return []
    base = sqlite3.connect(f"{path.as_uri()}?mode=rw", timeout=0, uri=True)
    try:
        return base.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        return None if "locked" in str(error) else []
    except _DAMAGE as error:
        raise GalleryError(
            f"{path}: damaged, so that the photos that wait in it cannot be read ({_told(error)})"
        ) from None
    finally:
        base.close()


def _told(error: object) -> str:
    """SQLite's message on a line, which may quote what stands in a damaged file."""
    return as_read(" ".join(str(error).split())[:200])


def clean_up(gallery: Path) -> None:
    """Erase what killed processes have left behind, which the lock says that nobody needs."""
    for path in left_behind(gallery):
        erase(path)
    old = old_path(gallery)
    if old.exists() and gallery.exists() and os.path.samefile(old, gallery):
        old.unlink()  # killed before the new one took its place: the link is all that is too much
    else:
        erase(old)
