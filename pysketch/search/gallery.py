"""A gallery of photos, searched by sketches."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from pysketch.device import Workers
from pysketch.drawing import GIVE_EYES, Words, choose_faces
from pysketch.errors import DataError, GalleryError, counted
from pysketch.files import as_read
from pysketch.images import align as brought
from pysketch.images import as_photo, crop_centre, decode_picture, eye_places, frame_sized, to_luma
from pysketch.search.confidence import Confidence, shipped_artists
from pysketch.search.describe import DESCRIPTION, DETAIL, OUTLINE
from pysketch.search.drawn import in_colour
from pysketch.search.gallery_file import GalleryFile
from pysketch.search.indexed import make_shortlist
from pysketch.search.inner import inner_distances
from pysketch.search.matching import Query
from pysketch.search.pixels import pixel_distances
from pysketch.search.shortlist import Shortlist, candidate_count
from pysketch.search.views import FRAME
from pysketch.search.ways import INNER, PIXELS, VIEWS

_OF_KEPT = {INNER: inner_distances, PIXELS: pixel_distances}

logger = logging.getLogger(__name__)

_SKETCH = Words("sketch", "compared", "compares")
_SMALL = 0.5  # sizes of a face beside the frame's that call for a word


class Match(NamedTuple):
    """A person who was found.

    name: the photo's stem, or the person's folder. distance: 1 - the correlation, 0 (the same) to 2; by pixels the sum
    of the squared differences of grey levels. false_accept_rate: the share of other people, 0 to 1, who come as near;
    None if that is not known, as of what looks like a photo. path: the photo's file, as it was enrolled. row: the
    photo's number in the gallery.
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
        self._stamp = _stamp(path)  # of before, so that what is renamed over it meanwhile is opened next time
        self._file = GalleryFile(path)
        self._index, self._lock, self._workers = index, Lock(), Workers()
        self._shortlist: Shortlist | None = None
        self._all_checked = False
        self.identity = self._file.identity
        self.columns = self._file.columns
        self._confidence = Confidence(shipped_artists(), self._file.impostors, self.people)

    def __repr__(self) -> str:
        people = "1 person" if self.people == 1 else f"{self.people} people"
        return f"<Gallery {as_read(self._file.path)}: {counted(len(self), 'photo')} of {people}>"

    def up_to_date(self) -> Gallery:
        """This gallery or, if its file has been written anew since, that; GalleryError if it is none any more."""
        path = self._file.path
        return self if self._stamp and self._stamp == _stamp(path) else Gallery(path, index=self._index)

    def __len__(self) -> int:
        """How many photos it holds."""
        return len(self.columns)

    @property
    def people(self) -> int:
        """How many people it holds."""
        return len(self.columns.names)

    @property
    def rests_on(self) -> str:
        """What `Match.false_accept_rate` was measured on, in words; empty where it is not known."""
        return self._confidence.rests_on

    def find(
        self,
        sketch: Any,
        n: int = 10,
        *,
        align: str | None = None,
        eyes: Any = None,
        match: str = VIEWS,
        say: Callable[[str], object] | None = None,
    ) -> list[Match]:
        """The n people nearest to a sketch, nearest first, each by the nearest of their photos.

        sketch: a path, a Pillow image or an array, as `as_photo` takes it. align, eyes: as `choose_faces` takes them.
        match: what is compared, "views", "inner" or "pixels". say: told what was done with the sketch, if that needs a
        word, such as that it is upside down and compared as it is; None: the log warns, without the file's name.
        ValueError for another n than 1, 2, ..., another align or match, or eyes that are not four numbers; DataError
        for what is no picture, has no lines, or has no face or several where one is to be found; GalleryError if drawn
        sketches are to be compared ("inner", "pixels") and the gallery keeps none.
        """
        _check_count(n)
        picture = as_photo(sketch)
        aligned = aligned_sketch(picture, align, eyes, say or _warn)
        return self.find_aligned(aligned, n, match, of_photo=bool(photo_remark(picture)))

    def find_aligned(
        self,
        sketch: np.ndarray,
        n: int = 10,
        match: str = VIEWS,
        progress: Callable[[int], object] | None = None,
        of_photo: bool = False,
    ) -> list[Match]:
        """The same, of an aligned sketch, grey uint8 (250, 200) or its centre; progress: see `pixel_distances`.

        of_photo: it was made of what looks like a photo (`photo_remark`), on which no false-accept rate was measured.
        """
        _check_count(n)
        check_lines(sketch)
        if match in _OF_KEPT:
            if self._all_checked:
                self._file.check_present()
            else:
                self._file.check_rows(np.arange(len(self)))
                self._all_checked = True
            try:
                distances = _OF_KEPT[match](sketch, self.columns.sketches, progress)
            except GalleryError as error:
                raise GalleryError(f"{self._file.path}: {error}") from None
            return self._nearest(np.arange(len(self)), distances, n)
        if match != VIEWS:
            raise ValueError(f"expected {VIEWS}, {INNER} or {PIXELS}, found {match}")
        shortlist = self._find_shortlist()
        with self._workers.single_threaded_blas():  # its products are small: a second thread would mostly be waited for
            query = Query(sketch)
            rows = shortlist.nearest(query.outlines, max(candidate_count(len(self)), n))
            self._file.check_rows(rows)
            distances = query.distances(self.columns.details[rows])
        found = self._nearest(rows, distances, n)
        if of_photo:
            return found
        return [each._replace(false_accept_rate=self._confidence.rate(each.distance)) for each in found]

    def _nearest(self, rows: np.ndarray, distances: np.ndarray, n: int) -> list[Match]:
        """The n nearest people, each by the nearest of these rows; of equal ones the earlier enrolled."""
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

    @property
    def shortlist(self) -> str:
        """How the first candidates are found: "exhaustive", "FAISS" or "FAISS, GPU"."""
        return self._find_shortlist().name

    def _find_shortlist(self) -> Shortlist:
        with self._lock:
            if self._shortlist is None:
                self._check_description()
                self._file.check_column("outlines")
                self._shortlist = make_shortlist(self.columns.outlines, self._index)
        return self._shortlist

    def _check_description(self) -> None:
        """GalleryError if these descriptions cannot be compared with those that are made here."""
        columns, found = self.columns, self.identity.description
        if found != DESCRIPTION:
            what = f"described as of version {found}, this pysketch describes as of version {DESCRIPTION}"
            raise GalleryError(f"{self._file.path}: {what}; enrol it anew")
        widths = columns.outlines.shape[1:], columns.details.shape[1:]
        if len(self) and widths != ((OUTLINE,), (DETAIL,)):
            raise GalleryError(
                f"{self._file.path}: damaged: expected descriptions of {OUTLINE} and {DETAIL} numbers, found {widths}"
            )

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


