"""What a gallery keeps of photos: a row for each, columns for what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Portrait:
    """One photo of a person: whose it is, where it came from, what it looks like to the search.

    person: the person's name. path: the photo's file, as it was given. digest: SHA-256 of that file, 32 bytes.
    eyes: (2, 2) float32, the left and the right eye's (x, y) in the photo; NaN where it was taken as it is.
    outline, detail: what `describe` makes of the drawn sketch. sketch, photo: the drawn sketch and the aligned photo
    as picture files (PNG, JPEG); empty where the gallery keeps none.
    """

    person: str
    path: str
    digest: bytes
    eyes: np.ndarray
    outline: np.ndarray
    detail: np.ndarray
    sketch: bytes = b""
    photo: bytes = b""


class Packed:
    """Byte strings of any length in one array: `ends[k]` is where the k-th ends in `content`, and the next begins.

    content: (bytes,) uint8. ends: (N,) int64, not falling.
    """

    def __init__(self, content: np.ndarray, ends: np.ndarray) -> None:
        self.content, self.ends = content, ends

    @classmethod
    def of(cls, strings: Iterable[bytes]) -> Packed:
        """Packs them, in order."""
        strings = list(strings)
        ends = np.cumsum([len(each) for each in strings], dtype=np.int64)
        return cls(np.frombuffer(b"".join(strings), np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, k: int) -> bytes:
        """The k-th, from 0; not from the end."""
        start = int(self.ends[k - 1]) if k else 0
        return self.content[start : int(self.ends[k])].tobytes()

    def strings(self, rows: np.ndarray) -> list[bytes]:
        """Those of the given rows; for many, faster than one by one."""
        rows = np.asarray(rows)
        starts = np.where(rows > 0, self.ends[rows - 1], 0).tolist() if len(rows) else []
        content = memoryview(np.ascontiguousarray(self.content))
        return [bytes(content[start:end]) for start, end in zip(starts, self.ends[rows].tolist(), strict=True)]

    def lengths(self) -> np.ndarray:
        """(N,) int64: how many bytes each has."""
        return np.diff(self.ends, prepend=0)

    def take(self, rows: np.ndarray) -> Packed:
        """Those of the given rows, in their order."""
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
            start = int(self.ends[rows[0] - 1]) if rows[0] else 0
            return Packed(self.content[start : int(self.ends[rows[-1]])], self.ends[rows] - start)
        return Packed.of(self.strings(rows))

    def is_sound(self) -> bool:
        """Whether the ends never fall, below 0 neither, and the last is that of the content."""
        if not len(self.ends):
            return not len(self.content)
        rising = (self.ends[1:] >= self.ends[:-1]).all()  # not their difference, which may overflow
        return bool(rising and self.ends[0] >= 0 and self.ends[-1] == len(self.content))


def as_bytes(name: str) -> bytes:
    """A name or a path as it is kept: UTF-8; what a file's name has that is no text as the bytes that it is."""
    return name.encode(errors="surrogateescape")


def as_text(kept: bytes) -> str:
    """The name or path again. Print it by `files.as_read`: a stranger's may hold what steers a terminal."""
    return kept.decode(errors="surrogateescape")


@dataclass(frozen=True)
class Columns:
    """N photos of P people, column by column; arrays in memory or mapped from a file.

    names: P people's names, UTF-8. person: (N,) int32, the row of names. paths: UTF-8. digests: (N, 32) uint8.
    eyes: (N, 2, 2) float32. outlines: (N, D) and details: (N, E), see `describe`. sketches, photos: picture files.
    """

    names: Packed
    person: np.ndarray
    paths: Packed
    digests: np.ndarray
    eyes: np.ndarray
    outlines: np.ndarray
    details: np.ndarray
    sketches: Packed
    photos: Packed

    def __len__(self) -> int:
        return len(self.person)

    def name_of(self, row: int) -> str:
        """Whose photo the row is."""
        return as_text(self.names[int(self.person[int(row)])])

    def path_of(self, row: int) -> str:
        """The photo's file, as it was enrolled."""
        return as_text(self.paths[int(row)])

    def people(self) -> list[str]:
        """Everybody's name, in the order of `names`."""
        return [as_text(name) for name in self.names.strings(np.arange(len(self.names)))]

    def take(self, rows: np.ndarray) -> Columns:
        """The photos of the given rows, in their order, and the people who are on them."""
        people, person = np.unique(self.person[rows], return_inverse=True)
        return Columns(
            self.names.take(people),
            person.astype(np.int32),
            self.paths.take(rows),
            self.digests[rows],
            self.eyes[rows],
            self.outlines[rows],
            self.details[rows],
            self.sketches.take(rows),
            self.photos.take(rows),
        )


def columns_of(portraits: Sequence[Portrait]) -> Columns:
    """One portrait or more as columns; people in the order in which they first come."""
    names = list(dict.fromkeys(each.person for each in portraits))
    number = {name: k for k, name in enumerate(names)}
    return Columns(
        Packed.of(map(as_bytes, names)),
        np.array([number[each.person] for each in portraits], np.int32),
        Packed.of(as_bytes(each.path) for each in portraits),
        np.stack([np.frombuffer(each.digest, np.uint8) for each in portraits]),
        np.stack([each.eyes for each in portraits]).astype(np.float32),
        np.stack([each.outline for each in portraits]),
        np.stack([each.detail for each in portraits]),
        Packed.of(each.sketch for each in portraits),
        Packed.of(each.photo for each in portraits),
    )
