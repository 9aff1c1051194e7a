"""Draw sketches of photos: python tools/deploy.py netdefs/pretrained/portrait.h5 photo.jpg"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import common

import pysketch
from pysketch.errors import named

if TYPE_CHECKING:
    import numpy as np

EXAMPLES = """
examples:
  one photo, drawn to photo_sketch.png in the current folder:
    python tools/deploy.py netdefs/pretrained/portrait.h5 photo.jpg
  by one of the paper's nets, as large as the photo, under a name of your own:
    python tools/deploy.py netdefs/pretrained/medium.h5 photo.jpg -o sketch.png --size-as-input
  a folder of photos, each drawn to sketches/NAME.png, beside its photo in one picture:
    python tools/deploy.py netdefs/pretrained/portrait.h5 photos/ -o sketches --side-by-side
  any photo, its faces found and aligned (needs pip install -e ".[align]"); of several, sketch_1.png is the leftmost:
    python tools/deploy.py netdefs/pretrained/portrait.h5 party.jpg -o sketch.png --align auto
  the eyes at (412, 380) and (530, 371), and the sketch put back into the photo:
    python tools/deploy.py netdefs/pretrained/portrait.h5 party.jpg -o drawn.png --align eyes 412 380 530 371 --paste
  a large photo, 200x200 pixels of the sketch at a time, for a machine with little memory:
    python tools/deploy.py netdefs/pretrained/portrait.h5 party.jpg --align none --tile 200
  a photo of the person that an artist has drawn, to drawing_photo.png:
    python tools/deploy.py netdefs/pretrained/photo.h5 drawing.png

The nets have learned from faces 200x250 pixels large with the eyes at (75, 125) and (125, 125). --align auto and
--align eyes bring any face there. Without --align an aligned photo is drawn as it is; in any other faces are found and
aligned if dlib is installed, and a line on stderr says what was done. A sketch is 12 pixels smaller than what is drawn,
or as large, which the net decides; --size-as-input makes it as large. Eyes are x and y from 0 at the centre of the top
left pixel, the picture's left first.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and draw every photo; 2 if any could not be drawn."""
    parser = _parser()
    args = parser.parse_args(arguments)
    common.check_align(parser, args)
    if args.paste and args.align == "none":
        parser.error("--paste puts aligned sketches back: expected --align auto or --align eyes, found none")
    if args.paste and args.eyes is None:
        args.align = "auto"
    common.log_to(None, logging.WARNING)
    drawn = pysketch.drawing.read_net_file(args.net)[1].drawn
    jobs = pysketch.drawing.plan_jobs(args.photos, args.output, drawn)
    if args.eyes is not None and len(jobs) > 1:
        parser.error("--align eyes is for one photo")
    sketcher = pysketch.drawing.Sketcher(args.net, common.context(args))
    if args.tile is not None:
        sketcher.check_tile(args.tile)
    failures = unaligned = 0
    tiles = partial(common.bar, unit="tile", leave=False, delay=1, disable=None)
    draw = partial(sketcher.draw, tile=args.tile, progress=tiles)
    how = {"size_as_input": args.size_as_input, "pasted": args.paste, "beside": args.side_by_side}

    def pictures(
        job: pysketch.drawing.Job, photo: np.ndarray, choice: pysketch.drawing.Choice
    ) -> pysketch.drawing.Pictures:
        drawn = pysketch.drawing.draw_faces(draw, photo, choice.faces, **how)
        return list(zip(pysketch.drawing.numbered(job[1], len(drawn), jobs), drawn, strict=True))

    choose = partial(pysketch.drawing.choose_faces, align=args.align, eyes=args.eyes)
    bar = partial(common.bar, total=len(jobs), unit="photo", disable=len(jobs) == 1 or None)
    with closing(pysketch.drawing.draw_album(jobs, choose, pictures)) as album:
        for photo, sketches, choice, error in bar(album):
            if choice.remark:
                common.say(f"{photo}: {choice.remark}", file=sys.stderr)
            if error:
                failures += 1
                common.say(f"error: {named(photo, str(error))}", file=sys.stderr)
            else:
                unaligned += bool(choice.remark) and choice.faces is None
                common.say(f"{photo} -> {', '.join(map(str, sketches))}")
    if len(jobs) > 1:
        given = "photos" if drawn == "sketch" else "sketches"
        counts = f", {failures} left out" * bool(failures) + f", {unaligned} not aligned" * bool(unaligned)
        print(f"{len(jobs) - failures} of {len(jobs)} {given} drawn{counts}")
    return common.BAD_INPUT if failures else 0


def _parser() -> argparse.ArgumentParser:
    description = "Draw pencil sketches of face photos with a trained net."
    parser = common.parser("deploy.py", description, EXAMPLES, common.with_eyes)
    common.add_net_file(parser)
    parser.add_argument("photos", nargs="+", metavar="photo", help="image files of any kind, or folders of them")
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="the sketch's file; for several photos a folder (default: sketches)"
    )
    common.add_align(parser, "photo", "draw")
    parser.add_argument(
        "--paste",
        action="store_true",
        help="put aligned sketches back into the photo; finds faces unless told where they are",
    )
    parser.add_argument("--size-as-input", action="store_true", help="reflect the border: as large as the photo")
    parser.add_argument("--side-by-side", action="store_true", help="photo and sketch in one picture")
    help = "draw in tiles of at most NxN pixels, without seams (default: auto, which large photos need)"
    parser.add_argument("--tile", type=_tile_side, metavar="auto|N", help=help)
    common.add_device(parser)
    common.add_threads(parser)
    return parser


def _tile_side(text: str) -> int | None:
    """A check for argparse: None for "auto", else a whole number."""
    try:
        return None if text == "auto" else common.at_least(1)(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected auto or a whole number of pixels, found {text!r}") from None


if __name__ == "__main__":
    common.run(main)
