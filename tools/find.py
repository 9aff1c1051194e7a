"""Find people by an artist's sketch in a gallery of photos: python tools/find.py gallery.h5 sketch.png"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import common

import pysketch
from pysketch.errors import DataError, named
from pysketch.files import as_read

EXAMPLES = """
examples:
  the ten people in a gallery who look most like a sketch:
    python tools/find.py gallery.h5 sketch.png
  the first three for each sketch of a folder, and a page with pictures, which shows where they agree:
    python tools/find.py gallery.h5 sketches/ -n 3 --report found.html
  a scanned sheet with the eyes at (412, 380) and (530, 371):
    python tools/find.py gallery.h5 sheet.jpg --align eyes 412 380 530 371
  whose hair, beard line, hat or collar is another now:
    python tools/find.py gallery.h5 sketch.png --match inner
  by the paper's measure, the squared difference of pixels:
    python tools/find.py gallery.h5 sketch.png --match pixels
  for a program, a line of JSON for each sketch:
    python tools/find.py gallery.h5 sketch.png --json

A gallery is what enroll.py makes of photos. A sketch may be any picture that Pillow reads. One that is 200x250 pixels
large with the eyes at (75, 125) and (125, 125) is compared as it is; in any other the face is found, if dlib is
installed, or --align eyes says where the eyes are: x and y from 0 at the centre of the top left pixel, the picture's
left first. A sketch that cannot be used is named and left out, and the status is 2.

distance: views, inner: 1 - the correlation, 0 (the same) to 2. pixels: the sum of squared differences over the centre
143x188. inner and pixels look at every sketch that the gallery keeps, inner at 100 of them in a second.
others as near: the false-accept rate, how many people other than the one who was drawn come as near to a sketch; then
how many that are of the others in the gallery, all but one; "-": not known, or nobody else is there. A match is a
lead, not a proof.
"""

MANY = 20
"""From so many sketches on an index, which takes seconds to make, is worth it where the gallery is large."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, look for every sketch, print who was found; 2 if any sketch could not be used."""
    parser = _parser()
    args = parser.parse_args(arguments)
    common.check_align(parser, args)
    common.log_to(None, logging.WARNING)
    if args.report:
        pysketch.report.pages.library()
    sketches = _sketches(args.sketches)
    if args.report:
        pysketch.report.check_find_page(args.report, [args.gallery, *sketches])
    gallery = pysketch.search.Gallery(args.gallery, index=None if len(sketches) >= MANY else False)
    if args.eyes is not None and len(sketches) > 1:
        parser.error("--align eyes is for one sketch")
    done, left_out, unusable = [], [], []
    for path in common.bar(sketches, unit="sketch", leave=False, disable=None if len(sketches) > 1 else True):
        try:
            found = _find(gallery, path, args)
        except DataError as error:
            unusable.append(as_read(path))
            left_out.append(named(path, str(error)))
            common.say(f"error: {' '.join(as_read(left_out[-1]).split())}", file=sys.stderr)
            continue
        if found.remark:
            common.say(f"{as_read(path)}: {found.remark}", file=sys.stderr)
        if args.json:
            common.say(json.dumps(pysketch.report.found_record(gallery, found)), file=sys.stdout)
        elif gallery.people:
            common.say(_told(gallery, found, len(sketches) == 1), file=sys.stdout)
        done += [found] if args.report else [found.sketch]
    if done and not args.json:
        if len(sketches) > 1 or not gallery.people:
            print("\n".join(textwrap.wrap(pysketch.report.how_sure_all(gallery, args.match), 120)))
        if gallery.people:
            print("\n".join(textwrap.wrap(pysketch.report.WORTH, 120)))
    if len(sketches) > 1:
        counts = f", {len(left_out)} left out: {', '.join(unusable)}" * bool(left_out)
        print(f"{len(done)} of {len(sketches)} sketches looked for{counts}", file=sys.stderr if args.json else None)
    if args.report and done:
        missing = pysketch.report.write_find_page(args.report, gallery, args.gallery, done, left_out)
        if missing:
            more = f" (and {len(missing) - 1} more such: the page says which)" if len(missing) > 1 else ""
            print(f"the report lacks pictures: {missing[0].removesuffix('.')}{more}", file=sys.stderr)
        print(f"report: {args.report}", file=sys.stderr if args.json else None)
    return common.BAD_INPUT if left_out else 0


def _sketches(given: Sequence[str]) -> list[Path]:
    """The files, and those in the folders."""
    paths: list[Path] = []
    for name in given:
        if not Path(name).is_dir():
            paths.append(Path(name))
            continue
        found, left_out = pysketch.images.sort_out(name)
        if not found:
            raise DataError(f"{name}: no images in this folder; found {', '.join(left_out[:5]) or 'nothing'}")
        paths += found
        if left_out:
            print(as_read(f"{name}: left out: {', '.join(left_out)}"), file=sys.stderr)
    return paths


def _find(gallery: pysketch.search.Gallery, path: Path, args: argparse.Namespace) -> pysketch.report.Found:
    remarks: list[str] = []
    picture = pysketch.images.as_photo(path)
    of_photo = bool(pysketch.search.photo_remark(picture))
    sketch = pysketch.search.aligned_sketch(picture, args.align, args.eyes, remarks.append)
    compared = {"desc": "compared", "unit": "photo", "leave": False, "delay": 1, "disable": None}
    with common.bar(total=len(gallery), **compared) as bar:
        matches = gallery.find_aligned(sketch, args.n, args.match, bar.update, of_photo)
    return pysketch.report.Found(str(path), sketch, matches, args.match, "; ".join(remarks), of_photo)


def _told(gallery: pysketch.search.Gallery, found: pysketch.report.Found, alone: bool) -> str:
    """The list; how sure it is as well, if it is the only one."""
    photos = f" ({len(gallery):,} photos)" if len(gallery) != gallery.people else ""
    head = f"{as_read(found.sketch)}: the nearest of {pysketch.report.people(gallery.people)}{photos}"
    sure = textwrap.wrap(pysketch.report.how_sure(gallery, found), 120) if alone else []
    return "\n".join([head, *pysketch.report.found_table(gallery, found), *sure, ""])


def _parser() -> argparse.ArgumentParser:
    description = "Find the people in a gallery who look most like an artist's sketch."
    parser = common.parser("find.py", description, EXAMPLES, common.with_eyes)
    parser.add_argument("gallery", help="a gallery (.h5) that tools/enroll.py wrote")
    parser.add_argument("sketches", nargs="+", metavar="sketch", help="image files of any kind, or folders of them")
    parser.add_argument("-n", type=common.at_least(1), default=10, metavar="N", help="how many people (default: 10)")
    common.add_align(parser, "sketch", "compare")
    help = (
        "views: several views of the face, the default; inner: the inner face alone, without hair and collar; pixels: "
        "the paper's squared difference"
    )
    parser.add_argument(
        "--match",
        choices=pysketch.search.WAYS,
        default=pysketch.search.VIEWS,
        help=help,
    )
    help = (
        'write a page with pictures, in one file that needs no network (pip install -e ".[report]"); its folder must '
        "be there, a new page may be read by its owner alone"
    )
    parser.add_argument("--report", metavar="PAGE", help=help)
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each sketch, nothing else")
    return parser


if __name__ == "__main__":
    common.run(main)
