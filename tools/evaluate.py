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
from typing import Any

import common
import numpy as np
from tqdm import tqdm

from pysketch.baselines import BASELINES, Baseline, baseline_class
from pysketch.drawing import Sketcher, read_net_file
from pysketch.errors import DataError, counted
from pysketch.files import check_output
from pysketch.images import BACKGROUNDS, PHOTO_TO_SKETCH, SYNTHETIC, Pair, load_pairs, pair_files
from pysketch.parallel import Hands, Lost
from pysketch.report import (
    BACKGROUND,
    GROUPS,
    MATCHES,
    MATCHING,
    MEASURES,
    PICTURES,
    PIXELS,
    SKIN,
    VERIFICATION,
    ManyAtOnce,
    Method,
    Surroundings,
    background_trials,
    brought_back,
    check_library,
    check_strangers,
    draw_crowd,
    draw_each,
    evaluate_pictures,
    group_trials,
    in_light,
    learned_method,
    net_method,
    score_table,
    skin_trials,
    tell_backgrounds,
    tell_groups,
    tell_matching,
    tell_measures,
    tell_skins,
    tell_verification,
    usable_measures,
    with_moved_sketches,
    write_pairs,
    write_report,
)

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
  python tools/evaluate.py netdefs/pretrained/large.h5 --data DIR --baseline mrf --processes 2   (two photos at a time)
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
        textwrap.fill(f"--match: {MATCHING}", 120),
        textwrap.fill(f"--verify: {VERIFICATION}", 120),
        textwrap.fill(f"--groups: {GROUPS}", 120),
        textwrap.fill(f"--skin: {SKIN}", 120),
        textwrap.fill(f"--background: {BACKGROUND}", 120),
        "--measures:\n" + "\n".join(f"  {name:<9} {each.head}: {each.meaning}" for name, each in MEASURES.items()),
    ]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, let every method draw all test photos, print the tables."""
    return common.by_many(__file__, arguments, _parse, _evaluate, _artist)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    args = parser.parse_args(arguments)
    if not (args.net or args.baseline or args.pictures):
        parser.error("expected a net file, --baseline NAME or --pictures FOLDER")
    if (args.skin or args.background or args.groups) and not (args.net or args.baseline):
        parser.error("--skin, --background and --groups need something that draws: a net file, or --baseline NAME")
    if args.groups and args.data != SYNTHETIC:
        parser.error("--groups is for made people: --data synthetic")
    if args.realign and not args.moved:
        parser.error("--realign brings back what --moved moves")
    if (args.inner or args.distractors) and not args.match:
        parser.error("--inner and --distractors are for the table of --match")
    if args.distractors and args.pictures:
        parser.error("--distractors need something that draws them: --pictures has no others")
    common.log_to(None, logging.WARNING)
    return args


def _direction(args: argparse.Namespace) -> str:
    return read_net_file(args.net)[1].direction if args.net else PHOTO_TO_SKETCH


def _baselines(args: argparse.Namespace) -> list[Baseline]:
    return [baseline_class(name)(seed=args.seed) for name in args.baseline or ()]


def _artist(args: argparse.Namespace) -> Callable[[Any], Any]:
    """What a working process does: [k, photo] -> [its sketch by method k, seconds]; [k] -> the seconds of learning."""
    nets = [partial(_net, args)] if args.net else []
    makers = nets + [partial(_learned, args, baseline) for baseline in _baselines(args)]
    made: dict[int, Method] = {}

    def work(job: Any) -> Any:
        k, *photo = job
        method = made[k] = made.get(k) or makers[k]()
        return next(draw_each(method.draw, photo)) if photo else method.learn_seconds

    return work


def _net(args: argparse.Namespace) -> Method:
    return net_method(Path(args.net).stem, Sketcher(args.net, common.context(args)), _match(args))


def _learned(args: argparse.Namespace, baseline: Baseline) -> Method:
    return learned_method(baseline, load_pairs(args.data, "train", _direction(args)), [])


def _match(args: argparse.Namespace) -> str:
    return args.match[0] if args.match else PIXELS


def _handed_out(args: argparse.Namespace, hands: Hands, training: Sequence[Pair], lit: Sequence[Pair]) -> list[Method]:
    """The methods of `_artist`, which draw by hands."""

    def results(jobs: list[list[Any]]) -> Iterator[Any]:
        for result in hands(jobs, name=lambda job: f"a photo for {names[job[0]]}"):
            if isinstance(result, Lost):
                raise result
            yield result

    names = [Path(args.net).stem] if args.net else []
    seconds = [0.0 for _ in names]
    for baseline in _baselines(args):
        check_strangers(training, lit, f'baseline "{baseline.name}"')
        names.append(baseline.name)
        with progress_bar(f"{baseline.name} learns", "step"):
            seconds += results([[len(names) - 1]])
    return [
        Method(name, ManyAtOnce(lambda photos, k=k: results([[k, each] for each in photos])), learned, _match(args))
        for k, (name, learned) in enumerate(zip(names, seconds, strict=True))
    ]


def _evaluate(args: argparse.Namespace, hands: Hands) -> int:
    """Let all draw, score what they draw, print the tables."""
    if args.csv and args.csv.is_dir():
        raise DataError(f"{args.csv}: the scores cannot be written there: it is a folder")
    _check_outputs(args)
    if args.report:
        check_library()
    baselines = _baselines(args)
    direction = _direction(args)
    if direction != PHOTO_TO_SKETCH and (args.skin or args.background or args.groups):
        _parser().error("--skin, --background and --groups are for nets from photo to sketch")
    pairs = _moved(load_pairs(args.data, "test", direction), args)
    match = _match(args)
    skins = skin_trials(pairs, args.data, args.skin) if args.skin else []
    backgrounds = background_trials(pairs, args.data, args.background) if args.background else []
    light = partial(in_light, light=args.light, seed=args.seed)
    lit = light(pairs)
    published = [evaluate_pictures(folder, pairs, match=match) for folder in args.pictures or ()]
    names, missing = usable_measures(args.measures or list(MEASURES)) if args.measures is not None else ([], [])
    needed = baselines or args.distractors or any(MEASURES[name].distractors for name in names)
    training = load_pairs(args.data, "train", direction) if needed else []
    if args.distractors:
        check_strangers(training, pairs, "a crowd")
    if hands.several:
        methods = _handed_out(args, hands, training, lit)
    else:
        methods = [_net(args)] if args.net else []
        methods += [learned_method(baseline, training, lit, progress_bar, match) for baseline in baselines]
    evaluations = [method.evaluate(lit, bar=progress_bar) for method in methods] + published
    print(f"{counted(len(pairs), 'pair')}, {'{}x{}'.format(*evaluations[0].crop)} pixels")
    print("\n".join(score_table(evaluations)))
    tables, measured, verified = [], [], []
    if args.match:
        crowds = [_crowd(method, training, args) for method in methods] if args.distractors else []
        tables.append(tell_matching(evaluations, args.match, args.inner, crowds))
    if args.verify:
        told, verified = tell_verification(evaluations, args.seed)
        tables.append(told)
    if args.measures is not None:
        heads = ", ".join(MEASURES[name].head for name in names)
        print(f"measuring {len(pairs) * len(evaluations)} sketches: {heads}; up to a second each", file=sys.stderr)
        around = Surroundings(pairs, training, evaluations[0].crop)
        told, measured = tell_measures(names, missing, evaluations, around, progress_bar)
        tables.append(told)
    if skins:
        tables.append(tell_skins(methods, skins, light, progress_bar))
    if backgrounds:
        tables.append(tell_backgrounds(methods, backgrounds, light, progress_bar))
    if args.groups:
        tables.append(tell_groups(methods, group_trials(args.groups), light, progress_bar, args.seed))
    for told in tables:
        print("\n".join(told.lines))
    beside = zip(*[each for each in (verified, measured) if each], strict=True)
    columns = [{name: values for each in of_one for name, values in each.pairs.items()} for of_one in beside]
    if args.csv:
        write_pairs(args.csv, evaluations, columns)
    if args.report:
        sections = [told.section for told in tables]
        print(f"report: {write_report(args.report, evaluations, lit, sections, direction, columns, verified)}")
    return 0


def _check_outputs(args: argparse.Namespace) -> None:
    """DataError if --csv or --report would overwrite what is to be scored."""
    folders = [each for each in args.pictures or () if each.is_dir()]
    inputs = [args.net or "", *pair_files(args.data), *folders, *(args.background or ())]
    inputs += [file for folder in folders for file in folder.iterdir()]
    outputs = [args.report / name for name in ("index.html", "pairs.csv", "roc.csv", PICTURES)] if args.report else []
    for output in [*outputs, *([args.csv] if args.csv else [])]:
        check_output(output, inputs)


def _moved(pairs: list[Pair], args: argparse.Namespace) -> Sequence[Pair]:
    """The pairs as --moved and --realign say; a line on stderr for those that are left out."""
    if not args.realign:
        return with_moved_sketches(pairs, args.moved, args.seed)
    found, lost = brought_back(pairs, args.moved, args.seed)
    if lost:
        print(f"left out, as not one face was found in each picture: {', '.join(lost)}", file=sys.stderr)
    return found


def _crowd(method: Method, training: Sequence[Pair], args: argparse.Namespace) -> list[np.ndarray]:
    with progress_bar(f"{method.name} draws others") as progress:
        return draw_crowd(method.draw, training, args.distractors, args.seed, progress)


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("evaluate.py", "Score a net: pixel error and recognition on test pairs.", EXAMPLES)
    common.add_net_file(parser, nargs="?")
    parser.add_argument("--data", required=True, metavar="DIR|synthetic", help="photo-sketch pairs")
    parser.add_argument("--baseline", nargs="+", metavar="NAME", help=f"rival methods: {', '.join(BASELINES)}")
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
    parser.add_argument("--match", nargs="+", choices=MATCHES, metavar="NAME", help=f"{' or '.join(MATCHES)}: {help}")
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
        help=f"a line for each background in the blue screen's place: {', '.join(BACKGROUNDS)}, a picture file, or all",
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
        choices=MEASURES,
        metavar="NAME",
        help=f"a second table: {', '.join(MEASURES)} (default: all); up to a second a photo",
    )
    help = "write the scores of every pair, and what --measures says of it; missing folders are made"
    parser.add_argument("--csv", type=Path, metavar="FILE", help=help)
    parser.add_argument("--report", type=Path, metavar="DIR", help="write DIR/index.html, with curves and all sketches")
    common.add_device(parser)
    common.add_processes(parser, "1")
    common.add_threads(parser)
    return parser


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
