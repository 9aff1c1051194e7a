"""Pairs of a face photo and the artist's sketch of the same person: from a folder, a list file, or made."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from pysketch.errors import DataError, counted
from pysketch.files import read_text
from pysketch.images import synthetic
from pysketch.images.pictures import list_images, read_photo, read_sketch, to_luma
from pysketch.images.preprocessing import PHOTO_TO_SKETCH, SKETCH_TO_PHOTO

SYNTHETIC = "synthetic"
"""The source that means the embedded synthetic faces."""


@dataclass(frozen=True)
class Pair:
    """name; photo (H, W, 3) uint8 RGB; sketch (H, W) uint8 grey, 0 black .. 255 white; aligned alike."""

    name: str
    photo: np.ndarray
    sketch: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes of both images: 4 a pixel."""
        return self.photo.nbytes + self.sketch.nbytes

    def swapped(self) -> Pair:
        """The other way: the sketch, as R = G = B, in the photo's place, and the photo's luma in the sketch's."""
        return Pair(self.name, np.repeat(self.sketch[:, :, None], 3, axis=2), to_luma(self.photo))


Reader = Callable[[], Pair]
"""Reads, decodes and checks one pair; DataError names the file that is bad."""


class PairCache:
    """Pairs by index, read when asked for; the first ones that fit into `budget` bytes are kept in memory.

    Read through once, from the first to the last, it has checked every file and kept what it ever will:
    from then on threads may share it. Which pairs are kept makes no difference to a shuffled epoch, which
    needs every pair once.
    """

    def __init__(self, readers: Sequence[Reader], budget: int) -> None:
        self._readers = readers
        self._kept: list[Pair | None] = [None] * len(readers)
        self._room = budget

    def __len__(self) -> int:
        return len(self._readers)

    def __getitem__(self, index: int) -> Pair:
        pair = self._kept[index]
        if pair is None:
            pair = self._readers[index]()
            self._keep(index, pair)
        return pair

    def read_through(self, threads: int) -> Iterator[Pair]:
        """All pairs, from the first to the last; so many threads read those that come next.

        The outcome is that of reading one after another: what is kept, and which pair's error is raised first.
        """
        readers = iter(self._readers)
        with ThreadPoolExecutor(threads, "pysketch-read") as pool:
            try:
                coming = deque(pool.submit(read) for read in islice(readers, 2 * threads))
                for index in range(len(self)):
                    pair = coming.popleft().result()
                    coming.extend(pool.submit(read) for read in islice(readers, 1))
                    self._keep(index, pair)
                    yield pair
            finally:
                pool.shutdown(cancel_futures=True)

    def _keep(self, index: int, pair: Pair) -> None:
        if self._kept[index] is None and pair.nbytes <= self._room:
            self._room -= pair.nbytes
            self._kept[index] = pair

    @property
    def in_memory(self) -> list[Pair]:
        """The pairs that are in memory."""
        return [pair for pair in self._kept if pair is not None]

    @property
    def kept(self) -> int:
        """How many pairs are in memory."""
        return len(self.in_memory)

    @property
    def nbytes(self) -> int:
        """Bytes of the pairs in memory."""
        return sum(pair.nbytes for pair in self.in_memory)


def load_pairs(source: str | os.PathLike[str], split: str, direction: str = PHOTO_TO_SKETCH) -> list[Pair]:
    """All pairs of a source, read: see find_pairs. From sketch to photo they are `Pair.swapped`."""
    pairs = [read() for read in find_pairs(source, split)]
    return [pair.swapped() for pair in pairs] if direction == SKETCH_TO_PHOTO else pairs


def find_pairs(source: str | os.PathLike[str], split: str) -> list[Reader]:
    """A reader for every pair of a source, in the order of the pairs' names.

    source: "synthetic", whose faces are made here and stay in memory; a folder with `photos/` and
    `sketches/` (a pair shares a file stem); a folder with `train/` and `test/`, each such a folder, of
    which `split` names one; or a text file with a photo's and a sketch's path on each line, relative to
    it. DataError says what is wrong with a folder or a list; the files are opened by the readers.
    """
    if os.fspath(source) == SYNTHETIC:
        make = {"train": synthetic.training_pairs, "test": synthetic.test_pairs}[split]
        return [partial(Pair, *values) for values in make()]
    path = Path(source)
    if path.is_file():
        files = _listed_files(path)
    elif path.is_dir():
        files = _folder_files(_split_folder(path, split))
    else:
        raise DataError(f"{path}: no such folder or list file of photo-sketch pairs")
    return [partial(_read_pair, photo, sketch) for photo, sketch in files]


def pair_files(source: str | os.PathLike[str]) -> list[Path]:
    """What a source's pairs may be read from, all splits of it: files, and the folders that they lie in.

    Nothing is said of what is wrong with the source: `find_pairs` does.
    """
    path = Path(source)
    if os.fspath(source) == SYNTHETIC:
        return []
    if path.is_file():
        return [path, *(each for pair in _listed_files(path) for each in pair)]
    kinds = [path / split / kind for split in ("", "train", "test") for kind in ("photos", "sketches")]
    folders = [each for each in kinds if each.is_dir()]
    return [*folders, *(file for folder in folders for file in sorted(folder.iterdir()))]


def _split_folder(folder: Path, split: str) -> Path:
    if (folder / split / "photos").is_dir():
        return folder / split
    if (folder / "photos").is_dir():
        return folder
    raise DataError(
        f"{folder}: expected photos/ and sketches/ in it, or {split}/photos/ and {split}/sketches/; "
        f"found {', '.join(sorted(entry.name for entry in folder.iterdir())[:5]) or 'nothing'}"
    )


def _folder_files(folder: Path) -> list[tuple[Path, Path]]:
    photos, sketches = _by_stem(folder / "photos"), _by_stem(folder / "sketches")
    for here, there, name in ((photos, sketches, "sketches"), (sketches, photos, "photos")):
        for stem in sorted(here.keys() - there.keys()):
            raise DataError(f"{here[stem]}: no file of the same name in {folder / name}")
    if not photos:
        raise DataError(f"{folder / 'photos'}: no images in it")
    return [(photos[stem], sketches[stem]) for stem in sorted(photos)]


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in files:
            raise DataError(f"{path}: the same name as {files[path.stem].name}; which one is meant?")
        files[path.stem] = path
    return files


def _listed_files(path: Path) -> list[tuple[Path, Path]]:
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable list of pairs: {error}") from None
    files = []
    for number, line in enumerate(lines, 1):
        words = line.split("\t") if "\t" in line else line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            raise DataError(
                f"{path}:{number}: expected a photo's and a sketch's path, separated by a space "
                f"(a tab if they contain spaces), found {counted(len(words), 'word')}"
            )
        files.append((path.parent / words[0].strip(), path.parent / words[1].strip()))
    if not files:
        raise DataError(f"{path}: lists no pairs")
    return files


def _read_pair(photo_path: Path, sketch_path: Path) -> Pair:
    photo, sketch = read_photo(photo_path), read_sketch(sketch_path)
    if photo.shape[:2] != sketch.shape:
        raise DataError(
            f"{sketch_path}: a {sketch.shape[1]}x{sketch.shape[0]} sketch of a "
            f"{photo.shape[1]}x{photo.shape[0]} photo (width x height); expected the same size"
        )
    return Pair(photo_path.stem, photo, sketch)
