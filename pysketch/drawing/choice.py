"""Which faces of a photo are drawn: those found in it, or none, where the photo is drawn as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pysketch.errors import DataError
from pysketch.images import (
    SURE,
    Face,
    can_find_faces,
    find_faces,
    frame_sized,
    in_place,
    quarter_turns,
    seems_aligned,
)
from pysketch.shipped import how_to_install

GIVE_EYES = "--align eyes X1 Y1 X2 Y2"

_LIES = {
    1: "it lies on its side: turn it left",
    2: "it is upside down: turn it",
    3: "it lies on its side: turn it right",
}
"""What is said of a photo that so many quarter turns to the left bring upright."""


class Choice(NamedTuple):
    """The eyes of each face, as `draw_faces` takes them, None for the photo as it is; what is to be said, or ""."""

    faces: list[np.ndarray] | None
    remark: str = ""


class Words(NamedTuple):
    """What a remark calls the picture and what is done with it; eyes: whether the eyes can be given instead."""

    given: str
    done: str
    does: str
    eyes: bool = True


DRAWN = Words("photo", "drawn", "draws")


def choose_faces(
    photo: np.ndarray, align: str | None, eyes: Sequence[float] | None = None, words: Words = DRAWN
) -> Choice:
    """The faces to draw of a photo (H, W, 3) uint8, or of a sketch to do something else with, which `words` says.

    eyes: x and y of the left eye and of the right, if they are known: nothing is searched. align: "auto" finds faces,
    DataError if there is none, the photo lies on its side or upside down, or the library is missing; "none" draws the
    photo as it is. None does so with a photo that is aligned already; in any other faces are found if the library is
    there, and what is done is said. A photo that `seems_aligned` is not searched and needs no library. ValueError for
    another align, and for eyes that are not four numbers.
    """
    check_align(align)
    if eyes is not None:
        return Choice([_two_places(eyes)])
    if align == "none" or (align is None and seems_aligned(photo)):
        return Choice(None)
    size = photo.shape[1], photo.shape[0]
    what = "no eyes where the nets expect them" if frame_sized(size) else "not an aligned face of 200x250 pixels"
    if align is None and not can_find_faces():
        return Choice(None, f"{what}: {words.done} as it is; --align auto finds faces ({how_to_install('align')})")
    found = find_faces(photo)
    turns = quarter_turns(photo, found)
    if turns:
        if align == "auto":
            raise DataError(f"{_LIES[turns]}; --align none {words.does} it as it is")
        return Choice(None, f"{_LIES[turns]}; {words.done} as it is")
    faces = [face for face in found if face.score >= SURE and _inside(face.eyes, size)]
    chosen = [face.eyes for face in faces]
    left_out = len(found) - len(faces)
    rest = f", {left_out} left out that hardly looks like one or lacks an eye" if left_out else ""
    if align == "auto":
        if not faces:
            hint = f"; give the eyes' positions with {GIVE_EYES}" if words.eyes else ""
            raise DataError(f"no face found in it{rest}{hint}")
        return Choice(chosen, f"{_count(faces)} found{rest}" if len(found) > 1 else "")
    if not faces:
        hint = f"; {GIVE_EYES} says where a face is" if words.eyes else ""
        return Choice(None, f"{what}, no face found in it{rest}: {words.done} as it is{hint}")
    if frame_sized(size) and in_place(max(faces, key=lambda face: face.width).eyes, size):
        return Choice(None)
    as_it_is = f"--align none {words.does} the {words.given} as it is"
    return Choice(chosen, f"{what}: {_count(faces)} found and aligned{rest}; {as_it_is}")


def check_align(align: object) -> None:
    """ValueError for what `choose_faces` does not take as align."""
    if not (align is None or (isinstance(align, str) and align in ("auto", "none"))):
        raise ValueError(f"align: expected auto, none or None, found {align!r}; eyes= says where the eyes are")


def _two_places(eyes: Any) -> np.ndarray:
    """Eyes as (2, 2); ValueError if they are not four numbers."""
    try:
        count = np.asarray(eyes, np.float64).size
    except (TypeError, ValueError):
        count = 0
    if count != 4:
        raise ValueError(f"eyes: expected four numbers, x and y of the left eye and of the right, found {eyes!r}")
    return np.reshape(eyes, (2, 2))


def _inside(eyes: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether both eyes lie in a picture of this (width, height)."""
    return bool((eyes >= 0).all() and (eyes <= np.subtract(size, 1)).all())


def _count(faces: list[Face]) -> str:
    return f"{len(faces)} faces" if len(faces) > 1 else "1 face"
