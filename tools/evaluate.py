"""Score a net and rival methods on photo-sketch pairs: python tools/evaluate.py net.h5 --data DIR --baseline lle"""

from __future__ import annotations

import argparse
import csv
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import common
import numpy as np
from tqdm import tqdm

from pysketch.baselines import BASELINES, Baseline, baseline_class
from pysketch.evaluation import CSV_HEADER, Evaluation, csv_rows, evaluate, fit_seconds, net_draw
from pysketch.files import atomic_path
from pysketch.pairs import Pair, load_pairs
from pysketch.sketcher import Sketcher
from pysketch.workers import Workers

EXAMPLES = """
examples:
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR         (DIR/test/photos, DIR/test/sketches)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data synthetic
  python tools/evaluate.py --data DIR --baseline grey et lle --csv pairs.csv   (they learn from DIR/train)

Photos are drawn from their centre 155x200 (baselines: whole), and all scores are of the centre 143x188 of the sketch.
RMSE is on grey levels 0..255, averaged over the pairs; "at .5" and "at 2" is that of both rescaled: the paper's MPRL.
PSNR is in decibels. Rank n: the share of the artist's sketches whose own person is among the n nearest of all
drawn sketches, in percent; who is equally near counts against us. s/photo: the median time of drawing one.
"""

RANKS = (1, 3, 5, 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, let every method draw all test photos, print the table."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.net is None and not args.baseline:
        parser.error("expected a net file, or --baseline NAME")
    common.log_to(None, logging.WARNING)
    baselines = [baseline_class(name)(seed=args.seed) for name in args.baseline or ()]
    pairs = load_pairs(args.data, "test")
    training = load_pairs(args.data, "train") if baselines else []
    evaluations = [_evaluate_net(args, pairs)] if args.net else []
    evaluations += [_evaluate_baseline(baseline, training, pairs) for baseline in baselines]
    print(f"{len(pairs)} pairs, {'{}x{}'.format(*evaluations[0].crop)} pixels")
    print("\n".join(table(evaluations)))
    if args.csv:
        write_csv(args.csv, evaluations)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("evaluate.py", "Score a net: pixel error and recognition on test pairs.", EXAMPLES)
    parser.add_argument("net", nargs="?", help="a net file (.h5) that tools/solve.py wrote")
    parser.add_argument("--data", required=True, metavar="DIR|synthetic", help="photo-sketch pairs")
    parser.add_argument("--baseline", nargs="+", metavar="NAME", help=f"rival methods: {', '.join(BASELINES)}")
    parser.add_argument("--seed", type=common.seed, default=0, metavar="N", help="of the baselines' chance; default: 0")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the scores of every pair")
    common.add_device(parser)
    common.add_threads(parser)
    return parser


def _evaluate_net(args: argparse.Namespace, pairs: Sequence[Pair]) -> Evaluation:
    sketcher = Sketcher(args.net, common.use_device(args), Workers(args.threads))
    name = Path(args.net).stem
    with progress_bar(name) as progress:
        return evaluate(name, net_draw(sketcher), pairs, progress=progress)


def _evaluate_baseline(baseline: Baseline, training: Sequence[Pair], pairs: Sequence[Pair]) -> Evaluation:
    name = baseline.name
    with progress_bar(f"{name} learns", "step") as progress:
        seconds = fit_seconds(baseline, training, pairs, progress)
    with progress_bar(name) as progress:
        return evaluate(name, baseline.sketch, pairs, progress=progress, learn_seconds=seconds)


@contextmanager
def progress_bar(title: str, unit: str = "photo") -> Iterator[Callable[[int, int], None]]:
    """A callback (done, total) that moves a bar on stderr, none if stderr is no terminal."""
    with tqdm(desc=title, unit=unit, disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def table(evaluations: Sequence[Evaluation]) -> list[str]:
    """The lines of the table: a method each, the first line the heads of the columns."""
    width = max(6, *(len(each.method) for each in evaluations))
    ranks = "".join(f"{f'rank {n}':>9}" for n in RANKS)
    lines = [f"{'method':<{width}}{'RMSE':>8}{'at .5':>8}{'at 2':>8}{'PSNR':>8}{'SSIM':>8}{ranks}{'s/photo':>10}"]
    for each in evaluations:
        half, one, two = each.rescaled_rmses.mean(axis=0)
        scores = f"{one:8.2f}{half:8.2f}{two:8.2f}{each.psnrs.mean():8.2f}{each.ssims.mean():8.3f}"
        ranks = "".join(f"{each.matched(n):9.1f}" for n in RANKS)
        lines.append(f"{each.method:<{width}}{scores}{ranks}{np.median(each.seconds):10.4f}")
    return lines


def write_csv(path: Path, evaluations: Sequence[Evaluation]) -> None:
    """Every pair's scores, a line each."""
    try:
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(CSV_HEADER)
            for evaluation in evaluations:
                writer.writerows(csv_rows(evaluation))
    except OSError as error:
        common.fail(f"{path}: the scores cannot be written there: {error.strerror}")


if __name__ == "__main__":
    common.run(main)
