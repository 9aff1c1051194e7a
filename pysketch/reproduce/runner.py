"""How tools/reproduce.py computes: cells of experiments, one by one, each result kept in a CSV at once."""

from __future__ import annotations

import csv
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pysketch.errors import DataError, DivergenceError, PysketchError
from pysketch.parallel import Lost
from pysketch.report import Section, write_csv

Cell = Mapping[str, Any]
"""The parameters of one result: column -> value."""

Row = dict[str, str]
"""A cell and its result as they stand in the CSV: column -> text."""

STATUS = "status"
DONE, DIVERGED, FAILED = "ok", "diverged", "failed"
"""What a status begins with: a result, a training that diverges, which is one too, or what may go well another time."""


@dataclass
class Experiment:
    """One table or figure: its cells, how one is computed, and how the results are shown.

    keys: the columns that tell cells apart; values: the columns of a result. compute(cell) gives the values;
    show(rows, folder) writes figures into the folder and gives a section of the report. timed: cells measure times, and
    are computed by one process while no other one works.
    """

    name: str
    keys: Sequence[str]
    values: Sequence[str]
    cells: Sequence[Cell]
    compute: Callable[[Cell], Mapping[str, Any]]
    show: Callable[[Sequence[Row], Path], Section]
    timed: bool = False

    def key(self, cell: Cell) -> tuple[str, ...]:
        """What tells this cell from others, as texts."""
        return tuple(str(cell[name]) for name in self.keys)


@dataclass
class Results:
    """An experiment's results in a CSV, which is written anew, under a temporary name, with each of them."""

    experiment: Experiment
    path: Path
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def load(cls, experiment: Experiment, folder: Path) -> Results:
        """What is there already; DataError if the file has other columns."""
        results = cls(experiment, folder / f"{experiment.name}.csv")
        if results.path.is_file():
            with results.path.open(encoding="utf-8", newline="") as stream:
                reader = csv.DictReader(stream)
                results.rows = list(reader)
                if reader.fieldnames != results.header:
                    raise DataError(
                        f"{results.path}: expected the columns {', '.join(results.header)}; found "
                        f"{', '.join(reader.fieldnames or ())}; was it written by another version? move it away"
                    )
        return results

    @property
    def header(self) -> list[str]:
        """The CSV's columns."""
        return [*self.experiment.keys, *self.experiment.values, STATUS]

    @property
    def done(self) -> list[Row]:
        """The results with values, in the order of the cells."""
        return self._with(DONE)

    @property
    def diverged(self) -> list[Row]:
        """The trainings that diverged, in the order of the cells."""
        return self._with(DIVERGED)

    @property
    def failures(self) -> list[Row]:
        """What has failed for another reason, and counts as missing, in the order of the cells."""
        return self._with(FAILED)

    def _with(self, status: str) -> list[Row]:
        return [row for row in self._found() if row[STATUS].startswith(status)]

    def _found(self) -> list[Row]:
        """The rows of the cells; rows of cells that are no longer asked for stay in the file, unused."""
        rows = {self.experiment.key(row): row for row in self.rows}
        wanted = (self.experiment.key(cell) for cell in self.experiment.cells)
        return [rows[key] for key in wanted if key in rows]

    def missing(self) -> list[Cell]:
        """The cells without a result, those that have failed among them: the library may be there by now."""
        known = {self.experiment.key(row) for row in self.rows if not row[STATUS].startswith(FAILED)}
        return [cell for cell in self.experiment.cells if self.experiment.key(cell) not in known]

    def keep(self, row: Row) -> None:
        """Put a row into the file, in place of one of the same cell."""
        self.rows = [each for each in self.rows if self.experiment.key(each) != self.experiment.key(row)] + [row]
        write_csv(self.path, self.header, [[row[name] for name in self.header] for row in self.rows])


def computed(experiment: Experiment, cell: Cell) -> Row:
    """A cell's row: its result or, if that is one line, why it has no values."""
    try:
        return row_of(experiment, cell, DONE, experiment.compute(cell))
    except DivergenceError as error:
        return row_of(experiment, cell, f"{DIVERGED}: {error}")
    except PysketchError as error:
        return row_of(experiment, cell, f"{FAILED}: {error}")


def row_of(experiment: Experiment, cell: Cell, status: str, values: Mapping[str, Any] = MappingProxyType({})) -> Row:
    """A row with this status and these values."""
    row = {name: str(cell[name]) for name in experiment.keys}
    return row | {name: str(values.get(name, "")) for name in experiment.values} | {STATUS: status}


def run(
    all_results: Sequence[Results],
    budget: float | None,
    begin: Callable[[str, int], object],
    clock: Callable[[], float] = time.monotonic,
    hand_out: Callable[..., Iterator[Row | Lost]] | None = None,
) -> int:
    """Compute what is missing, in the experiments' order; returns how many cells are left.

    budget: seconds after which no further cell is begun. Before each cell: begin(title, number of those before it).
    hand_out: `Hands` of those who compute [experiment's name, cell] by `computed`, for cells that measure no times;
    None: all are computed here. Each result is kept when it, and those before it, are there.
    """
    start = clock()
    waiting = [(results, cell) for results in all_results for cell in results.missing()]
    begun = 0

    def cells(part: Iterable[tuple[Results, Cell]]) -> Iterator[tuple[Results, Cell]]:
        nonlocal begun
        for results, cell in part:
            if budget is not None and clock() - start >= budget:
                return
            begin(f"{results.experiment.name} {' '.join(results.experiment.key(cell))}", begun)
            begun += 1
            yield results, cell

    for here, part in itertools.groupby(waiting, lambda each: hand_out is None or each[0].experiment.timed):
        if here:
            for results, cell in cells(part):
                results.keep(computed(results.experiment, cell))
            continue
        given: deque[tuple[Results, Cell]] = deque()
        rows = hand_out(_noted(cells(part), given), name=lambda job: f"{job[0]} {' '.join(map(str, job[1].values()))}")
        for row in rows:
            results, cell = given.popleft()
            if isinstance(row, Lost):
                row = row_of(results.experiment, cell, f"{FAILED}: {row}")
            results.keep(row)
    return len(waiting) - begun


def _noted(cells: Iterable[tuple[Results, Cell]], given: deque[tuple[Results, Cell]]) -> Iterator[list[Any]]:
    """The jobs of cells, which are noted as they are given out: their results come in this order."""
    for results, cell in cells:
        given.append((results, cell))
        yield [results.experiment.name, dict(cell)]


def number(row: Row, name: str) -> float:
    """A value of a row."""
    return float(row[name])
