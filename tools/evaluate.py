"""Score a net and rival methods on photo-sketch pairs: python tools/evaluate.py net.h5 --data DIR --baseline lle"""

from __future__ import annotations

import argparse
import logging
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import common
import numpy as np
from tqdm import tqdm

from pysketch.baselines import BASELINES, Baseline, baseline_class
from pysketch.drawing import Sketcher, read_net_file
from pysketch.errors import DataError, counted
from pysketch.images import BACKGROUNDS, PHOTO_TO_SKETCH, Pair, in_other_light, load_pairs
from pysketch.report import (
    MEASURES,
    Draw,
    Evaluation,
    Rows,
    Section,
    Surroundings,
    Table,
    Trial,
    aligned,
    background_outcomes,
    background_trials,
    check_library,
    evaluate,
    evaluate_pictures,
    explain,
    fit_seconds,
    measure,
    measure_artists,
    measure_rows,
    net_draw,
    outcome_rows,
    score_table,
    skin_outcome,
    skin_trials,
    usable_measures,
    write_pairs,
    write_report,
)

EXAMPLES = """
examples:
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR         (DIR/test/photos, DIR/test/sketches)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data synthetic
  python tools/evaluate.py --data DIR --baseline grey et lle --csv pairs.csv   (they learn from DIR/train)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --baseline lle --report report
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --measures fsim gradient fine dark
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --pictures THEIRS THESE   (folders of sketches)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data synthetic --skin all
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --background black stripes wall.jpg
  python tools/evaluate.py netdefs/pretrained/small.h5 --data DIR --light 0.3 0.1   (how much does other light matter?)
  python tools/evaluate.py netdefs/pretrained/photo.h5 --data DIR --baseline et   (both from sketch to photo)

Photos are drawn from their centre 155x200 (whole by baselines, and by nets whose sketches are as large as photos), and
all scores are of the centre 143x188 of the sketch.
RMSE is on grey levels 0..255, averaged over the pairs; "at .5" and "at 2" is that of both rescaled: the paper's MPRL.
bias: the mean difference in grey levels; above 0, what is drawn is lighter than the artist's. PSNR is in decibels.
Rank n: the share of the artist's sketches whose own person is among the n nearest of all drawn sketches, in percent;
who is equally near counts against us. s/photo: the median time of drawing one. A net from sketch to photo is scored,
and baselines beside it learn, the other way: what is drawn is compared with the photo's luma.

"""
SKIN = (
    "drawn is the mean grey level of forehead and cheeks as they were drawn: paper is 255, whatever the skin. inner "
    "RMSE is that of the face alone. Synthetic persons are made with skin of that colour; of others, the skin is given "
    "another tone where a blue screen shows where the person ends, and photos without one are left out."
)
BACKGROUND = (
    "behind is the mean grey level that was drawn where the blue screen was: paper is 255. inner RMSE is that of the "
    "face alone. Photos without a screen are left out; synthetic ones are made before one."
)
EXAMPLES += "\n\n".join(
    [
        textwrap.fill(f"--skin: {SKIN}", 120),
        textwrap.fill(f"--background: {BACKGROUND}", 120),
        "--measures:\n" + "\n".join(f"  {name:<9} {each.head}: {each.meaning}" for name, each in MEASURES.items()),
    ]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, let every method draw all test photos, print the tables."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.report:
        check_library()
    if not (args.net or args.baseline or args.pictures):
        parser.error("expected a net file, --baseline NAME or --pictures FOLDER")
    if (args.skin or args.background) and not (args.net or args.baseline):
        parser.error("--skin and --background need something that draws: a net file, or --baseline NAME")
    if args.csv and args.csv.is_dir():
        raise DataError(f"{args.csv}: the scores cannot be written there: it is a folder")
    common.log_to(None, logging.WARNING)
    baselines = [baseline_class(name)(seed=args.seed) for name in args.baseline or ()]
    direction = read_net_file(args.net)[1].direction if args.net else PHOTO_TO_SKETCH
    if direction != PHOTO_TO_SKETCH and (args.skin or args.background):
        parser.error("--skin and --background are for nets from photo to sketch")
    pairs = load_pairs(args.data, "test", direction)
    skins = skin_trials(pairs, args.data, args.skin) if args.skin else []
    backgrounds = background_trials(pairs, args.data, args.background) if args.background else []
    lit = _lit(args, pairs)
    published = [evaluate_pictures(folder, pairs) for folder in args.pictures or ()]
    names, missing = usable_measures(args.measures or list(MEASURES)) if args.measures is not None else ([], [])
    needed = baselines or any(MEASURES[name].distractors for name in names)
    training = load_pairs(args.data, "train", direction) if needed else []
    methods = [_net(args)] if args.net else []
    methods += [_learned(baseline, training, lit) for baseline in baselines]
    evaluations = [_evaluate(method, lit) for method in methods] + published
    print(f"{counted(len(pairs), 'pair')}, {'{}x{}'.format(*evaluations[0].crop)} pixels")
    print("\n".join(score_table(evaluations)))
    sections = []
    if args.measures is not None:
        around = Surroundings(pairs, training, evaluations[0].crop)
        sections.append(_measured(names, missing, evaluations, around))
    if skins:
        scored = [(trial, _evaluate(method, _lit(args, trial.pairs), trial)) for method in methods for trial in skins]
        outcomes = [(each.method, skin_outcome(trial, each)) for trial, each in scored]
        sections.append(_told("Skin", SKIN, outcome_rows(("skin", "drawn"), outcomes), 2))
    if backgrounds:
        outcomes = []
        for method in methods:
            run = [_evaluate(method, _lit(args, trial.pairs), trial) for trial in backgrounds]
            outcomes += [(method.name, outcome) for outcome in background_outcomes(backgrounds, run)]
        sections.append(_told("Background", BACKGROUND, outcome_rows(("background", "behind"), outcomes), 2))
    if args.csv:
        write_pairs(args.csv, evaluations)
    if args.report:
        print(f"report: {write_report(args.report, evaluations, lit, sections, direction)}")
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
    parser.add_argument(
        "--skin", nargs="+", metavar="TONE", help="a line for each of these Monk tones, 1 (light) to 10 (dark), or all"
    )
    parser.add_argument(
        "--background",
        nargs="+",
        metavar="NAME",
        help=f"a line for each background in the blue screen's place: {', '.join(BACKGROUNDS)}, a picture file, or all",
    )
    parser.add_argument(
        "--pictures", nargs="+", type=Path, metavar="FOLDER", help="score somebody's sketches, named as the photos"
    )
    parser.add_argument(
        "--measures",
        nargs="*",
        choices=MEASURES,
        metavar="NAME",
        help=f"a second table: {', '.join(MEASURES)} (default: all); up to a second a photo",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the scores of every pair")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write DIR/index.html, with curves and all sketches")
    common.add_device(parser)
    common.add_threads(parser)
    return parser


class Method(NamedTuple):
    """What draws: its name, how, and how long it learned, in seconds."""

    name: str
    draw: Draw
    learn_seconds: float = 0.0


def _net(args: argparse.Namespace) -> Method:
    return Method(Path(args.net).stem, net_draw(Sketcher(args.net, common.context(args))))


def _learned(baseline: Baseline, training: Sequence[Pair], pairs: Sequence[Pair]) -> Method:
    with progress_bar(f"{baseline.name} learns", "step") as progress:
        seconds = fit_seconds(baseline, training, pairs, progress)
    return Method(baseline.name, baseline.sketch, seconds)


def _evaluate(method: Method, pairs: Sequence[Pair], trial: Trial | None = None) -> Evaluation:
    with progress_bar(f"{method.name}, {trial.label}" if trial else method.name) as progress:
        return evaluate(method.name, method.draw, pairs, progress=progress, learn_seconds=method.learn_seconds)


def _lit(args: argparse.Namespace, pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs, in the light that --light asks for."""
    if not args.light:
        return pairs
    rng = np.random.default_rng(args.seed)
    return [replace(pair, photo=in_other_light(pair.photo, rng, *args.light)) for pair in pairs]


def _measured(
    names: Sequence[str], missing: Sequence[str], evaluations: Sequence[Evaluation], around: Surroundings
) -> Section:
    values = []
    for each in evaluations:
        with progress_bar(f"{each.method} is measured", "measure") as progress:
            values.append((each.method, measure(each, around, names, progress)))
    values.append(("artists", measure_artists(evaluations[0], around, names)))
    return _told("Measures", " ".join([explain(names), *missing]), measure_rows(names, values), 1, missing)


def _told(heading: str, text: str, rows: Rows, numbers_from: int, lines: Sequence[str] = ()) -> Section:
    """Print lines and a table; the table as a section of the report."""
    print("\n".join(["", *lines, *aligned(rows, numbers_from)]))
    return Section(heading, [text], [Table(rows[0], rows[1:])])


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
