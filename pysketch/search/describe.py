"""An aligned sketch as numbers: what of it is compared, and how.

A description is a long vector of norm 1, `detail`, for which a match is one dot product, and a short one, `outline`,
by which the nearest thousand are found first.

The detail is made of several views (`views`). Each is centred by a mean, brought to norm 1, and given its weight. Then
the directions in which sketches of one person differ most, as learned from pairs, are damped: x - N^T (d * N x), the
rows of N orthonormal, d from 0 to 1 (within-class covariance normalization, Hatch, Kajarekar, Stolcke, Interspeech
2006, for the largest directions alone, so that whatever else tells people apart is left as it is).

The outline is the detail's projection on OUTLINE orthonormal directions in which faces differ most. So for two details
x, y and their outlines p, q, by Cauchy and Schwarz: |x y - p q| <= sqrt(1 - p p) sqrt(1 - q q).
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pysketch.errors import DataError
from pysketch.search.views import WHOLE_VIEWS, ViewSet, look, sampled

DESCRIPTION = 2
"""The version of all that stands here: descriptions of different versions are not compared."""

OUTLINE, NUISANCES = WHOLE_VIEWS.outline, 128
DETAIL = WHOLE_VIEWS.length
OUTLINE_SCALE, DETAIL_SCALE = 300.0, 1200.0
"""What numbers of vectors of norm 1 are multiplied with before they are rounded to int8."""


class Description(NamedTuple):
    """outline: (OUTLINE,) int8, of norm at most 1; detail: (DETAIL,) int8, of norm 1; times their scales, rounded.

    Here and below OUTLINE and DETAIL are those of WHOLE_VIEWS; another set of views has its own `outline` and `length`.
    """

    outline: np.ndarray
    detail: np.ndarray


class Learned(NamedTuple):
    """What was learned from training pairs (`learning`), float32.

    means: (DETAIL,), of all views. nuisances: (NUISANCES, DETAIL), orthonormal rows: how sketches of one person differ;
    damped: (NUISANCES,), how much of each is taken off, 0 to 1. outline: (OUTLINE, DETAIL), orthonormal rows.
    """

    means: np.ndarray
    nuisances: np.ndarray
    damped: np.ndarray
    outline: np.ndarray


def describe(sketch: np.ndarray, views: ViewSet = WHOLE_VIEWS) -> Description:
    """What is kept of an aligned sketch, grey uint8 (250, 200) or its centre; DataError if it is larger."""
    detail = details(sampled([look(sketch, views)], [0.0], [0.0], views), views)
    return Description(rounded(outlines(detail, views)[0], OUTLINE_SCALE), rounded(detail[0], DETAIL_SCALE))


def details(sampled: Sequence[np.ndarray], views: ViewSet = WHOLE_VIEWS) -> np.ndarray:
    """(N, DETAIL) float32 of norm 1, of `sampled` views of N sketches."""
    known = learned(views)
    return damped(combined(sampled, known.means, views), known.nuisances, known.damped)


def places() -> np.ndarray:
    """(DETAIL, 3) float: of each number of a detail the frame's row and column, and how far around it looks, pixels."""
    found = []
    for view in WHOLE_VIEWS.views:
        grid = np.stack(np.meshgrid(view.grid.places(0), view.grid.places(1), indexing="ij"), axis=-1).reshape(-1, 2)
        grid = np.column_stack([grid, np.full(len(grid), view.around)])
        found.append(np.tile(grid, (view.length // len(grid), 1)))
    return np.concatenate(found)


def outlines(details: np.ndarray, views: ViewSet = WHOLE_VIEWS) -> np.ndarray:
    """(N, OUTLINE) float32 of norm at most 1, of (N, DETAIL): their projections."""
    return details @ learned(views).outline.T


def combined(sampled: Sequence[np.ndarray], means: np.ndarray, views: ViewSet = WHOLE_VIEWS) -> np.ndarray:
    """(N, DETAIL): the views less their means, each of norm 1 times its weight, one after the other."""
    found = np.empty((len(sampled[0]), views.length), np.float32)
    end = 0
    for view, values in zip(views.views, sampled, strict=True):
        start, end = end, end + view.length
        part = np.subtract(values, means[start:end], out=found[:, start:end])
        part *= view.weight / _norms(part)
    return found


def damped(vectors: np.ndarray, nuisances: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Of norm 1: the vectors (N, DETAIL), of which a share of each nuisance is taken off, in place."""
    vectors -= (vectors @ nuisances.T * share) @ nuisances
    vectors /= _norms(vectors)
    return vectors


def rounded(vectors: np.ndarray, scale: float) -> np.ndarray:
    """Times the scale, as int8; what is beyond is clipped."""
    return np.clip(np.rint(vectors * scale), -127, 127).astype(np.int8)


def learned(views: ViewSet = WHOLE_VIEWS) -> Learned:
    """What was learned, from the file that comes with the code; DataError if that is damaged."""
    return _learned(views)


@cache
def _learned(views: ViewSet) -> Learned:
    return read_learned(learned_file(views), views)


def learned_file(views: ViewSet = WHOLE_VIEWS) -> Path:
    """The file that comes with the code."""
    return Path(__file__).with_name(views.learned)


def read_learned(path: Path, views: ViewSet = WHOLE_VIEWS) -> Learned:
    """What `learning` wrote; nothing in the file runs. DataError if it is no such file."""
    shapes = {
        "means": ("float32", (views.length,)),
        "nuisances": ("int8", (NUISANCES, views.length)),
        "damped": ("float32", (NUISANCES,)),
        "outline": ("int8", (views.outline, views.length)),
    }
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            found = {name: file[name] for name in shapes}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read: {error}; install pysketch anew") from None
    for name, (kind, shape) in shapes.items():
        if found[name].dtype != kind or found[name].shape != shape:
            was = f"{found[name].dtype} {found[name].shape}"
            raise DataError(f"{path}: expected {name} to be {kind} {shape}, found {was}; install pysketch anew")
    return Learned(found["means"], orthonormal(found["nuisances"]), found["damped"], orthonormal(found["outline"]))


def orthonormal(rows: np.ndarray) -> np.ndarray:
    """The rows (K, D), nearly orthogonal, made so one after the other (Gram and Schmidt, by Cholesky), float32.

    DataError if they depend on each other.
    """
    rows = rows.astype(np.float64)
    try:
        lower = np.linalg.cholesky(rows @ rows.T)
    except np.linalg.LinAlgError:
        raise DataError("learned directions depend on each other; install pysketch anew") from None
    return np.linalg.solve(lower, rows).astype(np.float32)


def _norms(vectors: np.ndarray) -> np.ndarray:
    """(N, 1): never 0, so that what is nothing stays nothing."""
    return np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
