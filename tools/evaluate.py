"""Score a net and rival methods on photo-sketch pairs: python tools/evaluate.py net.h5 --data DIR --baseline lle"""

from __future__ import annotations

import argparse
import logging
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import common

import pysketch
from pysketch.errors import DataError, counted
from pysketch.files import check_output

if TYPE_CHECKING:
    import numpy as np

EXAMPLES = """
examples:
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR         (DIR/test/photos, DIR/test/sketches)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data synthetic
  python tools/evaluate.py --data DIR --baseline grey et lle --csv pairs.csv   (they learn from DIR/train)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --baseline lle --report report
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --verify   (same person or not, with intervals)
  python tools/evaluate.py netdefs/pretrained/portrait.h5 --data DIR --match views pixels   (who is found, by which?)
  python tools/evaluate.py netdefs/pretrained/portrait.h5 --data DIR --match views pixels --moved 1.5 1.5 0.02
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --measures fsim gradient fine dark
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR --pictures THEIRS THESE   (folders of sketches)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data synthetic --skin all
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data synthetic --groups 60   (who is mistaken for whom?)
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
EXAMPLES += "\n\n".join(
    [
        textwrap.fill(f"--match: {pysketch.report.MATCHING}", 120),
        textwrap.fill(f"--verify: {pysketch.report.VERIFICATION}", 120),
        textwrap.fill(f"--groups: {pysketch.report.GROUPS}", 120),
        textwrap.fill(f"--skin: {pysketch.report.SKIN}", 120),
        textwrap.fill(f"--background: {pysketch.report.BACKGROUND}", 120),
        "--measures:\n"
        + "\n".join(f"  {name:<9} {head}: {meaning}" for name, (head, meaning) in pysketch.report.MEASURED.items()),
    ]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, let every method draw all test photos, print the tables."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if not (args.net or args.baseline or args.pictures):
        parser.error("expected a net file, --baseline NAME or --pictures FOLDER")
    if (args.skin or args.background or args.groups) and not (args.net or args.baseline):
        parser.error("--skin, --background and --groups need something that draws: a net file, or --baseline NAME")
    if args.groups and args.data != pysketch.images.SYNTHETIC:
        parser.error("--groups is for made people: --data synthetic")
    if args.realign and not args.moved:
        parser.error("--realign brings back what --moved moves")
    if (args.inner or args.distractors) and not args.match:
        parser.error("--inner and --distractors are for the table of --match")
    if args.distractors and args.pictures:
        parser.error("--distractors need something that draws them: --pictures has no others")
    if args.csv and args.csv.is_dir():
        raise DataError(f"{args.csv}: the scores cannot be written there: it is a folder")
    _check_outputs(args)
    if args.report:
        pysketch.report.check_library()
    common.log_to(None, logging.WARNING)
    baselines = [pysketch.baselines.baseline_class(name)(seed=args.seed) for name in args.baseline or ()]
    direction = pysketch.drawing.read_net_file(args.net)[1].direction if args.net else pysketch.images.PHOTO_TO_SKETCH
    if direction != pysketch.images.PHOTO_TO_SKETCH and (args.skin or args.background or args.groups):
        parser.error("--skin, --background and --groups are for nets from photo to sketch")
    pairs = _moved(pysketch.images.load_pairs(args.data, "test", direction), args)
    match = args.match[0] if args.match else pysketch.search.PIXELS
    skins = pysketch.report.skin_trials(pairs, args.data, args.skin) if args.skin else []
    backgrounds = pysketch.report.background_trials(pairs, args.data, args.background) if args.background else []
    light = partial(pysketch.report.in_light, light=args.light, seed=args.seed)
    lit = light(pairs)
    published = [pysketch.report.evaluate_pictures(folder, pairs, match=match) for folder in args.pictures or ()]
    names, missing = (
        pysketch.report.usable_measures(args.measures or list(pysketch.report.MEASURES))
        if args.measures is not None
        else ([], [])
    )
    needed = baselines or args.distractors or any(pysketch.report.MEASURES[name].distractors for name in names)
    training = pysketch.images.load_pairs(args.data, "train", direction) if needed else []
    if args.distractors:
        pysketch.report.check_strangers(training, pairs, "a crowd")
    methods = (
        [
            pysketch.report.net_method(
                Path(args.net).stem, pysketch.drawing.Sketcher(args.net, common.context(args)), match
            )
        ]
        if args.net
        else []
    )
    methods += [pysketch.report.learned_method(baseline, training, lit, progress_bar, match) for baseline in baselines]
    evaluations = [method.evaluate(lit, bar=progress_bar) for method in methods] + published
    print(f"{counted(len(pairs), 'pair')}, {'{}x{}'.format(*evaluations[0].crop)} pixels")
    print("\n".join(pysketch.report.score_table(evaluations)))
    tables, measured, verified = [], [], []
    if args.match:
        crowds = [_crowd(method, training, args) for method in methods] if args.distractors else []
        tables.append(pysketch.report.tell_matching(evaluations, args.match, args.inner, crowds))
    if args.verify:
        told, verified = pysketch.report.tell_verification(evaluations, args.seed)
        tables.append(told)
    if args.measures is not None:
        heads = ", ".join(pysketch.report.MEASURES[name].head for name in names)
        print(f"measuring {len(pairs) * len(evaluations)} sketches: {heads}; up to a second each", file=sys.stderr)
        around = pysketch.report.Surroundings(pairs, training, evaluations[0].crop)
        told, measured = pysketch.report.tell_measures(names, missing, evaluations, around, progress_bar)
        tables.append(told)
    if skins:
        tables.append(pysketch.report.tell_skins(methods, skins, light, progress_bar))
    if backgrounds:
        tables.append(pysketch.report.tell_backgrounds(methods, backgrounds, light, progress_bar))
    if args.groups:
        tables.append(
            pysketch.report.tell_groups(
                methods, pysketch.report.group_trials(args.groups), light, progress_bar, args.seed
            )
        )
    for told in tables:
        print("\n".join(told.lines))
    beside = zip(*[each for each in (verified, measured) if each], strict=True)
    columns = [{name: values for each in of_one for name, values in each.pairs.items()} for of_one in beside]
    if args.csv:
        pysketch.report.write_pairs(args.csv, evaluations, columns)
    if args.report:
        sections = [told.section for told in tables]
        written = pysketch.report.write_report(args.report, evaluations, lit, sections, direction, columns, verified)
        print(f"report: {written}")
    return 0


def _check_outputs(args: argparse.Namespace) -> None:
    """DataError if --csv or --report would overwrite what is to be scored."""
    folders = [each for each in args.pictures or () if each.is_dir()]
    inputs = [args.net or "", *pysketch.images.pair_files(args.data), *folders, *(args.background or ())]
    inputs += [file for folder in folders for file in folder.iterdir()]
    outputs = (
        [args.report / name for name in ("index.html", "pairs.csv", "roc.csv", pysketch.report.PICTURES)]
        if args.report
        else []
    )
    for output in [*outputs, *([args.csv] if args.csv else [])]:
        check_output(output, inputs)


def _moved(pairs: list[pysketch.images.Pair], args: argparse.Namespace) -> Sequence[pysketch.images.Pair]:
    """The pairs as --moved and --realign say; a line on stderr for those that are left out."""
    if not args.realign:
        return pysketch.report.with_moved_sketches(pairs, args.moved, args.seed)
    found, lost = pysketch.report.brought_back(pairs, args.moved, args.seed)
    if lost:
        print(f"left out, as not one face was found in each picture: {', '.join(lost)}", file=sys.stderr)
    return found


def _crowd(
    method: pysketch.report.Method, training: Sequence[pysketch.images.Pair], args: argparse.Namespace
) -> list[np.ndarray]:
    with progress_bar(f"{method.name} draws others") as progress:
        return pysketch.report.draw_crowd(method.draw, training, args.distractors, args.seed, progress)


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("evaluate.py", "Score a net: pixel error and recognition on test pairs.", EXAMPLES)
    common.add_net_file(parser, nargs="?")
    parser.add_argument("--data", required=True, metavar="DIR|synthetic", help="photo-sketch pairs")
    parser.add_argument(
        "--baseline", nargs="+", metavar="NAME", help=f"rival methods: {', '.join(pysketch.baselines.baseline_names())}"
    )
    parser.add_argument(
        "--seed",
        type=common.seed,
        default=0,
        metavar="N",
        help="of the baselines' chance, the light's, the moves', the others' and the resamples'; default: 0",
    )
    parser.add_argument(
        "--light",
        nargs=2,
        type=common.number(0, 1),
        metavar=("LIGHT", "COLOUR"),
        help="change every test photo's light by chance, as the options light and colour of a data layer do",
    )
    parser.add_argument(
        "--moved",
        nargs=3,
        type=common.number(0),
        metavar=("SHIFT", "TURN", "SIZE"),
        help="move every sketch by chance: deviations in pixels, degrees, and of the ln of the size",
    )
    help = "move the photos too, then align both by the eyes that are found in them, as prepare.py does"
    parser.add_argument("--realign", action="store_true", help=help)
    help = "a table of who is found by each; the first gives the ranks of all tables; default: pixels, no table"
    parser.add_argument(
        "--match",
        nargs="+",
        choices=pysketch.search.WAYS,
        metavar="NAME",
        help=f"{' or '.join(pysketch.search.WAYS)}: {help}",
    )
    parser.add_argument("--inner", action="store_true", help="with --match: lines for the inner face, all else masked")
    parser.add_argument(
        "--distractors", type=common.at_least(1), metavar="N", help="with --match: lines with N others in the gallery"
    )
    parser.add_argument(
        "--skin", nargs="+", metavar="TONE", help="a line for each of these Monk tones, 1 (light) to 10 (dark), or all"
    )
    parser.add_argument(
        "--background",
        nargs="+",
        metavar="NAME",
        help="a line for each background in the blue screen's place: "
        f"{', '.join(pysketch.images.BACKGROUNDS)}, a picture file, or all",
    )
    parser.add_argument(
        "--pictures", nargs="+", type=Path, metavar="FOLDER", help="score somebody's sketches, named as the photos"
    )
    parser.add_argument(
        "--groups",
        type=common.at_least(2),
        metavar="N",
        help="a line for each skin, hair and glasses of N made people, with --data synthetic: who is mistaken for whom",
    )
    parser.add_argument(
        "--verify", action="store_true", help="a table of true and false accepts; with --report a figure of them, too"
    )
    parser.add_argument(
        "--measures",
        nargs="*",
        choices=pysketch.report.MEASURED,
        metavar="NAME",
        help=f"a second table: {', '.join(pysketch.report.MEASURED)} (default: all); up to a second a photo",
    )
    help = "write the scores of every pair, and what --measures says of it; missing folders are made"
    parser.add_argument("--csv", type=Path, metavar="FILE", help=help)
    parser.add_argument("--report", type=Path, metavar="DIR", help="write DIR/index.html, with curves and all sketches")
    common.add_device(parser)
    common.add_threads(parser)
    return parser


@contextmanager
def progress_bar(title: str, unit: str = "photo") -> Iterator[Callable[[int, int], None]]:
    """A callback (done, total) that moves a bar on stderr, none if stderr is no terminal."""
    with common.bar(desc=title, unit=unit, disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


if __name__ == "__main__":
    common.run(main)
