"""Draw what training logs say, pysketch's or Caffe's: python tools/plot_log.py train.log -o curve.png"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import common

import pysketch
from pysketch.files import check_output

EXAMPLES = """
examples:
  a run's loss, test scores and rate:
    python tools/solve.py solver/quick_solver.txt --data synthetic --log train.log
    python tools/plot_log.py train.log -o curve.png
  two runs in one picture, as a drawing that can be enlarged:
    python tools/plot_log.py adam.log sgd.log -o both.svg

From the top: the training loss, as the solver averages it (average_loss); each score of the test nets; the
learning rate; all over the iterations. An axis is logarithmic where values span more than a factor of 30.
A log is what solve.py or `caffe train` writes to stderr or with --log. Where a run was appended that went on
from a snapshot, it replaces what the earlier one logged from there on.
Needs matplotlib: pip install -e ".[report]".
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, read the logs, write the picture."""
    args = _parser().parse_args(arguments)
    pysketch.report.figures.check_path(args.output)
    check_output(args.output, args.logs)
    logs = {name: pysketch.solver.read_log(path) for name, path in _names(args.logs).items()}
    pysketch.report.figures.stacked(
        args.output, pysketch.report.training_panels(logs), "iteration", next(iter(logs)) if len(logs) == 1 else None
    )
    return 0


def _names(paths: Sequence[str]) -> dict[str, str]:
    """What the legend calls each log: the file's name without suffix, or the whole path where that is not enough."""
    stems = [Path(path).stem for path in paths]
    return {stem if stems.count(stem) == 1 else path: path for stem, path in zip(stems, paths, strict=True)}


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("plot_log.py", "Draw loss, test scores and rate over the iterations.", EXAMPLES)
    parser.add_argument("logs", nargs="+", metavar="LOG", help="a training log, pysketch's or Caffe's")
    parser.add_argument("-o", "--output", required=True, metavar="PICTURE", help="a .png, .svg or .pdf file")
    return parser


if __name__ == "__main__":
    common.run(main)
