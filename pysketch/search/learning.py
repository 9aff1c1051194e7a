"""How descriptions were learned: from training pairs, and from faces mixed of theirs. tools/learn_views.py calls it.

Three things are learned (`Learned`): the views' means, the ways in which sketches of one person differ, and those in
which people do. For the second, each artist's sketch is taken as it is and as another artist might have drawn it, or
another scanner seen it: features a little out of place, other pencils and paper; against what nets drew of the person's
photo, in this light and in that. No test pair has a part in it.

Of the inner face all but one of the other artists put features out of place by half as much, with the same pencil on
the same paper, and no outline is learned.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from pysketch.files import atomic_path
from pysketch.images import Pair, in_other_light, ndimage
from pysketch.search.describe import NUISANCES, Learned, combined, damped
from pysketch.search.mixing import mixed, pulled
from pysketch.search.views import FRAME, WHOLE_VIEWS, ViewSet, in_frame, look, sampled

VARIANTS = 3
"""How many other artists each sketch is given to."""

MIXED = 2000
"""How many faces the outline is learned from, beside the real ones."""

_OUT_OF_PLACE = 2.0  # pixels, deviation of a feature
_SHIFT, _TURN, _SIZE = 1.0, 1.0, 0.015  # deviations of the whole: pixels, degrees, of the ln of the size
_LIGHT = 0.3, 0.1  # deviations of the light and of its colour
_DIRECTIONS, _DAMPED_BELOW = 400, 0.1  # how many directions pairs differ in; this share of their mean variance is kept


def learn_from(
    pairs: Sequence[Pair],
    made: Sequence[np.ndarray],
    draws: Sequence[Callable[[np.ndarray], np.ndarray]],
    rng: np.random.Generator,
    progress: Callable[[int, int], object] | None = None,
    views: ViewSet = WHOLE_VIEWS,
) -> Learned:
    """`learn`, of training pairs, 200x250 pixels, and photos of made faces.

    draws: nets, photo (H, W, 3) uint8 -> sketch uint8, the photo or its centre. Each draws the pairs' photos as they
    are and in other light, the first one the made faces, too. progress: told how many of how many are drawn.
    """
    relit = [in_other_light(pair.photo, rng, *_LIGHT) for pair in pairs]
    jobs = [(draw, photos) for draw in draws for photos in ([pair.photo for pair in pairs], relit)]
    jobs.append((draws[0], made))
    total, done, drawn = sum(len(photos) for _, photos in jobs), 0, []
    for draw, photos in jobs:
        drawn.append([])
        for photo in photos:
            drawn[-1].append(in_frame(draw(photo)))
            done += 1
            if progress:
                progress(done, total)
    return learn([in_frame(pair.sketch) for pair in pairs], drawn[:-1], [drawn[0], drawn[-1]], rng, views)


def learn(
    sketches: Sequence[np.ndarray],
    drawn: Sequence[Sequence[np.ndarray]],
    others: Sequence[Sequence[np.ndarray]],
    rng: np.random.Generator,
    views: ViewSet = WHOLE_VIEWS,
) -> Learned:
    """What describing by some views needs, of aligned grey uint8 sketches (250, 200).

    sketches: of N people by an artist. drawn: one or more lists of N, of the same people's photos by a net. others:
    lists of drawn sketches, of one kind each (real people's, synthetic ones'), of which faces are mixed.
    """
    others_hands = [by_another_artist] * VARIANTS
    if views.inner:
        others_hands[1:] = [out_of_place] * (VARIANTS - 1)
    artists = [list(sketches)] + [[drawn_by(each, rng) for each in sketches] for drawn_by in others_hands]
    by_artists, by_nets = [_views(each, views) for each in artists], [_views(each, views) for each in drawn]
    strange = _views([each for kind in others for each in kind], views)
    kinds = [_mean([by_artists[0]]), _mean(by_nets), _mean([strange])]
    means = np.concatenate([np.mean(each, axis=0) for each in zip(*kinds, strict=True)]).astype(np.float32)
    pairs = [(a, b) for a in by_artists for b in by_nets]
    apart = np.concatenate([combined(a, means, views) - combined(b, means, views) for a, b in pairs])
    nuisances, variances = _principal(apart, NUISANCES)
    floor = _DAMPED_BELOW * float(np.square(apart, dtype=np.float64).sum()) / len(apart) / _DIRECTIONS
    share = (1 - np.sqrt(floor / (variances + floor))).astype(np.float32)
    if not views.outline:
        return Learned(means, nuisances, share, np.empty((0, views.length), np.float32))
    faces = [face for kind in others for face in mixed(kind, MIXED // len(others), rng)]
    every = [*by_artists, *by_nets, strange, _views(faces, views)]
    vectors = np.concatenate([damped(combined(each, means, views), nuisances, share) for each in every])
    return Learned(means, nuisances, share, _principal(vectors, views.outline)[0])


def write_learned(path: str | os.PathLike[str], learned: Learned) -> None:
    """Write it as `read_learned` reads it; directions are rounded to 8 bits."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            means=learned.means,
            nuisances=_in_8_bits(learned.nuisances),
            damped=learned.damped,
            outline=_in_8_bits(learned.outline),
        )


