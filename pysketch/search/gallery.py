"""A gallery of photos, searched by sketches."""

from __future__ import annotations

import os
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from pysketch.drawing import choose_faces
from pysketch.errors import DataError
from pysketch.images import align as brought
from pysketch.images import as_photo, to_luma
from pysketch.search.gallery_file import GalleryFile
from pysketch.search.indexed import WORTH, Indexed, can_index
from pysketch.search.matching import Query
from pysketch.search.shortlist import SHORTLIST, Exhaustive, Shortlist


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

    index: let FAISS (extra [search]) say which people are compared; None: if it is installed and they are 200,000 or
    more. Its index is made when it is first needed, in seconds, and worth that from some ten sketches on. False: all
    people are gone through. `shortlist` says which it is.
    """

    def __init__(self, path: str | os.PathLike[str], *, index: bool | None = None) -> None:
        self._file = GalleryFile(path)
        self._index, self._lock = index, Lock()
        self._shortlist: Shortlist | None = None
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
        rows = self._find_shortlist().nearest(query.outlines, max(SHORTLIST, n))
        distances = query.distances(self.columns.details[rows])
        found: dict[int, Match] = {}
        for k in np.argsort(distances, kind="stable"):
            row = int(rows[k])
            person = int(self.columns.person[row])
            if person not in found:
                path = self.columns.paths[row].decode(errors="surrogateescape")
                found[person] = Match(self.columns.name_of(row), float(distances[k]), None, path, row)
            if len(found) == n:
                break
        return list(found.values())

    @property
    def shortlist(self) -> str:
        """How the first thousand candidates are found: "exhaustive", "FAISS" or "FAISS, GPU"."""
        return self._find_shortlist().name

    def _find_shortlist(self) -> Shortlist:
        with self._lock:
            if self._shortlist is None:
                wanted = len(self) >= WORTH and can_index() if self._index is None else self._index
                self._shortlist = (Indexed if wanted else Exhaustive)(self.columns.outlines)
        return self._shortlist


def aligned_sketch(sketch: Any, align: str | None = None, eyes: Any = None) -> np.ndarray:
    """A sketch from wherever, brought into the frame: grey uint8 (250, 200), or its centre if it is aligned already."""
    picture = as_photo(sketch)
    faces = choose_faces(picture, align, eyes).faces
    if faces is not None and len(faces) != 1:
        raise DataError(f"expected one face in the sketch, found {len(faces)}; say which by its eyes")
    return to_luma(np.ascontiguousarray(picture if faces is None else brought(picture, faces[0])))
