"""Which file each sketch goes to, none over a photo or another sketch."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from pysketch.errors import DataError
from pysketch.images import list_images

Job = tuple[Path, Path]
"""A photo's path and its sketch's."""

_NUMBERED = re.compile(r"(.+)_\d+(\.[^.]*|)", re.DOTALL)


def plan_jobs(photos: Sequence[str], output: str | None, drawn: str = "sketch") -> list[Job]:
    """(photo, sketch) paths, or, where a "photo" is drawn of a sketch, the other way round.

    Without an output they are NAME_sketch.png or sketches/NAME.png, of photos NAME_photo.png or drawn_photos/NAME.png,
    as photos/ is where real ones lie. Photos of one folder that differ in their suffixes alone, as a telephone's
    IMG_1.jpg and IMG_1.HEIC, become IMG_1_jpg.png and IMG_1_HEIC.png. DataError if a picture would overwrite one that
    is to be drawn or another one.
    """
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
        targets = [Path(output or f"{paths[0].stem}_{drawn}.png")]
    else:
        folder = Path(output or ("sketches" if drawn == "sketch" else "drawn_photos"))
        if folder.is_file():
            raise DataError(f"{folder}: is a file; for several photos -o names a folder")
        targets = [folder / f"{stem}.png" for stem in _stems(paths)]
    _check_targets(paths, targets)
    return list(zip(paths, targets, strict=True))


def taken_names(jobs: Sequence[Job]) -> list[list[str]]:
    """For each job the names of other jobs' files, in its sketch's folder, that its numbered sketches could have."""
    by_stem: dict[tuple[Path, str], list[str]] = defaultdict(list)
    for path in {path.resolve() for job in jobs for path in job}:
        if found := _NUMBERED.fullmatch(path.name):
            by_stem[path.parent, found[1] + found[2]].append(path.name)
    return [by_stem.get((target.parent.resolve(), target.name), []) for _, target in jobs]


def numbered(target: Path, n: int, taken: Collection[str]) -> list[Path]:
    """The target, or for several faces NAME_1, NAME_2 and so on, from left to right.

    DataError if one of them is a link, or has one of the names that are taken, of `taken_names`.
    """
    if n == 1:
        return [target]
    paths = [target.with_name(f"{target.stem}_{number}{target.suffix}") for number in range(1, n + 1)]
    for path in paths:
        if path.name in taken or path.is_symlink():
            raise DataError(f"{path}: the sketch of one of {n} faces would overwrite another file; choose another -o")
    return paths


def _stems(paths: Sequence[Path]) -> list[str]:
    """Each path's stem, with its suffix where another path of the same folder has the stem."""
    count = Counter(path.with_suffix("") for path in dict.fromkeys(paths))
    return [path.stem if count[path.with_suffix("")] == 1 else path.name.replace(".", "_") for path in paths]


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
