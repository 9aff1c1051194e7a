"""What the page does, without the browser: pictures read, eyes found and marked, sketches drawn, people looked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pysketch.drawing import Sketcher, draw_faces
from pysketch.errors import DataError, GalleryError, counted
from pysketch.images import (
    SURE,
    align,
    can_find_faces,
    decode_picture,
    draw_polygons,
    eye_places,
    find_faces,
    frame_sized,
    paste,
    picture_size,
    quarter_turns,
    resample,
    seems_aligned,
    to_luma,
)
from pysketch.report import Found, Person, how_sure, pictured
from pysketch.search import VIEWS, Gallery, check_lines, photo_remark
from pysketch.shipped import how_to_install

logger = logging.getLogger(__name__)

MOST_FACES = 20
"""How many faces of one photo are drawn; of more, the largest."""

SHOWN = 400, 1000
"""Pixels of the longer side, at least and at most, of a photo that is shown with its eyes."""

PASTED = 1600
"""Pixels of the longer side, at most, of a photo into which sketches are put back: 12 megapixels would take 3 s."""

_CHOSEN, _OTHER, _EDGE = (230, 0, 80), (0, 90, 220), (255, 255, 255)
_SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
"""Which bars of seven a digit has: a above, b and c at the right, d below, e and f at the left, g in the middle."""
_LIES = {1: "lies on its side: turn it left", 2: "is upside down: turn it", 3: "lies on its side: turn it right"}


class Look(NamedTuple):
    """The eyes of each face, (2, 2) as `find_eyes` gives them; what is to be said; whether the eyes are only a guess.

    There is always one face or more: where none was found, its eyes are where they often are, for somebody to move.
    """

    faces: list[np.ndarray]
    remark: str
    guessed: bool = False


class Drawing(NamedTuple):
    """sketch: of the chosen face, (250, 200). beside: the aligned photo beside it. pasted: all sketches in the photo.

    The photo is reduced for that to PASTED pixels a side. sketch is grey, the others (H, W, 3) RGB, all uint8.
    """

    sketch: np.ndarray
    beside: np.ndarray
    pasted: np.ndarray


class People(NamedTuple):
    """Who was found, nearest first, and in a paragraph how sure that is."""

    nearest: list[Person]
    sure: str


class Studio:
    """Draws for whoever asks, several at a time: each waits at most while one face is drawn for another.

    sketcher: draws. gallery: where people are looked for, opened anew when its file has changed; None: nowhere.
    most_pixels: of a picture; larger ones are refused before they are unpacked.
    """

    def __init__(self, sketcher: Sketcher, gallery: Gallery | None = None, most_pixels: int = 50_000_000) -> None:
        self.gallery = gallery
        self.drawn = sketcher.preprocessing.drawn
        self.most_pixels = most_pixels
        self._sketcher = sketcher
        self._drawing, self._finding, self._opening = threading.Lock(), threading.Lock(), threading.Lock()

    def read(self, content: bytes, name: str) -> np.ndarray:
        """The picture in a file's bytes, (H, W, 3) uint8 RGB; DataError, beginning with the name, for any other."""
        if not content:
            raise DataError(f"{name}: an empty file")
        width, height = picture_size(content, name)
        if width * height > self.most_pixels:
            most = self.most_pixels / 1e6
            raise DataError(
                f"{name}: {width}x{height} pixels; this page takes up to {most:g} million of them, save it smaller"
            )
        return decode_picture(content, name, colour=True)

    def look(self, picture: np.ndarray) -> Look:
        """Whose eyes are where in a photo (H, W, 3) or what is drawn like one, uint8."""
        size = picture.shape[1], picture.shape[0]
        framed = [eye_places(size)]
        if seems_aligned(picture):
            return Look(framed, "Aligned already.")
        if not can_find_faces():
            missing = f"Eyes are not found here, as dlib is not installed ({how_to_install('align')})"
            if frame_sized(size):
                return Look(framed, f"{missing}: taken as aligned already. Move the marks if they are not on the eyes.")
            return Look([_guess(size)], f"{missing}: move the marks to the eyes.", guessed=True)
        with self._finding:  # dlib's detector keeps the picture that it searches
            found = find_faces(picture)
            turns = quarter_turns(picture, found)
        if turns:
            return Look([_guess(size)], f"The picture {_LIES[turns]} and take it again.", guessed=True)
        sure = [face for face in found if face.score >= SURE and _inside(face.eyes, size)]
        largest = sorted(sure, key=lambda face: -face.width)[:MOST_FACES]
        faces = [face.eyes for face in sure if any(face is each for each in largest)]
        if not faces and frame_sized(size):
            return Look(framed, "No face was found: taken as aligned already. Move the marks if they are off.")
        if not faces:
            return Look([_guess(size)], "No face was found: move the marks to the eyes.", guessed=True)
        more = f", the {MOST_FACES} largest are marked" if len(sure) > MOST_FACES else ""
        return Look(faces, f"{counted(len(sure), 'face')} found{more}.")

    def look_at_sketch(self, picture: np.ndarray) -> Look:
        """The same of a sketch that is looked for, with a word if it looks like a photo; DataError for blank paper."""
        check_lines(to_luma(picture))
        look, doubt = self.look(picture), photo_remark(picture)
        return look._replace(remark=f"{look.remark} {doubt[0].upper()}{doubt[1:]}.") if doubt else look

    def draw(self, photo: np.ndarray, faces: Sequence[np.ndarray], chosen: int) -> Drawing:
        """The faces of a photo (H, W, 3) uint8 with these eyes, drawn; DataError for eyes that no face has."""
        memory: dict[bytes, np.ndarray] = {}

        def once(seen: np.ndarray, size_as_input: bool) -> np.ndarray:
            key = seen.tobytes()
            if key not in memory:
                with self._drawing:
                    self._sketcher.net.context.device.synchronize()  # a GPU becomes this thread's, too
                    memory[key] = self._sketcher.draw(seen, size_as_input)
            return memory[key]

        (sketch,) = draw_faces(once, photo, [faces[chosen]], size_as_input=True)
        (beside,) = draw_faces(once, photo, [faces[chosen]], size_as_input=True, beside=True)
        sketches = [once(align(photo, eyes), True) for eyes in faces]
        small, share = _at_most(photo, PASTED)
        return Drawing(sketch, beside, paste(small, sketches, [_scaled(eyes, share) for eyes in faces]))

    def find(self, sketch: np.ndarray, eyes: np.ndarray, count: int) -> People:
        """The people in the gallery nearest to a sketch (H, W, 3) uint8 whose eyes are there.

        DataError where there is no gallery, and for eyes that no face has; GalleryError if its file is no more.
        """
        gallery = self._current()
        seen = to_luma(align(sketch, eyes))
        of_photo = bool(photo_remark(sketch))
        matches = gallery.find_aligned(seen, count, of_photo=of_photo)
        found = Found("", seen, matches, VIEWS, of_photo=of_photo)
        return People(pictured(gallery, found), how_sure(gallery, found))

    def _current(self) -> Gallery:
        """The gallery as its file is now."""
        with self._opening:
            if self.gallery is None:
                raise DataError("no gallery to look in: start the page with --gallery gallery.h5")
            try:
                self.gallery = self.gallery.up_to_date()
            except GalleryError:
                logger.warning("the gallery's file was changed or removed, and cannot be opened; nobody is found")
                raise GalleryError(
                    "the gallery cannot be opened any more: its file is gone or damaged; tell whoever started this page"
                ) from None
            return self.gallery


