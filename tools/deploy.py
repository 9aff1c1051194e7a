"""Draw sketches of photos: python tools/deploy.py netdefs/pretrained/medium.h5 photo.jpg"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import common
import numpy as np
from tqdm import tqdm

from pysketch.drawing import Sketcher
from pysketch.errors import DataError
from pysketch.images import align, find_eyes, list_images, paste, read_photo, side_by_side, write_image

EXAMPLES = """
examples:
  one photo, drawn to photo_sketch.png in the current folder:
    python tools/deploy.py netdefs/pretrained/medium.h5 photo.jpg
  as large as the photo, under a name of your own:
    python tools/deploy.py netdefs/pretrained/medium.h5 photo.jpg -o sketch.png --size-as-input
  a folder of photos, each drawn to sketches/NAME.png, beside its photo in one picture:
    python tools/deploy.py netdefs/pretrained/medium.h5 photos/ -o sketches --side-by-side
  any portrait, its faces found and aligned (needs pip install -e ".[align]"); of several, sketch_1.png is the leftmost:
    python tools/deploy.py netdefs/pretrained/medium.h5 portrait.jpg -o sketch.png --align auto
  the eyes at (412, 380) and (530, 371), and the sketch put back into the photo:
    python tools/deploy.py netdefs/pretrained/medium.h5 portrait.jpg -o drawn.png --align eyes 412 380 530 371 --paste
  a large photo, 200x200 pixels of the sketch at a time, for a machine with little memory:
    python tools/deploy.py netdefs/pretrained/medium.h5 portrait.jpg --tile 200

The nets have learned from faces 200x250 pixels large with the eyes at (75, 125) and (125, 125). --align auto and
--align eyes bring any face there; without them a photo is drawn as it is. A sketch is 12 pixels smaller than what is
drawn, unless --size-as-input is given. Eyes are x and y from 0 at the centre of the top left pixel, the picture's left
first.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and draw every photo; 2 if any could not be drawn."""
    parser = _parser()
    args = parser.parse_args(_with_eyes_option(sys.argv[1:] if arguments is None else arguments))
    if args.align == "eyes":  # as --al eyes, which _with_eyes_option does not know
        parser.error("write --align eyes X1 Y1 X2 Y2 in full")
    if args.paste and args.align == "none" and args.eyes is None:
        parser.error("--paste needs --align auto or --align eyes")
    common.log_to(None, logging.WARNING)
    jobs = _jobs(args.photos, args.output)
    if args.eyes is not None and len(jobs) > 1:
        parser.error("--align eyes is for one photo")
    sketcher = Sketcher(args.net, common.context(args))
    failures = 0
    tiles = partial(tqdm, unit="tile", leave=False, delay=1, disable=None)
    draw = partial(sketcher.draw, tile=args.tile, progress=tiles)
    for photo_path, sketch_path in tqdm(jobs, unit="photo", disable=None if len(jobs) > 1 else True):
        try:
            pictures = _pictures(args, draw, read_photo(photo_path))
            targets = _numbered(sketch_path, len(pictures), jobs)
            for target, picture in zip(targets, pictures, strict=True):
                write_image(target, picture)
        except DataError as error:
            failures += 1
            tqdm.write(f"error: {common.named(photo_path, str(error))}", file=sys.stderr)
        else:
            tqdm.write(f"{photo_path} -> {', '.join(map(str, targets))}")
    return common.BAD_INPUT if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("deploy.py", "Draw pencil sketches of face photos with a trained net.", EXAMPLES)
    common.add_net_file(parser)
    parser.add_argument("photos", nargs="+", metavar="photo", help="image files of any kind, or folders of them")
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="the sketch's file; for several photos a folder (default: sketches)"
    )
    faces = parser.add_mutually_exclusive_group()
    ways = {"choices": ["auto", "eyes", "none"], "metavar": "auto|eyes X1 Y1 X2 Y2|none", "default": "none"}
    help = "auto: find each face by its eyes; eyes: left eye, right eye; default: none, a photo is drawn as it is"
    faces.add_argument("--align", **ways, help=help)
    help = "the same as --align eyes X1 Y1 X2 Y2"
    faces.add_argument("--eyes", nargs=4, type=float, metavar=("X1", "Y1", "X2", "Y2"), help=help)
    parser.add_argument("--paste", action="store_true", help="put aligned sketches back into the photo")
    parser.add_argument("--size-as-input", action="store_true", help="reflect the border: as large as the photo")
    parser.add_argument("--side-by-side", action="store_true", help="photo and sketch in one picture")
    help = "draw in tiles of at most NxN pixels, without seams (default: auto, which large photos need)"
    parser.add_argument("--tile", type=_tile_side, metavar="auto|N", help=help)
    common.add_device(parser)
    common.add_threads(parser)
    return parser


def _with_eyes_option(arguments: Sequence[str]) -> list[str]:
    """--align eyes as --eyes: argparse knows options of one value or of four, not of one or five."""
    words: list[str] = []
    for word in arguments:
        if word == "eyes" and words[-1:] == ["--align"]:
            words[-1] = "--eyes"
        else:
            words.append("--eyes" if word == "--align=eyes" else word)
    return words


def _tile_side(text: str) -> int | None:
    """A check for argparse: None for "auto", else a whole number."""
    return None if text == "auto" else common.at_least(1)(text)


def _pictures(args: argparse.Namespace, draw: Callable[..., np.ndarray], photo: np.ndarray) -> list[np.ndarray]:
    """What to write: the sketch, or one of each face, or the photo with the faces' sketches in it."""
    whole = args.align == "none" and args.eyes is None
    faces = [] if whole else find_eyes(photo) if args.eyes is None else [np.reshape(args.eyes, (2, 2))]
    if not whole and not faces:
        raise DataError("no face found in it; give the eyes' positions with --align eyes X1 Y1 X2 Y2")
    seen = [photo] if whole else [align(photo, eyes) for eyes in faces]
    sketches = [draw(each, args.size_as_input or args.paste) for each in seen]
    if args.paste:
        picture = photo
        for sketch, eyes in zip(sketches, faces, strict=True):
            picture = paste(picture, sketch, eyes)
        seen, sketches = [photo], [picture]
    return [side_by_side(*pair) if args.side_by_side else pair[1] for pair in zip(seen, sketches, strict=True)]


