"""Measure the paper's tables and figures again: python tools/reproduce.py --data DIR"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import common

import pysketch
from pysketch.errors import did_you_mean

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is missing and write the page."""
    args = _parser().parse_args(arguments)
    pysketch.report.figures.library()
    pysketch.report.pages.library()
    common.log_to(None, logging.ERROR)
    for split in ("train", "test"):
        pysketch.images.find_pairs(args.data, split)  # a DataError now, not one for every result
    out = args.out / "quick" if args.quick else args.out
    pysketch.reproduce.claim(out, args.data)
    setting = pysketch.reproduce.Setting(args.data, out.resolve(), args.threads, args.quick)
    names = args.experiments or list(pysketch.reproduce.EXPERIMENTS)
    results = [
        pysketch.reproduce.Results.load(pysketch.reproduce.EXPERIMENTS[name](setting), out)
        for name in pysketch.reproduce.EXPERIMENTS
    ]
    wanted = [each for each in results if each.experiment.name in names]
    waiting = sum(len(each.missing()) for each in wanted)
    with common.bar(total=waiting, unit="result", disable=None, dynamic_ncols=True) as bar:

        def begin(title: str, number: int) -> None:
            bar.update(number - bar.n)
            bar.set_postfix_str(title)

        left = pysketch.reproduce.run(wanted, None if args.budget is None else 60 * args.budget, begin)
        bar.update(waiting - left - bar.n)
    pysketch.report.write_page(
        out / "index.html", "The paper, measured again", pysketch.reproduce.sections(results, out)
    )
    for each in results:
        print(pysketch.reproduce.status(each))
    print(f"report: {out / 'index.html'}" + (f"; {left} results are left, run the command again" if left else ""))
    failures = [
        f"{each.experiment.name} {pysketch.reproduce.told(each, row)}" for each in wanted for row in each.failures
    ]
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return common.BAD_INPUT if failures else 0


def experiment(name: str) -> str:
    """A check for argparse: the name of an experiment."""
    if name not in pysketch.reproduce.EXPERIMENT_NAMES:
        hint = did_you_mean(name, pysketch.reproduce.EXPERIMENT_NAMES)
        raise argparse.ArgumentTypeError(
            f"unknown experiment {name!r}; expected {', '.join(pysketch.reproduce.EXPERIMENT_NAMES)}{hint}"
        )
    return name


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("reproduce.py", "Measure the paper's tables and figures again.", EXAMPLES)
    help = f"which of them; default: all of {', '.join(pysketch.reproduce.EXPERIMENT_NAMES)}"
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
