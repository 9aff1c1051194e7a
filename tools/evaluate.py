"""Score a net and rival methods on photo-sketch pairs: python tools/evaluate.py net.h5 --data DIR --baseline lle"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import common
import numpy as np
from tqdm import tqdm

from pysketch.baselines import BASELINES, Baseline, baseline_class
from pysketch.drawing import Sketcher, read_net_file
from pysketch.errors import DataError
from pysketch.images import PHOTO_TO_SKETCH, Pair, in_other_light, load_pairs
from pysketch.report import (
    Evaluation,
    check_library,
    evaluate,
    fit_seconds,
    net_draw,
    score_table,
    write_pairs,
    write_report,
)

EXAMPLES = """
examples:
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR         (DIR/test/photos, DIR/test/sketches)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data synthetic
  python tools/evaluate.py --data DIR --baseline grey et lle --csv pairs.csv   (they learn from DIR/train)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --baseline lle --report report
  python tools/evaluate.py netdefs/pretrained/small.h5 --data DIR --light 0.3 0.1   (how much does other light matter?)
  python tools/evaluate.py netdefs/pretrained/photo.h5 --data DIR --baseline et   (both from sketch to photo)

Photos are drawn from their centre 155x200 (baselines: whole), and all scores are of the centre 143x188 of the sketch.
RMSE is on grey levels 0..255, averaged over the pairs; "at .5" and "at 2" is that of both rescaled: the paper's MPRL.
bias: the mean difference in grey levels; above 0, what is drawn is lighter than the artist's. PSNR is in decibels.
Rank n: the share of the artist's sketches whose own person is among the n nearest of all drawn sketches, in percent;
who is equally near counts against us. s/photo: the median time of drawing one. A net from sketch to photo is scored,
and baselines beside it learn, the other way: what is drawn is compared with the photo's luma.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, let every method draw all test photos, print the table."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.report:
        check_library()
    if args.net is None and not args.baseline:
        parser.error("expected a net file, or --baseline NAME")
    if args.csv and args.csv.is_dir():
        raise DataError(f"{args.csv}: the scores cannot be written there: it is a folder")
    common.log_to(None, logging.WARNING)
    baselines = [baseline_class(name)(seed=args.seed) for name in args.baseline or ()]
    direction = read_net_file(args.net)[1].direction if args.net else PHOTO_TO_SKETCH
    pairs = load_pairs(args.data, "test", direction)
    if args.light:
        rng = np.random.default_rng(args.seed)
        pairs = [replace(pair, photo=in_other_light(pair.photo, rng, *args.light)) for pair in pairs]
    training = load_pairs(args.data, "train", direction) if baselines else []
    evaluations = [_evaluate_net(args, pairs)] if args.net else []
    evaluations += [_evaluate_baseline(baseline, training, pairs) for baseline in baselines]
    print(f"{len(pairs)} pairs, {'{}x{}'.format(*evaluations[0].crop)} pixels")
    print("\n".join(score_table(evaluations)))
    if args.csv:
        write_pairs(args.csv, evaluations)
    if args.report:
        print(f"report: {write_report(args.report, evaluations, pairs)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("evaluate.py", "Score a net: pixel error and recognition on test pairs.", EXAMPLES)
    common.add_net_file(parser, nargs="?")
    parser.add_argument("--data", required=True, metavar="DIR|synthetic", help="photo-sketch pairs")
    parser.add_argument("--baseline", nargs="+", metavar="NAME", help=f"rival methods: {', '.join(BASELINES)}")
    parser.add_argument(
        "--seed", type=common.seed, default=0, metavar="N", help="of the baselines' chance and the light's; default: 0"
    )
    parser.add_argument(
        "--light",
        nargs=2,
        type=common.number(0, 1),
        metavar=("LIGHT", "COLOUR"),
        help="change every test photo's light by chance, as the options light and colour of a data layer do",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the scores of every pair")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write DIR/index.html, with curves and all sketches")
    common.add_device(parser)
    common.add_threads(parser)
    return parser


def _evaluate_net(args: argparse.Namespace, pairs: Sequence[Pair]) -> Evaluation:
    sketcher = Sketcher(args.net, common.context(args))
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


if __name__ == "__main__":
    common.run(main)
