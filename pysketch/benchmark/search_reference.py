"""Who really is the nearest, found without looking at everybody in detail: for tools/benchmark.py gallery.

The exact matcher on every row of a million takes 6e11 operations a query. But the people of `population` are mixed: a
row's detail d is, but for a rest r that rounding left, c (p1 + p2 + p3), three thirds of rows of a pool. So a query's
products with all thirds of the pool, 3e9 operations for 5,000, are all that is needed for

    <q, d> = c (<q, p1> + <q, p2> + <q, p3>) + <q, r>,    where |<q, r>| <= |q| |r|    (Cauchy and Schwarz)

Who stays behind another even with all that r could add to the one and take off the other is not the nearest. The few
who are left are compared exactly.
"""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

import numpy as np

from pysketch.device import SLACK, Arena, Workers
from pysketch.search import Query

THIRDS = 3
_BLOCK = 2048  # rows at a time and thread
_FLOAT = np.dtype(np.float32)
_ROUNDING = 1e-5  # of float32, beside products of up to 1


class Nearest(NamedTuple):
    """row: who is nearest. distance: as `Query.distances` has it. compared: how many rows were compared exactly."""

    row: int
    distance: float
    compared: int


class Everybody(NamedTuple):
    """N people, mixed of a pool of M details.

    outlines: (N, OUTLINE), details: (N, DETAIL), int8 of their scales, mapped or not. sources: (N, 3) int32: of which
    row of the pool each third is. fit: (N, 2) float32: c, and |r| of details / DETAIL_SCALE. pool: (M, DETAIL) int8.
    owner: (DETAIL,) which third each number is of, 0 to 2.
    """

    outlines: np.ndarray
    details: np.ndarray
    sources: np.ndarray
    fit: np.ndarray
    pool: np.ndarray
    owner: np.ndarray

    def part(self, rows: slice) -> Everybody:
        """Some of them."""
        return self._replace(**{name: getattr(self, name)[rows] for name in self._fields[:4]})


def nearest(query: Query, people: Everybody, threads: int | None = None) -> Nearest:
    """The row that the exact matcher puts first."""
    products = _products(query, people, threads)
    reach = np.linalg.norm(query.details, axis=1).max() * people.fit[:, 1] + _ROUNDING
    rows = np.flatnonzero(products + reach >= (products - reach).max())
    distances = query.distances(people.details[rows])
    first = int(np.argmin(distances))
    return Nearest(int(rows[first]), float(distances[first]), len(rows))


def _products(query: Query, people: Everybody, threads: int | None) -> np.ndarray:
    """(N,) float32: each row's largest product with a transform, but for its rest."""
    tables = []
    for third in range(THIRDS):
        numbers = np.flatnonzero(people.owner == third)
        tables.append(people.pool[:, numbers].astype(np.float32) @ query.details[:, numbers].T)  # (M, T)
    best = np.empty(len(people.sources), np.float32)

    def work(start: int, arena: Arena) -> None:
        rows = slice(start, start + _BLOCK)
        sources = people.sources[rows]
        shape = len(sources), len(query.details)
        arena.reserve(2 * 4 * shape[0] * shape[1] + SLACK, np)
        sums, more = arena.take(shape, _FLOAT), arena.take(shape, _FLOAT)
        np.take(tables[0], sources[:, 0], axis=0, out=sums, mode="clip")  # no row is out of range; this is faster
        for third in range(1, THIRDS):
            sums += np.take(tables[third], sources[:, third], axis=0, out=more, mode="clip")
        np.max(sums, axis=1, out=best[rows])

    with closing(Workers(threads)) as workers:
        workers.run(work, range(0, len(best), _BLOCK), np)
    return best * people.fit[:, 0]
