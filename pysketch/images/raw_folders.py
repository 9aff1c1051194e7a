"""Folders of photos and sketches as they come, aligned person by person into folders as `pairs` reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pysketch.errors import DataError, named
from pysketch.images.alignment import align
from pysketch.images.eye_files import POINT_SUFFIXES
from pysketch.images.pictures import list_images, read_photo, read_sketch, write_image

Person = dict[Path, Path]
"""From each of a person's pictures, one or two, to its frame's file."""

EyesOf = Callable[[Path, np.ndarray], np.ndarray]
"""The eyes in a picture, given its path and its pixels."""

_KINDS = {"photos": read_photo, "sketches": read_sketch}
_CUFS_SKETCH = re.compile(r"(?:([fm])2(-.+)|(.+))-sz1", re.IGNORECASE)


def find_persons(raw: Path, target: Path) -> Iterator[Person]:
    """Every person, split by split, by name; a person's name is the photo's stem."""
    splits = [split for split in ("train", "test") if (raw / split).is_dir()] or [""]
    for split in splits:
        kinds = [kind for kind in _KINDS if (raw / split / kind).is_dir()]
        if not kinds:
            raise DataError(f"{raw / split}: expected the folders photos/ and sketches/, or one of them")
        files = {kind: _by_person(raw / split / kind) for kind in kinds}
        names = {key: path.stem for kind in reversed(kinds) for key, path in files[kind].items()}
        for key in sorted(names):
            for kind in kinds:
                if key not in files[kind]:
                    other = next(files[each][key] for each in kinds if key in files[each])
                    raise DataError(f"{other}: no picture of this person in {raw / split / kind}")
            name = f"{names[key]}.png"
            yield {files[kind][key]: target / split / kind / name for kind in kinds}


def check_targets(persons: Sequence[Person], overwrite: bool) -> None:
    """DataError if a picture would be written over one that is read or, without --overwrite, over any."""
    sources = {path.resolve() for person in persons for path in person}
    for person in persons:
        for target in person.values():
            if target.resolve() in sources:
                raise DataError(f"{target}: would overwrite a picture of RAW; choose another DIR")
            if target.exists() and not overwrite:
                raise DataError(f"{target}: is there already; choose another DIR, or --overwrite")


def align_person(person: Person, eyes: EyesOf) -> None:
    """Align all pictures of a person, then write them."""
    frames = {}
    for path, target in person.items():
        picture = _KINDS[path.parent.name](path)
        try:
            frames[target] = align(picture, eyes(path, picture))
        except DataError as error:
            raise DataError(named(path, str(error))) from None
    for target, frame in frames.items():
        write_image(target, frame)


def _by_person(folder: Path) -> dict[str, Path]:
    """Pictures by what photo and sketch have in common: the stem, or CUFS's f-005-01 of F2-005-01-sz1."""
    files: dict[str, Path] = {}
    for path in list_images(folder, beside=POINT_SUFFIXES):
        match = _CUFS_SKETCH.fullmatch(path.stem) if folder.name == "sketches" else None
        key = path.stem if match is None else (match[3] or match[1] + match[2]).lower()
        if key in files:
            raise DataError(f"{path}: the same person as {files[key].name}; which one is meant?")
        files[key] = path
    if not files:
        raise DataError(f"{folder}: no images in it")
    return files
