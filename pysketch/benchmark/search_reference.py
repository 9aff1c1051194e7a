"""Who really is the nearest, found without looking at everybody in detail: for tools/benchmark.py gallery.

The exact matcher on every row of a million takes 6e11 operations a query. An outline is an orthonormal projection P of
the detail; E is a second one, on 768 directions orthogonal to those of P. By Cauchy and Schwarz, of a query's detail q
and a row's d,

    <q, d> = <Pq, Pd> + <Eq, Ed> + <q - Pq - Eq, d - Pd - Ed>
          <= <Pq, o> + |Pq| |Pd - o| + <Eq, e> + |Eq| |Ed - e| + |q - Pq - Eq| |d - Pd - Ed|

where o and e are the row's projections as they are stored, rounded. Whose bound is below the best product that was
found is not the nearest. Who is left is compared exactly, those of the largest bounds first. The bounds, 2e11
operations a query and a million, are one matrix product for a block of people and some queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np

from pysketch.device import SLACK, Arena, Workers
from pysketch.search import DETAIL_SCALE, OUTLINE_SCALE, Query, outlines, rounded

FURTHER = 768
_BLOCK = 2048  # rows at a time and thread
_FLOAT = np.dtype(np.float32)
_ROUNDING = 1e-5  # of float32, beside products of up to 1


class Nearest(NamedTuple):
    """row: who is nearest. distance: as `Query.distances` has it. compared: how many rows were compared exactly."""

    row: int
    distance: float
    compared: int


class Everybody(NamedTuple):
    """outlines: (N, OUTLINE), details: (N, DETAIL), further: (N, FURTHER), all int8 of their scales, mapped or not.

    slack: (N, 3) float32: |Pd - o|, |Ed - e|, |d - Pd - Ed|, o and e the rows of outlines and further. basis: (FURTHER,
    DETAIL) float32: the rows of E.
    """

    outlines: np.ndarray
    details: np.ndarray
    further: np.ndarray
    slack: np.ndarray
    basis: np.ndarray

    def part(self, rows: slice) -> Everybody:
        """Some of them."""
        return self._replace(**{name: getattr(self, name)[rows] for name in self._fields if name != "basis"})


def further_basis(details: np.ndarray, count: int = FURTHER) -> np.ndarray:
    """(count, DETAIL) float32, orthonormal: where (N, DETAIL) int8 differ most beside their outlines.

    By subspace iteration (Halko, Martinsson, Tropp, 2011, algorithm 4.4).
    """
    directions = outlines(np.eye(details.shape[1], dtype=np.float32))  # (DETAIL, OUTLINE): the columns of P
    rest = details.astype(np.float32)
    rest -= (rest @ directions) @ directions.T
    basis = np.random.default_rng(0).standard_normal((rest.shape[1], count)).astype(np.float32)
    for _ in range(3):
        basis = rest.T @ (rest @ basis)
        basis -= directions @ (directions.T @ basis)
        basis, _ = np.linalg.qr(basis)
    basis -= directions @ (directions.T @ basis)
    return np.ascontiguousarray(np.linalg.qr(basis)[0].T)


def everybody(details: np.ndarray, basis: np.ndarray) -> Everybody:
    """What is known of (N, DETAIL) int8."""
    whole = details.astype(np.float32) / np.float32(DETAIL_SCALE)
    seen, more = outlines(whole), whole @ basis.T
    outline, further = rounded(seen, OUTLINE_SCALE), rounded(more, OUTLINE_SCALE)
    squares = [np.einsum("nd,nd->n", each, each) for each in (whole, seen, more)]
    lost = [np.linalg.norm(a - b / np.float32(OUTLINE_SCALE), axis=1) for a, b in ((seen, outline), (more, further))]
    slack = np.stack([*lost, _root(squares[0] - squares[1] - squares[2])], axis=1)
    return Everybody(outline, details, further, slack.astype(np.float32), basis)


def nearest(
    queries: Sequence[Query], first: Sequence[np.ndarray], people: Everybody, threads: int | None = None
) -> list[Nearest]:
    """For each query, all of as many transforms, the row that the exact matcher puts first.

    first: for each query rows to begin with, the likely ones. They change how many are compared, not who is found.
    Held meanwhile: 4 bytes a row and query.
    """
    bounds = _bounds(queries, people, threads)
    return [_nearest(*each, people) for each in zip(queries, first, bounds, strict=True)]


def _nearest(query: Query, first: np.ndarray, bounds: np.ndarray, people: Everybody) -> Nearest:
    distances = query.distances(people.details[first])
    place = int(np.argmin(distances))
    best, row, compared = float(distances[place]), int(first[place]), len(first)
    bounds[first] = -np.inf
    rows = np.flatnonzero(bounds >= 1 - best - _ROUNDING)
    rows = rows[np.argsort(-bounds[rows], kind="stable")]
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        block = np.sort(block[bounds[block] >= 1 - best - _ROUNDING])
        if not len(block):
            break
        distances = query.distances(people.details[block])
        compared += len(block)
        place = int(np.argmin(distances))
        if distances[place] < best:
            best, row = float(distances[place]), int(block[place])
    return Nearest(row, best, compared)


def _bounds(queries: Sequence[Query], people: Everybody, threads: int | None = None) -> np.ndarray:
    """(Q, N) float32: the most that each row's product with a transform of each query can be."""
    transforms = np.concatenate([_columns(query, people.basis) for query in queries])
    known = people.outlines, people.further, people.slack
    bounds = np.empty((len(queries), len(people.outlines)), np.float32)

    def work(start: int, arena: Arena) -> None:
        rows = slice(start, min(start + _BLOCK, bounds.shape[1]))
        count, (all_transforms, width) = rows.stop - start, transforms.shape
        arena.reserve(4 * count * (width + all_transforms) + SLACK, np)
        block, products = (arena.take(shape, _FLOAT) for shape in ((count, width), (all_transforms, count)))
        np.concatenate([each[rows] for each in known], axis=1, out=block, casting="unsafe")
        np.matmul(transforms, block.T, out=products)
        np.max(products.reshape(len(queries), -1, count), axis=1, out=bounds[:, rows])

    with closing(Workers(threads)) as workers:
        workers.run(work, range(0, bounds.shape[1], _BLOCK), np)
    return bounds


def _columns(query: Query, basis: np.ndarray) -> np.ndarray:
    """(T, OUTLINE + FURTHER + 3) float32: what the columns of outlines, further and slack are multiplied with."""
    further = query.details @ basis.T
    whole, seen, more = (np.einsum("td,td->t", a, a) for a in (query.details, query.outlines, further))
    lengths = np.stack([_root(seen), _root(more), _root(whole - seen - more)], axis=1)
    return np.hstack([query.outlines / OUTLINE_SCALE, further / OUTLINE_SCALE, lengths]).astype(np.float32)


def _root(squares: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(squares, 0))
