"""Who really is the nearest, found without looking at everybody in detail: for tools/benchmark.py gallery.

The exact matcher on every row of a million would take a minute a query. An outline is an orthonormal projection P of
the detail, so that by Cauchy and Schwarz, of a query's detail q and a row's d,

    <q, d> = <Pq, Pd> + <q - Pq, d - Pd>  <=  <Pq, o> + |Pq| |Pd - o| + |q - Pq| |d - Pd|

where o is the row's outline as it is stored, rounded. Whose bound is below the best product that was found is not the
nearest. Of the others a second projection E, on 768 directions orthogonal to those of P, says the same more narrowly;
who is left is compared exactly, those of the largest bounds first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pysketch.search import DETAIL_SCALE, OUTLINE_SCALE, Query, outlines, rounded

FURTHER = 768
_BLOCK = 4096  # rows at a time
_ROUNDING = 1e-5  # of float32, beside products of up to 1


class Nearest(NamedTuple):
    """row: who is nearest. distance: as `Query.distances` has it. compared: how many rows were compared exactly."""

    row: int
    distance: float
    compared: int


class Everybody(NamedTuple):
    """outlines: (N, OUTLINE), details: (N, DETAIL), further: (N, FURTHER), all int8 of their scales, mapped or not.

    slack: (N, 4) float32: |d - Pd|, |Pd - o|, |d - Pd - Ed|, |Ed - e|, e the row of further. basis: (FURTHER, DETAIL)
    float32: the rows of E.
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
    rests = squares[0] - squares[1], squares[0] - squares[1] - squares[2]
    lost = [np.linalg.norm(a - b / np.float32(OUTLINE_SCALE), axis=1) for a, b in ((seen, outline), (more, further))]
    slack = np.stack([_root(rests[0]), lost[0], _root(rests[1]), lost[1]], axis=1)
    return Everybody(outline, details, further, slack.astype(np.float32), basis)


def nearest(query: Query, first: np.ndarray, people: Everybody) -> Nearest:
    """The row that the exact matcher puts first.

    first: rows to begin with, the likely ones. They change how many are compared, not who is found.
    """
    distances = query.distances(people.details[first])
    place = int(np.argmin(distances))
    best, row, compared = float(distances[place]), int(first[place]), len(first)
    further = query.details @ people.basis.T
    seen, whole, more = (np.einsum("td,td->t", a, a) for a in (query.outlines, query.details, further))
    coarse = [query.outlines / OUTLINE_SCALE, _root(whole - seen)[:, None], _root(seen)[:, None]]
    fine = [query.outlines / OUTLINE_SCALE, further / OUTLINE_SCALE]
    fine += [_root(seen)[:, None], _root(whole - seen - more)[:, None], _root(more)[:, None]]

    bounds = _bounds(coarse, [people.outlines, people.slack[:, :2]], np.arange(len(people.outlines)))
    bounds[first] = -np.inf
    rows = np.flatnonzero(bounds >= 1 - best - _ROUNDING)
    bounds = _bounds(fine, [people.outlines, people.further, people.slack[:, 1:]], rows)
    rows, bounds = (each[np.argsort(-bounds, kind="stable")] for each in (rows, bounds))
    for start in range(0, len(rows), _BLOCK):
        block = np.sort(rows[start : start + _BLOCK][bounds[start : start + _BLOCK] >= 1 - best - _ROUNDING])
        if not len(block):
            break
        distances = query.distances(people.details[block])
        compared += len(block)
        place = int(np.argmin(distances))
        if distances[place] < best:
            best, row = float(distances[place]), int(block[place])
    return Nearest(row, best, compared)


def _bounds(query: list[np.ndarray], people: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """(N,) float32: the largest product of each of the rows with a transform; both are columns, side by side."""
    transforms = np.hstack(query).astype(np.float32)
    bounds = np.empty(len(rows), np.float32)
    block = np.empty((_BLOCK, transforms.shape[1]), np.float32)
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        np.concatenate([each[some] for each in people], axis=1, out=block[: len(some)], casting="unsafe")
        np.max(transforms @ block[: len(some)].T, axis=0, out=bounds[start : start + len(some)])
    return bounds


def _root(squares: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(squares, 0))
