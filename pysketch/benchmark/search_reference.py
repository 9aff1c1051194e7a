"""Who really is the nearest, found without looking at everybody in detail: for tools/benchmark.py gallery.

The exact matcher on every row of a million takes 6e11 operations a query. But the people of `population` are mixed: a
row's detail d is, but for a rest r that rounding left, c (p1 + p2 + p3), three thirds of rows of a pool. So a query's
products with all thirds of the pool, 3e9 operations for 5,000, are all that is needed for

    <q, d> = c (<q, p1> + <q, p2> + <q, p3>) + <q, r>,    where |<q, r>| <= |q| |r|    (Cauchy and Schwarz)

Who stays behind another even with all that r could add to the one and take off the other is not the nearest. Most are
excluded before that: no row's sum is larger than that of the most which each of its thirds has under any transform. The
few who are left are compared exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pysketch.search import Query

THIRDS = 3
_LIKELY = 1024  # rows from which somebody near is taken first
_BLOCK = 1 << 14  # rows at a time
_ROUNDING = 1e-5  # of float32, beside products of up to 1


class Nearest(NamedTuple):
    """row: who is nearest. distance: as `Query.distances` has it. compared: how many rows were compared exactly."""

    row: int
    distance: float
    compared: int


class Everybody(NamedTuple):
    """N people, mixed of a pool of M details.

    outlines: (N, OUTLINE), details: (N, DETAIL), int8 of their scales, mapped or not. sources: (N, 3) int32: of which
    row of the pool each third is. fit: (N, 2) float32: c, and |r| of details / DETAIL_SCALE. owner: (DETAIL,) which
    third each number is of, 0 to 2. thirds: (M, K) float32, the pool's numbers of each.
    """

    outlines: np.ndarray
    details: np.ndarray
    sources: np.ndarray
    fit: np.ndarray
    owner: np.ndarray
    thirds: tuple[np.ndarray, ...]

    def part(self, rows: slice) -> Everybody:
        """Some of them."""
        return self._replace(**{name: getattr(self, name)[rows] for name in self._fields[:4]})


def thirds_of(pool: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, ...]:
    """What `Everybody.thirds` is, of (M, DETAIL)."""
    return tuple(pool[:, owner == third].astype(np.float32) for third in range(THIRDS))


def nearest(query: Query, people: Everybody) -> Nearest:
    """The row that the exact matcher puts first."""
    looks = [query.details[:, people.owner == third].T for third in range(THIRDS)]
    tables = [third @ look for third, look in zip(people.thirds, looks, strict=True)]  # (M, T)
    reach = np.linalg.norm(query.details, axis=1).max() * people.fit[:, 1] + _ROUNDING
    each_at_most = [table.max(axis=1) for table in tables]
    most = people.fit[:, 0] * sum(table[people.sources[:, k]] for k, table in enumerate(each_at_most)) + reach
    likely = np.argpartition(most, -min(_LIKELY, len(most)))[-_LIKELY:]
    least = (_products(tables, people, likely) - reach[likely]).max()
    rows = np.flatnonzero(most >= least)
    products = _products(tables, people, rows)
    rows = rows[products + reach[rows] >= (products - reach[rows]).max()]
    distances = query.distances(people.details[rows])
    first = int(np.argmin(distances))
    return Nearest(int(rows[first]), float(distances[first]), len(rows))


def _products(tables: list[np.ndarray], people: Everybody, rows: np.ndarray) -> np.ndarray:
    """(K,) float32: the largest product of each of the rows with a transform, but for its rest."""
    best = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        sums = sum(table[people.sources[some, k]] for k, table in enumerate(tables))
        best[start : start + _BLOCK] = people.fit[some, 0] * sums.max(axis=1)
    return best
