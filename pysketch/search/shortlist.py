"""The first candidates: the rows of a gallery whose outlines come nearest to a sketch under any of its transforms.

`Exhaustive` looks at every row, block by block, in NumPy. `indexed` asks FAISS where in a large gallery to look.
"""

from __future__ import annotations

from threading import Lock
from typing import Protocol

import numpy as np

from pysketch.device import SLACK, Arena, Workers

SHORTLIST = 1000
"""How many portraits are compared in every detail, at least."""

_SHARE = 250  # of a larger gallery one in so many is

FEW = 16
"""The transforms under which every row is looked at; under all of them, only WIDER times those who are wanted."""

WIDER = 4

_BLOCK = 512  # rows at a time and thread: as floats they fit into a core's cache
_TASK = 16 * _BLOCK
_FLOAT = np.dtype(np.float32)


def candidate_count(rows: int) -> int:
    """How many of so many portraits are compared in every detail: a thousand, or one in 250 if those are more."""
    return max(SHORTLIST, rows // _SHARE)


class Shortlist(Protocol):
    """A way to find candidates; `name`: which, for people to read."""

    name: str

    def nearest(self, transforms: np.ndarray, count: int) -> np.ndarray:
        """(count,) rows, ascending, that come nearest under one of the (T, OUTLINE) float32 transforms of a query."""


class Exhaustive:
    """Every row is compared, in blocks of 512: of the outlines nothing but a block a thread is float32 at once.

    outlines: (N, OUTLINE) int8, mapped or not. What is held beside them: 12 bytes a row while it looks.
    """

    name = "exhaustive"

    def __init__(self, outlines: np.ndarray, threads: int | None = None) -> None:
        self.outlines = outlines
        self._workers, self._lock = Workers(threads), Lock()

    def nearest(self, transforms: np.ndarray, count: int) -> np.ndarray:
        """See `Shortlist`. Where rows are many, the transforms that differ most choose four times as many first."""
        count = min(count, len(self.outlines))
        if len(self.outlines) <= WIDER * count or len(transforms) <= FEW:
            return np.sort(largest(self.correlations(transforms, self.outlines), count))
        few = transforms[spread(transforms, FEW)]
        return self.among(largest(self.correlations(few, self.outlines), WIDER * count), transforms, count)

    def among(self, rows: np.ndarray, transforms: np.ndarray, count: int) -> np.ndarray:
        """The same of some rows only."""
        rows = np.sort(rows)
        return rows[np.sort(largest(self.correlations(transforms, self.outlines[rows]), count))]

    def correlations(self, transforms: np.ndarray, outlines: np.ndarray) -> np.ndarray:
        """(N,) float32: each row's largest product with a transform, times the outlines' scale."""
        best = np.empty(len(outlines), np.float32)
        width = outlines.shape[1]

        def work(first: int, arena: Arena) -> None:
            arena.reserve(4 * _BLOCK * (width + len(transforms)) + SLACK, np)
            floats, products = (arena.take(shape, _FLOAT) for shape in ((_BLOCK, width), (len(transforms), _BLOCK)))
            for start in range(first, min(first + _TASK, len(outlines)), _BLOCK):
                rows = outlines[start : start + _BLOCK]
                block, here = floats[: len(rows)], products[:, : len(rows)]
                np.copyto(block, rows)
                np.matmul(transforms, block.T, out=here)
                np.max(here, axis=0, out=best[start : start + len(rows)])

        with self._lock:
            self._workers.run(work, range(0, len(outlines), _TASK), np)
        return best


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` largest values, in no order; all if there are fewer."""
    return np.argpartition(values, len(values) - count)[-count:] if count < len(values) else np.arange(len(values))


def spread(transforms: np.ndarray, count: int) -> np.ndarray:
    """`count` rows of (T, D) that leave none far from its nearest: the first, then always the farthest from those.

    Gonzalez (1985), "Clustering to minimize the maximum intercluster distance".
    """
    chosen = [0]
    alike = transforms @ transforms[0]
    norms = np.einsum("td,td->t", transforms, transforms)
    apart = norms + norms[0] - 2 * alike
    while len(chosen) < min(count, len(transforms)):
        farthest = int(np.argmax(apart))
        chosen.append(farthest)
        apart = np.minimum(apart, norms + norms[farthest] - 2 * (transforms @ transforms[farthest]))
    return np.array(chosen)
