"""Measure the paper's tables and figures again: python tools/reproduce.py --data DIR"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import common
from repro_literal import literal
from repro_nets import fig3, fig4, fig5, fig6
from repro_recipe import recipe
from repro_regularizer import regularizer
from repro_runner import STATUS, Experiment, Results, Row, run
from repro_tables import growth, table1, table2
from repro_training import Setting
from tqdm import tqdm

from pysketch import figures, report
from pysketch.errors import DataError, did_you_mean
from pysketch.files import atomic_path
from pysketch.pairs import SYNTHETIC, find_pairs
from pysketch.report import Section, write_page

EXAMPLES = """
experiments:
  table1       recognition: the shipped medium net and every baseline, with its time and memory   (30 min)
  table2       the time of one photo, for each net                                                (1 min)
  fig3         samples of what table1 has drawn
  fig4         rank 1 and RMSE over the number of training pairs, with and without the regularizer (60 min)
  fig5         MPRL of the four shipped nets                                                      (1 min)
  fig6         the medium net with and without the coordinates X and Y                            (10 min)
  regularizer  its gradient and the scores for alpha from 0 to 1e9, on 10 and 88 pairs            (15 min)
  recipe       how the shipped nets' recipe was chosen: small nets on 70 training pairs, the other 18 held out (75 min)
  literal      the paper's own recipe, update by update: its plateau, and what then               (6 min)
  growth       the time of one photo over the number of training pairs                            (10 min)

examples:
  python tools/reproduce.py --data DIR                       all of it, into reproduced/index.html
  python tools/reproduce.py table2 fig5 --data DIR --out results
  python tools/reproduce.py --data DIR --budget 30           what fits 30 minutes; again for more
  python tools/reproduce.py fig6 --data synthetic --quick --out try

Minutes are those of two cores. Each result goes into a CSV in the folder at once and is never computed again while it
is there: to compute it anew, remove its line (of literal, all lines). A net or recipe that has changed is another one.
What fails, as where a library is missing, is told at the end and tried again the next time.
DIR holds train/ and test/, each with photos/ and sketches/.
--budget ends with a whole result, so that it may take some minutes more.
"""

EXPERIMENTS: dict[str, Callable[[Setting], Experiment]] = {
    "table1": table1,
    "table2": table2,
    "fig3": fig3,
    "fig4": fig4,
    "fig5": fig5,
    "fig6": fig6,
    "regularizer": regularizer,
    "recipe": recipe,
    "literal": literal,
    "growth": growth,
}

_FAILURES = 5
"""How many results of an experiment that have no values are told one by one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is missing and write the page."""
    args = _parser().parse_args(arguments)
    figures.library()
    report.library()
    common.log_to(None, logging.ERROR)
    for split in ("train", "test"):
        find_pairs(args.data, split)  # a DataError now, not one for every result
    out = args.out / "quick" if args.quick else args.out
    claim(out, args.data)
    setting = Setting(args.data, out.resolve(), args.threads, args.quick)
    names = args.experiments or list(EXPERIMENTS)
    results = [Results.load(EXPERIMENTS[name](setting), out) for name in EXPERIMENTS]
    wanted = [each for each in results if each.experiment.name in names]
    waiting = sum(len(each.missing()) for each in wanted)
    with tqdm(total=waiting, unit="result", disable=None, dynamic_ncols=True) as bar:

        def begin(title: str, number: int) -> None:
            bar.update(number - bar.n)
            bar.set_postfix_str(title)

        left = run(wanted, None if args.budget is None else 60 * args.budget, begin)
        bar.update(waiting - left - bar.n)
    write_page(out / "index.html", "The paper, measured again", sections(results, out))
    for each in results:
        print(_status(each))
    print(f"report: {out / 'index.html'}" + (f"; {left} results are left, run the command again" if left else ""))
    failures = [f"{each.experiment.name} {_told(each, row)}" for each in wanted for row in each.failures]
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return common.BAD_INPUT if failures else 0


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


def experiment(name: str) -> str:
    """A check for argparse: the name of an experiment."""
    if name not in EXPERIMENTS:
        hint = did_you_mean(name, EXPERIMENTS)
        raise argparse.ArgumentTypeError(f"unknown experiment {name!r}; expected {', '.join(EXPERIMENTS)}{hint}")
    return name


def sections(results: Sequence[Results], folder: Path) -> list[Section]:
    """The page: every experiment with what it has, and what it has not."""
    page = []
    for each in results:
        shown = each.experiment.show(each.done, folder)
        notes = [f"Not computed yet: {len(each.missing())} of {len(each.experiment.cells)}."] if each.missing() else []
        without_values = each.failures + each.diverged
        notes += [_told(each, row) for row in without_values[:_FAILURES]]
        if len(without_values) > _FAILURES:
            notes.append(f"And {len(without_values) - _FAILURES} more without values, see {each.path.name}.")
        page.append(Section(shown.heading, [*shown.paragraphs, *notes], shown.tables, shown.pictures))
    return page


def _told(results: Results, row: Row) -> str:
    """A row without values as text: what tells it from others, and why."""
    return f"{' '.join(results.experiment.key(row))} {row[STATUS]}"


def _status(results: Results) -> str:
    done, diverged, failed = len(results.done), len(results.diverged), len(results.failures)
    line = f"{results.experiment.name:<12}"
    if results.experiment.cells:
        line += f"{done:>4} done{diverged:>4} diverged{len(results.missing()):>4} missing"
    return line + (f", of which {failed} failed" if failed else "")


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("reproduce.py", "Measure the paper's tables and figures again.", EXAMPLES)
    help = f"which of them; default: all of {', '.join(EXPERIMENTS)}"
    parser.add_argument("experiments", nargs="*", type=experiment, metavar="EXPERIMENT", help=help)
    parser.add_argument("--data", required=True, metavar="DIR|synthetic", help="photo-sketch pairs")
    parser.add_argument("--out", type=Path, default=Path("reproduced"), metavar="DIR", help="default: reproduced")
    help = "begin no further result after so many"
    parser.add_argument("--budget", type=common.number(0), metavar="MINUTES", help=help)
    parser.add_argument("--quick", action="store_true", help="shrink everything, into DIR/quick: does it run?")
    common.add_threads(parser)
    return parser


if __name__ == "__main__":
    common.run(main)