def marked(picture: np.ndarray, faces: Sequence[np.ndarray], chosen: int) -> np.ndarray:
    """The picture (H, W, 3) uint8, of `shown_size`, with marks on all eyes, the chosen face's in red.

    Of several faces each has its number above its eyes, from 1, as it is called in the choice.
    """
    width, height = shown_size(picture)
    shown = picture if (width, height) == picture.shape[1::-1] else resample(picture, width, height)
    share = width / picture.shape[1]
    polygons, numbers = [], []
    for k, eyes in enumerate(faces):
        at = _scaled(eyes, share)
        reach = max(9.0, 0.022 * max(width, height), 0.25 * float(np.hypot(*(at[1] - at[0]))))
        thick = max(2.0, reach / 7)
        colour = _CHOSEN if k == chosen else _OTHER
        for around, fill in ((max(1.0, thick / 2), _EDGE), (0.0, colour)):
            polygons += [(bar, np.array(fill)) for eye in at for bar in _bars(eye, reach, thick, around)]
            if len(faces) > 1:
                high = 1.2 * reach
                middle = (at.mean(axis=0) - (0, 1.8 * reach)).clip(high, np.subtract((width, height), high))
                numbers += [(bar, np.array(fill)) for bar in _digits(k + 1, middle, high, thick, around)]
    return draw_polygons(shown, polygons + numbers)


