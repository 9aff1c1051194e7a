"""A million people whom nobody has met, described: synthetic faces, varied, drawn, mixed; for tools/benchmark.py.

To draw a million faces would take days. Instead:

1. The 112 synthetic people are varied twice each (hair, skin, light, place) and drawn by the portrait net.
2. Sketches are mixed of the drawn ones (`search.mixed`): one's hair, another's eyes, a third's nose and mouth, bent.
   Some thousand of them are described. The same mixture of the people's synthetic drawings, in place of what the net
   drew of their photos, is what an artist would have handed in; moved a little, as by hand, it is a query.
3. A million descriptions are mixed of those, once more of three each, the whole of norm 1.

How near the nearest of so many others are, drawn, mixed and mixed again, `Crowd.alikeness` tells. The first people of a
gallery are mixed sketches themselves: those who are looked for. All depends on the seed alone. Outlines and details lie
in files of int8, mapped; a smaller gallery is the start of a larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pysketch.benchmark.search_reference import THIRDS, Everybody, thirds_of
from pysketch.drawing import Sketcher
from pysketch.files import atomic_path
from pysketch.images import SYNTHETIC, Variation, find_parts, load_pairs, vary, warp
from pysketch.search import DESCRIPTION, DETAIL_SCALE, OUTLINE_SCALE, describe, mixed, outlines, places, rounded
from pysketch.shipped import find_net

VARIATION = Variation(skin=0.5, hair=0.7, side_light=0.2, shadow=0.2, turn=1.5, zoom=0.02, blur=0.7, noise=3, jpeg=0.3)
VARIED = 2

_EYES = (100, 145)  # rows of the frame
_FACE = (100, 150, 52, 66)  # x, y and half axes of what is not hair

_BLOCK = 4096  # people at a time, each block with a generator of its own
_SHOWN = 112  # of whom `alikeness` tells

Progress = Callable[[Iterable, str], Iterable]
"""Goes through something, and may show how far it is; the text says what it is."""


class Faces(NamedTuple):
    """drawn: (F, 250, 200) uint8, by the portrait net; sketched: (F, 250, 200) uint8, the same people's drawings."""

    drawn: np.ndarray
    sketched: np.ndarray


class Alikeness(NamedTuple):
    """Of some people: mean and deviation of two's correlation; that with the nearest other, median and most."""

    mean: float
    deviation: float
    nearest: float
    most: float


class Mixture(NamedTuple):
    """details: (N, DETAIL) int8; sources: (N, 3) int32; fit: (N, 2) float32: see `Everybody`."""

    details: np.ndarray
    sources: np.ndarray
    fit: np.ndarray


class Crowd(NamedTuple):
    """described: (M, DETAIL) int8: the mixed sketches, of which the first are the first people, too."""

    faces: Faces
    described: np.ndarray
    people: Everybody

    def alikeness(self) -> dict[str, Alikeness]:
        """How alike people are who were drawn, who were mixed of them, and whose descriptions were mixed."""
        drawn = np.stack([describe(each).detail for each in self.faces.drawn])
        groups = {"drawn": drawn, "sketches mixed": self.described, "descriptions mixed": self.people.details[::-1]}
        return {name: alikeness(details[:_SHOWN]) for name, details in groups.items()}


def make_crowd(folder: Path, size: int, described: int, seed: int, progress: Progress) -> Crowd:
    """So many people, of whom `described` are mixed sketches; what lies in the folder already is not made again."""
    name = f"{seed}-{DESCRIPTION}-{described}"
    faces = Faces(*_kept(folder / f"faces-{seed}.npy", lambda: np.stack(draw_faces(seed, progress))))
    pool = _kept(folder / f"described-{name}.npy", lambda: _describe_mixed(faces.drawn, described, seed, progress))
    paths = [folder / f"{kind}-{name}-{size}.npy" for kind in ("outlines", *Mixture._fields)]
    if not all(path.exists() for path in paths):
        _write_people(paths, pool, size, seed, progress)
    columns = (np.load(path, mmap_mode="r", allow_pickle=False) for path in paths)
    return Crowd(faces, pool, Everybody(*columns, owners(), thirds_of(pool, owners())))


def draw_faces(seed: int, progress: Progress) -> Faces:
    """All synthetic people, varied twice each, and drawn."""
    sketcher, rng = Sketcher(find_net("portrait")), np.random.default_rng([seed, 1])
    pairs = [pair for split in ("train", "test") for pair in load_pairs(SYNTHETIC, split)]
    found = []
    for pair in progress(pairs * VARIED, "faces drawn"):
        varied = vary(pair, find_parts(pair.photo, pair.sketch), VARIATION, rng)
        found.append((sketcher.draw(varied.photo), varied.sketch))
    return Faces(*(np.stack(each) for each in zip(*found, strict=True)))


