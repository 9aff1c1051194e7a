"""How tools/reproduce.py computes: cells of experiments, one by one, each result kept in a CSV at once."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pysketch.errors import DataError, DivergenceError, PysketchError
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
    show(rows, folder) writes figures into the folder and gives a section of the report.
    """

    name: str
    keys: Sequence[str]
    values: Sequence[str]
    cells: Sequence[Cell]
    compute: Callable[[Cell], Mapping[str, Any]]
    show: Callable[[Sequence[Row], Path], Section]

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

    def compute(self, cell: Cell) -> None:
        """Compute one cell and keep it, or, if that is one line, why it has no values."""
        values: Mapping[str, Any] = {}
        try:
            values, status = self.experiment.compute(cell), DONE
        except DivergenceError as error:
            status = f"{DIVERGED}: {error}"
        except PysketchError as error:
            status = f"{FAILED}: {error}"
        row = {name: str(cell[name]) for name in self.experiment.keys}
        row |= {name: str(values.get(name, "")) for name in self.experiment.values} | {STATUS: status}
        self.rows = [each for each in self.rows if self.experiment.key(each) != self.experiment.key(cell)] + [row]
        write_csv(self.path, self.header, [[row[name] for name in self.header] for row in self.rows])


def run(
    all_results: Sequence[Results],
    budget: float | None,
    begin: Callable[[str, int], object],
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Compute what is missing, in the experiments' order; returns how many cells are left.

    budget: seconds after which no further cell is begun. Before each cell: begin(title, number of those before it).
    """
    start = clock()
    waiting = [(results, cell) for results in all_results for cell in results.missing()]
    for number, (results, cell) in enumerate(waiting):
        if budget is not None and clock() - start >= budget:
            return len(waiting) - number
        begin(f"{results.experiment.name} {' '.join(results.experiment.key(cell))}", number)
        results.compute(cell)
    return 0


def number(row: Row, name: str) -> float:
    """A value of a row."""
    return float(row[name])