def _stamp(path: str | os.PathLike[str]) -> tuple[int, int, int] | None:
    """By what a file that was written anew is known; None where nothing can be seen."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _check_count(n: object) -> None:
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"n, how many people: expected a whole number of 1 or more, found {n!r}")


def check_lines(sketch: np.ndarray) -> None:
    """DataError for blank paper, which is as near to everybody; sketch: grey (H, W)."""
    if sketch.size and sketch.min() == sketch.max():
        raise DataError("no lines in it: every pixel is of the same grey")


def photo_remark(picture: np.ndarray) -> str:
    """What is to be said of a sketch, RGB uint8 (H, W, 3), that looks like a photo; an empty text of any other."""
    return "it has colours: is it a photo? Distances are measured on sketches" if in_colour(picture) else ""


def _warn(remark: str) -> None:
    logger.warning("the sketch: %s", remark)


def _small(picture: np.ndarray) -> np.ndarray:
    """A picture that a gallery keeps; GalleryError for a larger one than enrolling makes."""
    if picture.shape[0] > FRAME[0] or picture.shape[1] > FRAME[1]:
        raise GalleryError(f"expected a picture of 200x250 pixels, found {picture.shape[1]}x{picture.shape[0]}")
    return picture


def aligned_sketch(
    sketch: Any, align: str | None = None, eyes: Any = None, say: Callable[[str], object] | None = None
) -> np.ndarray:
    """A sketch from wherever, brought into the frame: grey uint8 (250, 200), or its centre if it is aligned already.

    sketch: as `as_photo` takes it. align, eyes: as `choose_faces` takes them; but a sketch that has not about the
    frame's size is never taken as it is, unless align is "none". say: told what was done, if that needs a word.
    DataError for what is no picture, has no lines, has no face or several where one is to be found, or is too large to
    be aligned.
    """
    picture = as_photo(sketch)
    check_lines(to_luma(picture))
    size = picture.shape[1], picture.shape[0]
    unasked = align is None and eyes is None and not frame_sized(size)
    faces, remark = choose_faces(picture, "auto" if unasked else align, eyes, _SKETCH)
    if unasked:
        remark = f"not an aligned face of 200x250 pixels: {remark or '1 face found'}, aligned by its eyes"
    if faces is not None and len(faces) != 1:
        raise DataError(f"expected one face in the sketch, found {len(faces)}; say which by its eyes: {GIVE_EYES}")
    remarks = [photo_remark(picture), remark, _how_small(size, None if faces is None else faces[0])]
    if faces is not None:
        picture = brought(picture, faces[0])
    elif frame_sized(size):
        picture = crop_centre(picture, min(size[0], FRAME[1]), min(size[1], FRAME[0]))
    grey = to_luma(np.ascontiguousarray(picture))
    check_lines(grey)
    for each in filter(None, remarks if say else ()):
        say(each)
    return grey


def _how_small(size: tuple[int, int], eyes: np.ndarray | None) -> str:
    """What is to be said of a sketch of this (width, height), or of the face with these eyes in it, that is small."""
    if eyes is not None:
        share = float(np.linalg.norm(np.subtract(*eyes)) / np.linalg.norm(np.subtract(*eye_places(FRAME[::-1]))))
        return f"small: enlarged {1 / share:.1f} times, which makes it no finer" if share < _SMALL else ""
    if size[0] < _SMALL * FRAME[1] or size[1] < _SMALL * FRAME[0]:
        return f"small, {size[0]}x{size[1]} pixels: put at the middle of 200x250, not enlarged"
    return ""
