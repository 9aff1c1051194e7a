"""Align folders of photos and sketches: python tools/prepare.py RAW DIR"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import common

import pysketch
from pysketch.errors import DataError, counted

if TYPE_CHECKING:
    import numpy as np

EXAMPLES = """
examples:
  RAW/photos and RAW/sketches, the eyes found (needs pip install -e ".[align]"), into DIR/photos and DIR/sketches:
    python tools/prepare.py RAW DIR
  with eye positions from a CSV (header: file,left_x,left_y,right_x,right_y; file: photos/anna.jpg, or anna.jpg):
    python tools/prepare.py RAW DIR --eyes eyes.csv
  with CUFS's fiducial points, anna.dat beside anna.jpg, or in POINTS/photos and POINTS/sketches:
    python tools/prepare.py RAW DIR --points
    python tools/prepare.py RAW DIR --points POINTS
  without any pictures: 24 made faces of nobody, photos and drawings, into DIR/photos and DIR/sketches:
    python tools/prepare.py synthetic DIR --count 24

RAW holds photos/ and sketches/, or train/ and test/ with these in them; one of the two may be missing. DIR gets the
same folders with PNG files 200x250 pixels large, the eyes at (75, 125) and (125, 125): what tools/solve.py --data
and tools/evaluate.py --data read. "left" is the picture's left; (0, 0) is the centre of the top left pixel. A points
file has "x y" on each line: 35 points of which the 17th and the 19th are the eyes (CUFS), or 2 to 5 that begin with
the eyes. CUFS's own names match too: photo f-005-01.jpg and sketch F2-005-01-sz1.jpg are one person, f-005-01.
RAW is never changed; a person whose photo or sketch fails is left out of DIR and listed.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and align every picture; 2 if any could not be."""
    parser = _parser()
    args = parser.parse_args(arguments)
    common.log_to(None, logging.WARNING)
    if args.raw == pysketch.images.SYNTHETIC:
        if args.eyes is not None or args.points is not None:
            parser.error("made faces are aligned: expected neither --eyes nor --points")
        return _write_made_faces(Path(args.dir), args.count or 24, args.overwrite)
    if args.count is not None:
        parser.error("--count is for RAW synthetic, made faces")
    eyes, target, failures = _eyes_source(args), Path(args.dir), 0
    persons = list(pysketch.images.find_persons(Path(args.raw), target))
    pysketch.images.check_targets(persons, args.overwrite)
    for person in common.bar(persons, unit="person", disable=None):
        try:
            pysketch.images.align_person(person, eyes)
        except DataError as error:
            failures += 1
            common.say(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    print(f"{len(persons) - failures} of {len(persons)} persons -> {target}")
    return common.BAD_INPUT if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("prepare.py", "Align photos and sketches by the eyes, for training and scoring.", EXAMPLES)
    parser.add_argument(
        "raw",
        metavar="RAW|synthetic",
        help="a folder with photos/ and sketches/, or train/ and test/ with these; synthetic: made faces",
    )
    parser.add_argument("dir", metavar="DIR", help="the folder for the aligned pictures")
    eyes = parser.add_mutually_exclusive_group()
    eyes.add_argument("--eyes", metavar="CSV", help="eye positions; without this or --points eyes are found")
    eyes.add_argument("--points", nargs="?", const="", metavar="FOLDER", help="files of fiducial points (default: RAW)")
    parser.add_argument("--overwrite", action="store_true", help="replace aligned pictures that are in DIR already")
    help = "how many made faces, for RAW synthetic (default: 24)"
    parser.add_argument("--count", type=common.at_least(1), metavar="N", help=help)
    return parser


def _write_made_faces(folder: Path, count: int, overwrite: bool) -> int:
    """Photos and drawings of people who do not exist, pictures of the same names."""
    for name, photo, sketch in common.bar(
        pysketch.images.further_pairs(count), total=count, unit="person", disable=None
    ):
        for path, picture in (
            (folder / "photos" / f"{name}.png", photo),
            (folder / "sketches" / f"{name}.png", sketch),
        ):
            if path.exists() and not overwrite:
                raise DataError(f"{path}: is there already; choose another DIR, or --overwrite")
            pysketch.images.write_image(path, picture)
    print(f"{counted(count, 'made person')} -> {folder}")
    return 0


def _eyes_source(args: argparse.Namespace) -> pysketch.images.EyesOf:
    """What gives the eyes of a picture, read from its path."""
    if args.eyes is not None:
        table = pysketch.images.read_eye_table(args.eyes)
        return lambda path, picture: pysketch.images.eyes_of(table, path)
    if args.points is not None:
        raw, points = Path(args.raw), Path(args.points or args.raw)
        return lambda path, picture: pysketch.images.read_points_eyes(
            pysketch.images.find_points_file(path, points / path.parent.relative_to(raw))
        )
    return _found_eyes


def _found_eyes(path: Path, picture: np.ndarray) -> np.ndarray:
    faces = pysketch.images.find_eyes(picture)
    if len(faces) != 1:
        found = (
            "no face"
            if not faces
            else f"{len(faces)} faces, at {' and at '.join(map(pysketch.images.describe, faces))}"
        )
        raise DataError(f"{path}: expected one face, found {found}; give its eyes with --eyes")
    return faces[0]


if __name__ == "__main__":
    common.run(main)
