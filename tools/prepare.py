"""Align folders of photos and sketches: python tools/prepare.py RAW DIR"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

import pysketch
from pysketch.errors import DataError, counted
from pysketch.files import left_behind

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
  by four processes, as finding eyes takes a while:
    python tools/prepare.py RAW DIR --processes 4
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
    return common.by_many(__file__, arguments, _parse, _prepare, _aligner)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    args = parser.parse_args(arguments)
    common.log_to(None, logging.WARNING)
    made = args.raw == pysketch.images.SYNTHETIC
    if made and (args.eyes is not None or args.points is not None):
        parser.error("made faces are aligned: expected neither --eyes nor --points")
    if not made and args.count is not None:
        parser.error("--count is for RAW synthetic, made faces")
    return args


def _prepare(args: argparse.Namespace, hands: pysketch.parallel.Hands) -> int:
    """Hand out the people; tell who is left out, and the sum."""
    target, failures = Path(args.dir), 0
    made = args.raw == pysketch.images.SYNTHETIC
    if made:
        jobs: list[Any] = list(range(args.count or 24))
        for path in (path for number in jobs for path in _made_files(target, number)):
            if path.exists() and not args.overwrite:
                raise DataError(f"{path}: is there already; choose another DIR, or --overwrite")
    else:
        if args.eyes is not None:
            pysketch.images.read_eye_table(args.eyes)  # a DataError now, not one from everybody
        persons = list(pysketch.images.find_persons(Path(args.raw), target))
        pysketch.images.check_targets(persons, args.overwrite)
        jobs = [[[str(path) for path in each] for each in person.items()] for person in persons]
    results = hands(jobs, name=_name, clean=partial(_remove_unfinished, target))
    for job, problem in zip(jobs, common.bar(results, total=len(jobs), unit="person", disable=None), strict=True):
        if isinstance(problem, pysketch.parallel.Lost):
            problem = f"{_name(job)}: {problem}"
        if problem:
            failures += 1
            common.say(f"error: {' '.join(problem.split())}", file=sys.stderr)
    if made and not failures:
        print(f"{counted(len(jobs), 'made person')} -> {target}")
    else:
        print(f"{len(jobs) - failures} of {len(jobs)} persons -> {target}")
    return common.BAD_INPUT if failures else 0


def _name(job: Any) -> str:
    return pysketch.images.further_name(job) if isinstance(job, int) else job[0][0]


def _remove_unfinished(folder: Path, job: Any) -> None:
    """What a process that was killed at a person may have left of the pictures."""
    for target in _made_files(folder, job) if isinstance(job, int) else [target for _, target in job]:
        for path in left_behind(target):
            path.unlink(missing_ok=True)


def _aligner(args: argparse.Namespace) -> pysketch.parallel.Work:
    """What aligns people, given each picture's path and its target's, or makes them, given numbers; what is wrong."""
    if args.raw == pysketch.images.SYNTHETIC:
        return partial(map, partial(_write_made_person, Path(args.dir)))
    eyes = _eyes_source(args)

    def aligned(job: Any) -> str | None:
        try:
            pysketch.images.align_person({Path(path): Path(target) for path, target in job}, eyes)
        except DataError as error:
            return str(error)
        return None

    return partial(map, aligned)


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
    common.add_processes(parser, "1")
    return parser


def _made_files(folder: Path, number: int) -> list[Path]:
    """The photo's and the drawing's file of a made person."""
    name = pysketch.images.further_name(number)
    return [folder / kind / f"{name}.png" for kind in ("photos", "sketches")]


def _write_made_person(folder: Path, number: int) -> None:
    """Photo and drawing of somebody who does not exist."""
    for path, picture in zip(_made_files(folder, number), pysketch.images.further_pair(number)[1:], strict=True):
        pysketch.images.write_image(path, picture)


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