def mixed_sketch(sketches: np.ndarray, number: int, seed: int) -> np.ndarray:
    """(250, 200) uint8: the mixture of this number; of `Faces.drawn` and `Faces.sketched` alike."""
    return next(mixed(sketches, 1, np.random.default_rng([seed, 2, number])))


def query_sketch(faces: Faces, number: int, seed: int) -> np.ndarray:
    """What an artist draws of person `number`: moved by 1.5 pixels, 1.5 degrees and 2 % (deviations)."""
    sketch, rng = mixed_sketch(faces.sketched, number, seed), np.random.default_rng([seed, 3, number])
    angle, size = np.deg2rad(rng.normal(0, 1.5)), np.exp(rng.normal(0, 0.02))
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / size
    middle = (np.array(sketch.shape[::-1]) - 1) / 2
    shift = middle - linear @ middle + rng.normal(0, 1.5, 2)
    return warp(sketch, np.column_stack([linear, shift]), sketch.shape[::-1], antialias=False)


def owners() -> np.ndarray:
    """(DETAIL,) which third of a face each number of a detail is of: 0 hair and neck, 1 eyes, 2 nose to chin."""
    (y, x, _), (u, v, across, down) = places().T, _FACE
    inner = np.hypot((x - u) / across, (y - v) / down) < 1
    return np.where(inner, np.where((y >= _EYES[0]) & (y < _EYES[1]), 1, 2), 0)


def mixed_details(details: np.ndarray, count: int, rng: np.random.Generator) -> Mixture:
    """So many of (M, DETAIL): the numbers of each third from another row, all of norm 1 again."""
    sources, owner = rng.integers(len(details), size=(count, THIRDS)), owners()
    found = np.empty((count, details.shape[1]), np.float32)
    for third in range(THIRDS):
        numbers = np.flatnonzero(owner == third)
        found[:, numbers] = details[np.ix_(sources[:, third], numbers)]
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    found /= lengths
    kept = rounded(found, DETAIL_SCALE)
    found -= kept / np.float32(DETAIL_SCALE)
    fit = np.column_stack([1 / lengths, np.linalg.norm(found, axis=1)])
    return Mixture(kept, sources.astype(np.int32), fit)


def _not_mixed(details: np.ndarray, start: int) -> Mixture:
    """Rows of the pool, from a place on, as they are."""
    places = np.arange(start, start + len(details), dtype=np.int32)
    fit = np.tile(np.float32([1 / DETAIL_SCALE, 0]), (len(details), 1))
    return Mixture(details, np.repeat(places[:, None], THIRDS, axis=1), fit)


def alikeness(details: np.ndarray) -> Alikeness:
    """Of (N, DETAIL) int8, everybody beside everybody."""
    vectors = details.astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    products = vectors @ vectors.T
    pairs = products[~np.eye(len(products), dtype=bool)]
    nearest = pairs.reshape(len(products), -1).max(axis=1)
    return Alikeness(*map(float, (pairs.mean(), pairs.std(), np.median(nearest), nearest.max())))


def _describe_mixed(drawn: np.ndarray, count: int, seed: int, progress: Progress) -> np.ndarray:
    numbers = progress(range(count), "mixed sketches described")
    return np.stack([describe(mixed_sketch(drawn, number, seed)).detail for number in numbers])


def _write_people(paths: list[Path], pool: np.ndarray, size: int, seed: int, progress: Progress) -> None:
    """The files, each whole or not at all: the pool first, then mixtures, a generator a block."""
    first = min(len(pool), size)
    starts = [*range(0, first, _BLOCK), *range(first, size, _BLOCK)]
    with ExitStack() as stack:
        temporary = [stack.enter_context(atomic_path(path)) for path in paths]
        files = [stack.enter_context(path.open("wb")) for path in temporary]
        for start, end in zip(progress(starts, "blocks of people mixed"), [*starts[1:], size], strict=True):
            rng = np.random.default_rng([seed, 4, start])
            some = _not_mixed(pool[start:end], start) if end <= first else mixed_details(pool, end - start, rng)
            seen = rounded(outlines(some.details.astype(np.float32) / np.float32(DETAIL_SCALE)), OUTLINE_SCALE)
            for file, rows in zip(files, (seen, *some), strict=True):
                if not start:
                    about = {"descr": rows.dtype.str, "fortran_order": False, "shape": (size, rows.shape[1])}
                    np.lib.format.write_array_header_1_0(file, about)
                file.write(np.ascontiguousarray(rows))


def _kept(path: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array in a file, made and written there if there is none."""
    if not path.exists():
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, make())
    return np.load(path, allow_pickle=False)
