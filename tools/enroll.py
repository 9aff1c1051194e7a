"""Enrol photos into a gallery that sketches find people in: python tools/enroll.py photos/ -o gallery.h5"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing

import common

import pysketch
from pysketch.errors import counted
from pysketch.files import as_read
from pysketch.shipped import find_net

EXAMPLES = """
examples:
  a folder of photos, each of another person, whose name is the photo's:
    python tools/enroll.py photos/ -o gallery.h5
  photos/anna/1.jpg and photos/anna/2.jpg are both of anna:
    python tools/enroll.py photos/ -o gallery.h5
  who is on which photo, from a CSV (header: file,person; file: the photo's path from its folder, or its name):
    python tools/enroll.py photos/ -o gallery.h5 --people people.csv
  more photos, later:
    python tools/enroll.py more/ -o gallery.h5 --add
  by two processes; by those of an mpirun, on as many machines as its file of hosts has:
    python tools/enroll.py photos/ -o gallery.h5 --processes 2
    mpirun -f hosts -n 8 python tools/enroll.py photos/ -o gallery.h5
  photos that are aligned already, 200x250 pixels with the eyes at (75, 125) and (125, 125):
    python tools/enroll.py photos/ -o gallery.h5 --align none

Each photo is aligned as deploy.py does it, drawn by the net, and described. A photo without a face, or with several, is
reported and left out. What is drawn waits in gallery.h5.enrolling, on the disk, and is put into the gallery in one step
at the end, and on Ctrl-C. However the command ended, the same command goes on: what is there (by the SHA-256 of the
photo's file) is not drawn again, and not changed. A new gallery may be read by its owner alone.
"""

_SUSPICIOUS = 3  # sketches, and more than three quarters of all, before anything is said: a photo may look like one


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and enrol every photo; 2 if any was left out, 130 after Ctrl-C."""
    return common.by_many(__file__, arguments, _parse, _enrol, _drawing)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    args = _parser().parse_args(arguments)
    common.log_to(None, logging.WARNING)
    args.net = find_net("portrait") if args.net is None else args.net
    return args


def _drawing(args: argparse.Namespace) -> pysketch.parallel.Work:
    return pysketch.search.drawing(args.net, args.align, not args.no_thumbnails)


def _enrol(args: argparse.Namespace, hands: pysketch.parallel.Hands) -> int:
    """Plan, hand out what is to be drawn, put it into the gallery."""
    photos, remarks = pysketch.search.find_photos(args.photos, args.people)
    _tell(remarks)
    with pysketch.search.Enrolment(args.output, args.net) as enrolment:
        plan = enrolment.plan(photos, args.add, _reading)
        left_out = len(plan.problems)
        _tell([*plan.remarks, *(f"error: {line}" for line in plan.problems)])
        hands.count = args.processes or pysketch.search.default_workers(len(plan.todo))
        sketches = 0
        stopped = False
        try:
            with closing(enrolment.draw(plan, hands)) as results:
                for done in common.bar(results, total=len(plan.todo), unit="photo", disable=None):
                    sketches += done.drawn
                    left_out += bool(done.problem)
                    _tell([f"{done.photo.path}: {done.remark}"] if done.remark else [])
                    _tell([f"error: {done.problem}"] if done.problem else [])
        except KeyboardInterrupt:
            stopped = True
            print("interrupted: what is drawn is put into the gallery ...", file=sys.stderr)
        hands.close()
        with common.bars() as progress:
            enrolled = enrolment.settle(progress) - plan.waiting  # of an interrupted one more than was told of
        if sketches >= _SUSPICIOUS and 4 * sketches > 3 * enrolled:
            what = "look like sketches, grey lines on white paper; photos of people are what is enrolled, and drawn"
            _tell([f"{sketches} of the {enrolled} pictures {what}"])
    there = f", {plan.held} {'was' if plan.held == 1 else 'were'} there already" if plan.held else ""
    counts = f", {plan.doubles} the same as another" if plan.doubles else ""
    counts += f", {left_out} left out" if left_out else ""
    print(f"{enrolled} of {counted(len(photos), 'photo')} enrolled{there}{counts}")
    if enrolment.has_gallery:
        columns = pysketch.search.GalleryFile(args.output).columns
        print(f"{as_read(args.output)}: {counted(len(columns), 'photo')} of {_people(len(columns.names))}")
    if stopped:
        print("interrupted: the same command goes on", file=sys.stderr)
        return common.INTERRUPTED
    return common.BAD_INPUT if left_out else 0


def _tell(lines: Iterable[str]) -> None:
    """Each on stderr, above a progress bar; what would steer a terminal in words."""
    for line in lines:
        common.say(as_read(" ".join(line.split())), file=sys.stderr)


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _reading(digests: Iterable, total: int) -> Iterable:
    """A progress bar, for more files than are read in a moment."""
    return common.bar(digests, "read", total, unit="photo", leave=False, delay=2, disable=None)


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("enroll.py", "Enrol photos of people into a gallery that sketches find them in.", EXAMPLES)
    parser.add_argument("photos", nargs="+", metavar="photos", help="folders of photos, or photos")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="GALLERY",
        help="the gallery's file, such as gallery.h5, in a folder that is there",
    )
    help = "the net that draws: a net file (.h5), or a shipped one by name (default: portrait)"
    parser.add_argument("--net", type=find_net, metavar="NET", help=help)
    help = (
        "auto: find the face by its eyes; none: take photos as they are (default: none for an aligned photo, else auto "
        "where dlib is installed)"
    )
    parser.add_argument("--align", choices=("auto", "none"), help=help)
    parser.add_argument("--add", action="store_true", help="add to a gallery that holds other photos than these")
    common.add_processes(parser, "as many as cores, and as memory has room for", "--workers")
    parser.add_argument("--no-thumbnails", action="store_true", help="keep no picture of the photo, only its path")
    parser.add_argument("--people", metavar="CSV", help="who is on which photo; without it names of files and folders")
    return parser


if __name__ == "__main__":
    common.run(main)
