"""Somebody's sketches of the test photos, from a folder, as a method beside ours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pysketch.errors import DataError
from pysketch.images import Pair, list_images, read_sketch
from pysketch.report.evaluation import SKETCH_CROP, Evaluation, evaluate
from pysketch.search import PIXELS

logger = logging.getLogger(__name__)

_NAMED = 3  # how many missing ones an error names, and left out ones a warning


def evaluate_pictures(
    folder: Path, pairs: Sequence[Pair], crop: tuple[int, int] = SKETCH_CROP, match: str = PIXELS
) -> Evaluation:
    """Score a folder of pictures, each with the file stem of its pair; the method is called as the folder.

    A picture is as large as its pair's photo, or a centred crop of that: then its centre is the photo's. DataError if a
    pair has no picture, or two, or one that is larger than its photo or smaller than the scored crop. Pictures of no
    pair are left alone and named in a warning of the log. Nothing is drawn, so the seconds are 0.
    match: by which of MATCHES people are recognised.
    """
    files: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in files:
            raise DataError(f"{path}: the same name as {files[path.stem].name}; which one is meant?")
        files[path.stem] = path
    missing = [pair.name for pair in pairs if pair.name not in files]
    if missing:
        names = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        found = ", ".join(list(files)[:_NAMED]) or "no pictures"
        raise DataError(
            f"{folder}: no picture of {len(missing)} of the {len(pairs)} test pairs: {names}; expected files of the "
            f"photos' names, found {found}"
        )
    others = sorted(files.keys() - {pair.name for pair in pairs})
    if others:
        names = ", ".join(files[stem].name for stem in others[:_NAMED]) + (", ..." if len(others) > _NAMED else "")
        logger.warning("%s: %d left out that are of no test pair: %s", folder, len(others), names)
    sketches = iter([_read(files[pair.name], pair, crop) for pair in pairs])
    scored = evaluate(folder.resolve().name, lambda photo: next(sketches), pairs, crop, match=match)
    return replace(scored, seconds=[0.0] * len(pairs))


def _read(path: Path, pair: Pair, crop: tuple[int, int]) -> np.ndarray:
    sketch = read_sketch(path)
    (height, width), (most_high, most_wide) = sketch.shape, pair.photo.shape[:2]
    if not (crop[0] <= width <= most_wide and crop[1] <= height <= most_high):
        raise DataError(
            f"{path}: {width}x{height} pixels (width x height); expected {most_wide}x{most_high}, as the photo, or a "
            f"centred crop of that of at least {crop[0]}x{crop[1]}"
        )
    return sketch
