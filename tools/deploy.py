"""Draw sketches of photos: python tools/deploy.py netdefs/pretrained/medium.h5 photo.jpg"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import common
from tqdm import tqdm

from pysketch.backend import choose_device
from pysketch.errors import DataError
from pysketch.images import list_images, read_photo, side_by_side, write_image
from pysketch.sketcher import Sketcher
from pysketch.workers import Workers

EXAMPLES = """
examples:
  one photo, drawn to photo_sketch.png in the current folder:
    python tools/deploy.py netdefs/pretrained/medium.h5 photo.jpg
  as large as the photo, under a name of your own:
    python tools/deploy.py netdefs/pretrained/medium.h5 photo.jpg -o sketch.png --size-as-input
  a folder of photos, each drawn to sketches/NAME.png, beside its photo in one picture:
    python tools/deploy.py netdefs/pretrained/medium.h5 photos/ -o sketches --side-by-side
  a large photo, 200x200 pixels of the sketch at a time, for a machine with little memory:
    python tools/deploy.py netdefs/pretrained/medium.h5 portrait.jpg --tile 200

The nets have learned from faces 200x250 pixels large with the eyes at (75, 125) and (125, 125): photos
like that are drawn best. A sketch is 12 pixels smaller than its photo, unless --size-as-input is given.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and draw every photo; 2 if any could not be drawn."""
    args = _parser().parse_args(arguments)
    common.log_to(None, logging.WARNING)
    jobs = _jobs(args.photos, args.output)
    sketcher = Sketcher(args.net, choose_device(args.device), Workers(args.threads))
    failures = 0
    tiles = partial(tqdm, unit="tile", leave=False, delay=1, disable=None)
    for photo_path, sketch_path in tqdm(jobs, unit="photo", disable=None if len(jobs) > 1 else True):
        try:
            photo = read_photo(photo_path)
            sketch = sketcher.draw(photo, args.size_as_input, args.tile, tiles)
            write_image(sketch_path, side_by_side(photo, sketch) if args.side_by_side else sketch)
        except DataError as error:
            failures += 1
            tqdm.write(f"error: {_named(photo_path, str(error))}", file=sys.stderr)
        else:
            tqdm.write(f"{photo_path} -> {sketch_path}")
    return common.BAD_INPUT if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("deploy.py", "Draw pencil sketches of face photos with a trained net.", EXAMPLES)
    parser.add_argument("net", help="a net file (.h5) that tools/solve.py wrote")
    parser.add_argument("photos", nargs="+", metavar="photo", help="image files of any kind, or folders of them")
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="the sketch's file; for several photos a folder (default: sketches)"
    )
    parser.add_argument("--size-as-input", action="store_true", help="reflect the border: as large as the photo")
    parser.add_argument("--side-by-side", action="store_true", help="photo and sketch in one picture")
    help = "draw in tiles of at most NxN pixels, without seams (default: auto, which large photos need)"
    parser.add_argument("--tile", type=_tile_side, metavar="auto|N", help=help)
    parser.add_argument("--device", default="auto", metavar="cpu|gpu:N|auto", help="default: auto")
    common.add_threads(parser)
    return parser


def _tile_side(text: str) -> int | None:
    """A check for argparse: None for "auto", else a whole number."""
    return None if text == "auto" else common.at_least(1)(text)


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


def _named(path: Path, message: str) -> str:
    return message if message.startswith(str(path)) else f"{path}: {message}"


if __name__ == "__main__":
    common.run(main)