def shown_size(picture: np.ndarray) -> tuple[int, int]:
    """Width and height of the picture as `marked` shows it."""
    height, width = picture.shape[:2]
    longer = max(height, width)
    share = min(max(longer, SHOWN[0]), SHOWN[1]) / longer
    return max(1, round(width * share)), max(1, round(height * share))


def moved_to(faces: Sequence[np.ndarray], point: np.ndarray) -> tuple[list[np.ndarray], int]:
    """The faces with the eye nearest to the point (x, y) moved there, and whose eye that was."""
    places = np.array(faces)
    face, eye = np.unravel_index(np.linalg.norm(places - point, axis=2).argmin(), places.shape[:2])
    places[face, eye] = point
    places[face] = places[face][np.argsort(places[face][:, 0], kind="stable")]
    return list(places), int(face)


def _at_most(picture: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """The picture with a longer side of at most so many pixels, and its share of the given one's."""
    height, width = picture.shape[:2]
    share = min(1.0, side / max(height, width))
    if share == 1:
        return picture, share
    return resample(picture, max(1, round(width * share)), max(1, round(height * share))), share


def _scaled(eyes: np.ndarray, share: float) -> np.ndarray:
    """Where the eyes are in a picture of that share of the size."""
    return (np.asarray(eyes) + 0.5) * share - 0.5


def _guess(size: tuple[int, int]) -> np.ndarray:
    """Where eyes often are in a picture of this (width, height)."""
    width, height = size
    apart = min(width, height) / 8
    return np.array([[width / 2 - apart, height * 0.45], [width / 2 + apart, height * 0.45]])


def _inside(eyes: np.ndarray, size: tuple[int, int]) -> bool:
    return bool((eyes >= 0).all() and (eyes <= np.subtract(size, 1)).all())


def _bars(eye: np.ndarray, reach: float, thick: float, around: float) -> list[np.ndarray]:
    """Corners of four bars that point at an eye from left, right, above and below, and leave it free."""
    near, far, half = 0.3 * reach - around, reach + around, thick / 2 + around
    bar = np.array([(near, -half), (far, -half), (far, half), (near, half)])
    turns = (np.array([[c, -s], [s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1)))
    return [eye + bar @ turn.T for turn in turns]


def _digits(number: int, middle: np.ndarray, high: float, thick: float, around: float) -> list[np.ndarray]:
    """Corners of bars that make a number around a place (x, y), its digits this high, each bar so much larger."""
    wide, half, text = 0.55 * high, thick / 2 + around, str(number)
    ends = {
        "a": ((0, 0), (1, 0)),
        "b": ((1, 0), (1, 0.5)),
        "c": ((1, 0.5), (1, 1)),
        "d": ((0, 1), (1, 1)),
        "e": ((0, 0.5), (0, 1)),
        "f": ((0, 0), (0, 0.5)),
        "g": ((0, 0.5), (1, 0.5)),
    }
    step = wide + 3 * thick
    left = middle - ((step * (len(text) - 1) + wide) / 2, high / 2)
    bars = []
    for k, digit in enumerate(text):
        for name in _SEGMENTS[int(digit)]:
            (x0, y0), (x1, y1) = np.multiply(ends[name], (wide, high)) + left + np.array([step * k, 0.0])
            corners = [(x0 - half, y0 - half), (x1 + half, y0 - half), (x1 + half, y1 + half), (x0 - half, y1 + half)]
            bars.append(np.array(corners))
    return bars