def _numbered(target: Path, n: int, jobs: list[tuple[Path, Path]]) -> list[Path]:
    """The target, or for several faces NAME_1, NAME_2 and so on, from left to right, that are no other job's files."""
    if n == 1:
        return [target]
    paths = [target.with_name(f"{target.stem}_{number}{target.suffix}") for number in range(1, n + 1)]
    taken = {path.resolve() for job in jobs for path in job}
    for path in paths:
        if path.resolve() in taken:
            raise DataError(f"{path}: the sketch of one of {n} faces would overwrite another file; choose another -o")
    return paths


def _jobs(photos: Sequence[str], output: str | None) -> list[tuple[Path, Path]]:
    """(photo, sketch) paths. DataError if a sketch would overwrite a photo or another sketch."""
    paths: list[Path] = []
    for name in photos:
        if Path(name).is_dir():
            found = list_images(name)
            if not found:
                raise DataError(f"{name}: no images in this folder")
            paths += found
        else:
            paths.append(Path(name))
    if len(paths) == 1 and not Path(photos[0]).is_dir() and not _is_folder(output):
        targets = [Path(output or f"{paths[0].stem}_sketch.png")]
    else:
        folder = Path(output or "sketches")
        if folder.is_file():
            raise DataError(f"{folder}: is a file; for several photos -o names a folder")
        targets = [folder / f"{path.stem}.png" for path in paths]
    _check_targets(paths, targets)
    return list(zip(paths, targets, strict=True))


def _is_folder(output: str | None) -> bool:
    return output is not None and (Path(output).is_dir() or output.endswith(("/", "\\")))


def _check_targets(paths: list[Path], targets: list[Path]) -> None:
    sources = {path.resolve() for path in paths}
    first: dict[Path, Path] = {}
    for path, target in zip(paths, targets, strict=True):
        if target.resolve() in sources:
            raise DataError(f"{target}: the sketch would overwrite a photo; choose another -o")
        other = first.setdefault(target.resolve(), path)
        if other is not path:
            raise DataError(f"{path}: its sketch would overwrite that of {other}, {target}; draw them apart")


if __name__ == "__main__":
    common.run(main)
