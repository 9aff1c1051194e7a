"""Align folders of photos and sketches: python tools/prepare.py RAW DIR"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import common
import numpy as np
from tqdm import tqdm

from pysketch.errors import DataError, counted
from pysketch.files import left_behind
from pysketch.images import (
    SYNTHETIC,
    EyesOf,
    align_person,
    check_targets,
    describe,
    eyes_of,
    find_eyes,
    find_persons,
    find_points_file,
    further_name,
    further_pair,
    read_eye_table,
    read_points_eyes,
    write_image,
)
from pysketch.parallel import Hands, Lost

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
    if args.raw == SYNTHETIC and (args.eyes is not None or args.points is not None):
        parser.error("made faces are aligned: expected neither --eyes nor --points")
    if args.raw != SYNTHETIC and args.count is not None:
        parser.error("--count is for RAW synthetic, made faces")
    return args


def _prepare(args: argparse.Namespace, hands: Hands) -> int:
    """Hand out the people; tell who is left out, and the sum."""
    target, failures = Path(args.dir), 0
    if args.raw == SYNTHETIC:
        jobs: list[Any] = list(range(args.count or 24))
        for path in (path for number in jobs for path in _made_files(target, number)):
            if path.exists() and not args.overwrite:
                raise DataError(f"{path}: is there already; choose another DIR, or --overwrite")
    else:
        if args.eyes is not None:
            read_eye_table(args.eyes)  # a DataError now, not one from everybody
        persons = list(find_persons(Path(args.raw), target))
        check_targets(persons, args.overwrite)
        jobs = [[[str(path) for path in each] for each in person.items()] for person in persons]
    results = hands(jobs, name=_name, clean=partial(_remove_unfinished, target))
    for job, problem in zip(jobs, tqdm(results, total=len(jobs), unit="person", disable=None), strict=True):
        if isinstance(problem, Lost):
            problem = f"{_name(job)}: {problem}"
        if problem:
            failures += 1
            tqdm.write(f"error: {' '.join(problem.split())}", file=sys.stderr)
    if args.raw == SYNTHETIC and not failures:
        print(f"{counted(len(jobs), 'made person')} -> {target}")
    else:
        print(f"{len(jobs) - failures} of {len(jobs)} persons -> {target}")
    return common.BAD_INPUT if failures else 0


def _name(job: Any) -> str:
    return further_name(job) if isinstance(job, int) else job[0][0]


def _remove_unfinished(folder: Path, job: Any) -> None:
    """What a process that was killed at a person may have left of the pictures."""
    for target in _made_files(folder, job) if isinstance(job, int) else [target for _, target in job]:
        for path in left_behind(target):
            path.unlink(missing_ok=True)


def _aligner(args: argparse.Namespace) -> Callable[[Any], str | None]:
    """What aligns a person, given each picture's path and its target's, or makes one, given a number; what is wrong."""
    if args.raw == SYNTHETIC:
        return partial(_write_made_person, Path(args.dir))
    eyes = _eyes_source(args)

    def aligned(job: Any) -> str | None:
        try:
            align_person({Path(path): Path(target) for path, target in job}, eyes)
        except DataError as error:
            return str(error)
        return None

    return aligned


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
    return [folder / kind / f"{further_name(number)}.png" for kind in ("photos", "sketches")]


def _write_made_person(folder: Path, number: int) -> None:
    """Photo and drawing of somebody who does not exist."""
    for path, picture in zip(_made_files(folder, number), further_pair(number)[1:], strict=True):
        write_image(path, picture)


def _eyes_source(args: argparse.Namespace) -> EyesOf:
    """What gives the eyes of a picture, read from its path."""
    if args.eyes is not None:
        table = read_eye_table(args.eyes)
        return lambda path, picture: eyes_of(table, path)
    if args.points is not None:
        raw, points = Path(args.raw), Path(args.points or args.raw)
        return lambda path, picture: read_points_eyes(find_points_file(path, points / path.parent.relative_to(raw)))
    return _found_eyes


def _found_eyes(path: Path, picture: np.ndarray) -> np.ndarray:
    faces = find_eyes(picture)
    if len(faces) != 1:
        found = "no face" if not faces else f"{len(faces)} faces, at {' and at '.join(map(describe, faces))}"
        raise DataError(f"{path}: expected one face, found {found}; give its eyes with --eyes")
    return faces[0]


if __name__ == "__main__":
    common.run(main)
