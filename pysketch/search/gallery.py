"""A gallery of photos, searched by sketches."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pysketch.drawing import choose_faces
from pysketch.errors import DataError, GalleryError
from pysketch.files import as_read
from pysketch.images import align as brought
from pysketch.images import as_photo, decode_picture, to_luma
from pysketch.search.describe import FRAME
from pysketch.search.gallery_file import GalleryFile
from pysketch.search.matching import Query

SHORTLIST = 1000
"""How many portraits are compared in every detail."""


class Match(NamedTuple):
    """A person who was found.

    name: the photo's stem, or the person's folder. distance: 0 (the same) to 2. false_accept_rate: how often somebody
    else is as near, None if that is not known. path: the photo's file, as it was enrolled. row: the photo's number.
    """

    name: str
    distance: float
    false_accept_rate: float | None
    path: str
    row: int


class Gallery:
    """A gallery that tools/enroll.py wrote: `find` says who in it looks most like a sketch.

    The file is mapped into memory: nothing is read but what is looked at. GalleryError if it is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = GalleryFile(path)
        self._outlines_checked = False  # when they are searched first, which reads them all
        self.identity = self._file.identity
        self.columns = self._file.columns

    def __len__(self) -> int:
        """How many photos it holds."""
        return len(self.columns)

    @property
    def people(self) -> int:
        """How many people it holds."""
        return len(self.columns.names)

    def find(self, sketch: Any, n: int = 10, *, align: str | None = None, eyes: Any = None) -> list[Match]:
        """The n people nearest to a sketch, nearest first, each by the nearest of their photos.

        sketch: a path, a Pillow image or an array, as `as_photo` takes it. align, eyes: as `choose_faces` takes them.
        DataError for what is no picture, or has no face or several where one is to be found.
        """
        return self.find_aligned(aligned_sketch(sketch, align, eyes), n)

    def find_aligned(self, sketch: np.ndarray, n: int = 10) -> list[Match]:
        """The same, of an aligned sketch, grey uint8 (250, 200) or its centre."""
        query = Query(sketch)
        if not self._outlines_checked:
            self._file.check_column("outlines")
            self._outlines_checked = True
        coarse = query.outline_distances(self.columns.outlines)
        count = min(max(SHORTLIST, n), len(coarse))
        rows = np.sort(np.argpartition(coarse, count - 1)[:count]) if count else np.empty(0, int)
        self._file.check_rows(rows)
        distances = query.distances(self.columns.details[rows])
        found: dict[int, Match] = {}
        for k in np.argsort(distances, kind="stable"):
            row = int(rows[k])
            person = int(self.columns.person[row])
            if person not in found:
                name, path = self.columns.name_of(row), self.columns.path_of(row)
                found[person] = Match(name, float(distances[k]), None, path, row)
            if len(found) == n:
                break
        return list(found.values())

    def sketch(self, row: int) -> np.ndarray:
        """What the net has drawn of a photo, grey uint8, (250, 200) or its centre; GalleryError if it is damaged."""
        self._file.check_pictures(row)
        return _small(
            decode_picture(self.columns.sketches[row], f"{self._file.path}: the sketch of photo {row}", False)
        )

    def photo(self, row: int) -> np.ndarray:
        """The aligned photo, (250, 200, 3) uint8: the thumbnail or, where none is kept, the photo's file, aligned.

        GalleryError if the thumbnail is damaged, or if the file is not the one that was enrolled.
        """
        self._file.check_pictures(row)
        kept = self.columns.photos[row]
        if kept:
            return _small(decode_picture(kept, f"{self._file.path}: the thumbnail of photo {row}", True))
        return self._photo_file(row)

    def _photo_file(self, row: int) -> np.ndarray:
        """The file is known by its SHA-256: what a stranger's gallery names is not shown, nor waited for."""
        self._file.check_rows(np.array([row]))
        path, why = Path(self.columns.path_of(row)), "is no longer there"
        if path.is_file():
            content = path.read_bytes()
            why = "is another file than the one that was enrolled"
            if hashlib.sha256(content).digest() == self.columns.digests[row].tobytes():
                picture, eyes = decode_picture(content, os.fspath(path), True), self.columns.eyes[row]
                return picture if np.isnan(eyes).any() else brought(picture, eyes)
        raise GalleryError(f"{self._file.path}: keeps no thumbnail of photo {row}, and {as_read(path)} {why}")


def _small(picture: np.ndarray) -> np.ndarray:
    """A picture that a gallery keeps; GalleryError for a larger one than enrolling makes."""
    if picture.shape[0] > FRAME[0] or picture.shape[1] > FRAME[1]:
        raise GalleryError(f"expected a picture of 200x250 pixels, found {picture.shape[1]}x{picture.shape[0]}")
    return picture


def aligned_sketch(sketch: Any, align: str | None = None, eyes: Any = None) -> np.ndarray:
    """A sketch from wherever, brought into the frame: grey uint8 (250, 200), or its centre if it is aligned already."""
    picture = as_photo(sketch)
    faces = choose_faces(picture, align, eyes).faces
    if faces is not None and len(faces) != 1:
        raise DataError(f"expected one face in the sketch, found {len(faces)}; say which by its eyes")
    return to_luma(np.ascontiguousarray(picture if faces is None else brought(picture, faces[0])))
