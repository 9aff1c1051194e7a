"""Eye positions from files: a CSV for many pictures, or one file of fiducial points for each.

All are (2, 2) arrays: the left and the right eye's centre (x, y), the picture's left, in pixels from 0 at the
centre of the top left pixel.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from pysketch.errors import DataError, counted
from pysketch.files import read_table, read_text

COLUMNS = ["file", "left_x", "left_y", "right_x", "right_y"]
"""A CSV's header."""

POINT_SUFFIXES = (".dat", ".pts", ".txt")
"""What a file of points may end in."""

_CUFS_POINTS, _CUFS_EYES = 35, [16, 18]
_EYES_FIRST = range(2, 6)


def read_eye_table(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The eyes by file, from a CSV with the header file,left_x,left_y,right_x,right_y.

    `file` is a picture's name with its folder (photos/anna.jpg) or, where that is clear, without. DataError
    names the line of what cannot be read.
    """
    eyes: dict[str, np.ndarray] = {}
    for number, (name, *numbers) in read_table(path, COLUMNS):
        if name in eyes:
            raise DataError(f"{path}:{number}: {name} stands here twice")
        eyes[name] = np.array([_number(cell, f"{path}:{number}") for cell in numbers]).reshape(2, 2)
    return eyes


def eyes_of(table: dict[str, np.ndarray], picture: Path) -> np.ndarray:
    """A picture's eyes in a table: under folder/name, else under its name. DataError if it is in neither."""
    for name in (f"{picture.parent.name}/{picture.name}", picture.name):
        if name in table:
            return table[name]
    raise DataError(f"{picture}: no eyes in the table under {picture.parent.name}/{picture.name} or {picture.name}")


def find_points_file(picture: Path, folder: Path) -> Path:
    """The file in the folder that has the picture's stem and one of POINT_SUFFIXES; DataError if there is none."""
    for suffix in POINT_SUFFIXES:
        path = folder / f"{picture.stem}{suffix}"
        if path.is_file():
            return path
    raise DataError(f"{picture}: no {picture.stem}{', '.join(POINT_SUFFIXES)} in {folder}")


def read_points_eyes(path: str | os.PathLike[str]) -> np.ndarray:
    """The eyes of a file of fiducial points: "x y" on each line, empty lines do not count.

    With 35 points it is CUFS's own (Wang and Tang, 2009): the eyes' centres are points 17 and 19 (16 and 18
    counted from 0, as bob.db.cuhk_cufs reads them). With 2 to 5 points the eyes are the first two. DataError
    for any other number of points and for lines that are no point.
    """
    path = Path(path)
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable file of points: {error}") from None
    points = []
    for number, line in enumerate(lines, 1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        if len(words) != 2:
            raise DataError(f'{path}:{number}: expected "x y", found {counted(len(words), "word")}')
        points.append([_number(word, f"{path}:{number}") for word in words])
    if len(points) == _CUFS_POINTS:
        return np.array(points)[_CUFS_EYES]
    if len(points) in _EYES_FIRST:
        return np.array(points[:2])
    raise DataError(
        f"{path}: expected {_CUFS_POINTS} points (CUFS: the eyes are points 17 and 19), or 2 to 5 points that begin "
        f"with the eyes, found {len(points)}"
    )


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f'{where}: expected a number, found "{text}"') from None
