"""How sketches are compared to find a person: by pixels, as the paper does, or by several views of a face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from pysketch.images import crop_centre, inner_face, squared_distances
from pysketch.search import INNER, INNER_VIEWS, PIXELS, VIEWS, WHOLE_VIEWS, Query, ViewSet, describe

PAPER = 255
"""The grey level of a sketch where nothing is drawn."""

_FRAME = 250, 200
_BLOCK = 1000  # sketches that are compared by pixels at a time: 215 MB


def pixel_distances(drawn: Sequence[np.ndarray], sketches: Sequence[np.ndarray]) -> np.ndarray:
    """(queries, gallery): the paper's, `squared_distances`, block by block."""
    blocks = [drawn[start : start + _BLOCK] for start in range(0, len(drawn), _BLOCK)]
    return np.concatenate([squared_distances(block, sketches) for block in blocks], axis=1)


def view_distances(
    drawn: Sequence[np.ndarray], sketches: Sequence[np.ndarray], views: ViewSet = WHOLE_VIEWS
) -> np.ndarray:
    """(queries, gallery) float32: that of `search.Query`, under every shift, turn and size, the nearest."""
    details = np.stack([describe(each, views).detail for each in drawn])
    return np.stack([Query(each, views).distances(details) for each in sketches])


MATCHES: dict[str, Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], np.ndarray]] = {
    PIXELS: pixel_distances,
    VIEWS: view_distances,
    INNER: partial(view_distances, views=INNER_VIEWS),
}
"""By name, what gives the distances of drawn sketches and artists' sketches, grey uint8: (queries, gallery)."""


def inner_only(sketches: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The sketches, paper around an oval from the forehead to the chin (`inner_face`); centred crops of the frame."""
    shown = crop_centre(inner_face(_FRAME), *sketches[0].shape[::-1])
    return [np.where(shown, each, PAPER).astype(np.uint8) for each in sketches]


def margins(distances: np.ndarray) -> np.ndarray:
    """(N,): how much farther the nearest other person is than the own one, in deviations of all others' distances.

    distances: (N, N or more); whose own person is on the diagonal. Below 0: somebody else is nearer. NaN where all
    others are equally far, or there are none.
    """
    if distances.shape[1] < 2:
        return np.full(len(distances), np.nan)
    others = np.ones(distances.shape, bool)
    np.fill_diagonal(others, False)
    wrong = distances[others].reshape(len(distances), -1).astype(np.float64)
    deviations = wrong.std(axis=1)
    deviations[deviations == 0] = np.nan
    return (wrong.min(axis=1) - np.diagonal(distances)) / deviations
