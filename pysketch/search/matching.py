"""A sketch that is looked for: described under many shifts, turns and sizes, of which the best counts."""

from __future__ import annotations

import numpy as np

from pysketch.search.describe import DETAIL_SCALE, OUTLINE_SCALE, details, outlines
from pysketch.search.views import WHOLE_VIEWS, ViewSet, look, sampled, turned

DOWN, ACROSS = (-4.0, 0.0, 4.0), (-4.0, 0.0, 4.0)
TURNS = (-3.0, 0.0, 3.0)
SIZES = (0.96, 1.0, 1.04)
"""Pixels; degrees; factors: 81 together."""

_STILL = (0.0,), (0.0,), (0.0,), (1.0,)

_BLOCK = 1 << 22  # numbers of float32 at a time


class Query:
    """An aligned sketch, grey uint8 (250, 200) or its centre, under every shift, turn and size; T = 1 if not moved.

    outlines: (T, OUTLINE), of norm at most 1, details: (T, DETAIL), of norm 1, float32. DataError if the sketch is
    larger. views: what is looked at; descriptions that it is compared with are of the same.
    """

    def __init__(self, sketch: np.ndarray, views: ViewSet = WHOLE_VIEWS) -> None:
        looked = look(sketch, views)
        downs, acrosses, turns, sizes = (DOWN, ACROSS, TURNS, SIZES) if views.moved else _STILL
        moved = [turned(looked, turn, size) for turn in turns for size in sizes]
        self.details = details(sampled(moved, downs, acrosses, views), views)
        self.outlines = outlines(self.details, views)

    def outline_distances(self, others: np.ndarray) -> np.ndarray:
        """(N,) float32, 0 to 2, of (N, OUTLINE) int8: 1 - the best correlation of the outlines."""
        return _distances(self.outlines, others, OUTLINE_SCALE)

    def distances(self, others: np.ndarray) -> np.ndarray:
        """(N,) float32, 0 to 2, of (N, DETAIL) int8: 1 - the best correlation of the details."""
        return _distances(self.details, others, DETAIL_SCALE)

    def contributions(self, other: np.ndarray) -> np.ndarray:
        """(DETAIL,) float32, of (DETAIL,) int8: what each number adds to the best correlation, 1 - the distance."""
        products = self.details * (other.astype(np.float32) / np.float32(DETAIL_SCALE))
        return products[products.sum(axis=1).argmax()]


def _distances(query: np.ndarray, others: np.ndarray, scale: float) -> np.ndarray:
    """Block by block, so that no more than 16 MiB of the others are float32 at once."""
    best = np.empty(len(others), np.float32)
    size = max(1, _BLOCK // max(1, query.shape[1]))
    for start in range(0, len(others), size):
        block = others[start : start + size].astype(np.float32)
        best[start : start + size] = (block @ query.T).max(axis=1)
    return 1 - best / np.float32(scale)
