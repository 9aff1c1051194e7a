"""All experiments by name, the folder that their results are kept in, and the page that shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pysketch.errors import DataError
from pysketch.files import atomic_path
from pysketch.images import SYNTHETIC
from pysketch.report import Section
from pysketch.reproduce.literal import literal
from pysketch.reproduce.names import EXPERIMENT_NAMES
from pysketch.reproduce.nets import fig3, fig4, fig5, fig6
from pysketch.reproduce.recipe import recipe
from pysketch.reproduce.regularizer import regularizer
from pysketch.reproduce.runner import STATUS, Experiment, Results, Row
from pysketch.reproduce.tables import growth, table1, table2
from pysketch.reproduce.training import Setting

EXPERIMENTS: dict[str, Callable[[Setting], Experiment]] = dict(
    zip(
        EXPERIMENT_NAMES,
        (table1, table2, fig3, fig4, fig5, fig6, regularizer, recipe, literal, growth),
        strict=True,
    )
)
"""What measures each table and figure, in the order of the page."""

_FAILURES = 5
"""How many results of an experiment that have no values are told one by one."""


def claim(out: Path, data: str) -> None:
    """Make the folder of results, for this data only; DataError if it holds those of other data."""
    source = data if data == SYNTHETIC else str(Path(data).resolve())
    note = out / "data.txt"
    try:
        if not note.is_file():
            with atomic_path(note) as temporary:
                temporary.write_text(source + "\n", encoding="utf-8")
        found = note.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise DataError(f"{out}: results cannot be kept there: {error.strerror}") from None
    if found != source:
        raise DataError(f"{note}: the results there are of {found}, expected {source}; give another --out")


def sections(results: Sequence[Results], folder: Path) -> list[Section]:
    """The page: every experiment with what it has, and what it has not."""
    page = []
    for each in results:
        shown = each.experiment.show(each.done, folder)
        notes = [f"Not computed yet: {len(each.missing())} of {len(each.experiment.cells)}."] if each.missing() else []
        without_values = each.failures + each.diverged
        notes += [told(each, row) for row in without_values[:_FAILURES]]
        if len(without_values) > _FAILURES:
            notes.append(f"And {len(without_values) - _FAILURES} more without values, see {each.path.name}.")
        page.append(Section(shown.heading, [*shown.paragraphs, *notes], shown.tables, shown.pictures))
    return page


def told(results: Results, row: Row) -> str:
    """A row without values as text: what tells it from others, and why."""
    return f"{' '.join(results.experiment.key(row))} {row[STATUS]}"


def status(results: Results) -> str:
    """One line: how many results are done, diverged, missing and failed."""
    done, diverged, failed = len(results.done), len(results.diverged), len(results.failures)
    line = f"{results.experiment.name:<12}"
    if results.experiment.cells:
        line += f"{done:>4} done{diverged:>4} diverged{len(results.missing()):>4} missing"
    return line + (f", of which {failed} failed" if failed else "")