def by_another_artist(sketch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sketch (250, 200) uint8 as another artist, pencil, paper or scanner might have made it."""
    level = _out_of_place(sketch, rng, 1.0) / 255
    level = level ** np.exp(rng.normal(0, 0.4)) * rng.uniform(0.5, 1) + rng.uniform(0, 0.2)
    return np.rint(_with_another_pencil(level, rng).clip(0, 1) * 255).astype(np.uint8)


def out_of_place(sketch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sketch (250, 200) uint8 with features out of place by half as much, and nothing else changed."""
    return np.rint(_out_of_place(sketch, rng, 0.5)).astype(np.uint8)


def _out_of_place(sketch: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Grey levels, 0 to 255; share: of the deviations by which features and the whole are moved."""
    angle, size = np.radians(rng.normal(0, share * _TURN)), np.exp(rng.normal(0, share * _SIZE))
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / size
    middle = (np.array(FRAME) - 1) / 2
    offset = middle - linear @ middle + rng.normal(0, share * _SHIFT, 2)
    return pulled(sketch, rng, share * _OUT_OF_PLACE, np.column_stack([linear, offset])).clip(0, 255)


def _with_another_pencil(level: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Levels 0 to 1: soft, thick, thin or sharp; on paper that is lit from a side and has a grain."""
    filters, kind = ndimage(), rng.integers(4)
    if kind == 0:
        level = filters.gaussian_filter(level, rng.uniform(0, 2))
    elif kind == 1:
        level = filters.grey_erosion(level, (2, 2))
    elif kind == 2:
        level = filters.grey_dilation(level, (2, 2))
    else:
        level = level + (level - filters.gaussian_filter(level, 3)) * rng.uniform(0, 1.5)
    down, across = (np.linspace(-0.5, 0.5, size) for size in level.shape)
    side = 1 + rng.normal(0, 0.12) * down[:, None] + rng.normal(0, 0.12) * across
    return level * side + rng.normal(0, rng.uniform(0, 0.05), level.shape)


def _views(sketches: Iterable[np.ndarray], views: ViewSet) -> list[np.ndarray]:
    """`sampled` of each, at its place."""
    found = [sampled([look(each, views)], [0.0], [0.0], views) for each in sketches]
    return [np.concatenate(each) for each in zip(*found, strict=True)]


def _mean(views: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """The mean of each view over all sketches of several lists."""
    return [np.concatenate(each).mean(axis=0) for each in zip(*views, strict=True)]


def _principal(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, D) float32, orthonormal, and (count,): the directions of the largest second moments, and these."""
    moments = vectors.T.astype(np.float64) @ vectors / len(vectors)
    values, directions = np.linalg.eigh(moments)
    last = slice(None, -count - 1, -1)
    return np.ascontiguousarray(directions[:, last].T).astype(np.float32), values[last].astype(np.float32)


def _in_8_bits(directions: np.ndarray) -> np.ndarray:
    return np.rint(directions * (127 / np.abs(directions).max(axis=1, keepdims=True))).astype(np.int8)
