"""Score a net and rival methods on photo-sketch pairs: python tools/evaluate.py net.h5 --data DIR --baseline lle"""

from __future__ import annotations

import argparse
import logging
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import common

import pysketch

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

"""
_MEANT = {
    "Scores": pysketch.report.SCORING,
    "--match": pysketch.report.MATCHING,
    "--verify": pysketch.report.VERIFICATION,
    "--groups": pysketch.report.GROUPS,
    "--skin": pysketch.report.SKIN,
    "--background": pysketch.report.BACKGROUND,
}
EXAMPLES += "\n\n".join(textwrap.fill(f"{option}: {text}", 120) for option, text in _MEANT.items())
EXAMPLES += "\n\n--measures:\n" + "\n".join(
    f"  {name:<9} {head}: {meaning}" for name, (head, meaning) in pysketch.report.MEASURED.items()
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, let every method draw all test photos, print the tables."""
    parser = _parser()
    args = parser.parse_args(arguments)
    request = pysketch.report.Request(
        **{field.name: getattr(args, field.name) for field in fields(pysketch.report.Request)}
    )
    problem = request.problem()
    if problem:
        parser.error(problem)
    common.log_to(None, logging.WARNING)
    for line in pysketch.report.score(
        request, lambda net: pysketch.drawing.Sketcher(net, common.context(args)), progress_bar, _say
    ):
        print(line, flush=True)
    return 0


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("evaluate.py", "Score a net: pixel error and recognition on test pairs.", EXAMPLES)
    add = parser.add_argument
    common.add_net_file(parser, nargs="?")
    add("--data", required=True, metavar="DIR|synthetic", help="photo-sketch pairs")
    add(
        "--baseline", nargs="+", metavar="NAME", help=f"rival methods: {', '.join(pysketch.baselines.baseline_names())}"
    )
    help = "of the baselines' chance, the light's, the moves', the others' and the resamples'; default: 0"
    add("--seed", type=common.seed, default=0, metavar="N", help=help)
    help = "change every test photo's light by chance, as the options light and colour of a data layer do"
    add("--light", nargs=2, type=common.number(0, 1), metavar=("LIGHT", "COLOUR"), help=help)
    help = "move every sketch by chance: deviations in pixels, degrees, and of the ln of the size"
    add("--moved", nargs=3, type=common.number(0), metavar=("SHIFT", "TURN", "SIZE"), help=help)
    help = "move the photos too, then align both by the eyes that are found in them, as prepare.py does"
    add("--realign", action="store_true", help=help)
    help = "score whole sketches of 200x250, drawn of whole photos, as galleries keep them, and not their centre"
    add("--whole", action="store_true", help=help)
    help = "a table of who is found by each; the first gives the ranks of all tables; default: pixels, no table"
    add(
        "--match",
        nargs="+",
        choices=pysketch.search.WAYS,
        metavar="NAME",
        help=f"{' or '.join(pysketch.search.WAYS)}: {help}",
    )
    add("--inner", action="store_true", help="with --match: lines for the inner face, all else masked")
    help = "with --match: lines with N others in the gallery"
    add("--distractors", type=common.at_least(1), metavar="N", help=help)
    help = "a line for each of these Monk tones, 1 (light) to 10 (dark), or all"
    add("--skin", nargs="+", metavar="TONE", help=help)
    backgrounds = ", ".join(pysketch.images.BACKGROUNDS)
    help = f"a line for each background in the blue screen's place: {backgrounds}, a picture file, or all"
    add("--background", nargs="+", metavar="NAME", help=help)
    add("--pictures", nargs="+", type=Path, metavar="FOLDER", help="score somebody's sketches, named as the photos")
    help = "a line for each skin, hair and glasses of N made people, with --data synthetic: who is mistaken for whom"
    add("--groups", type=common.at_least(2), metavar="N", help=help)
    help = "a table of true and false accepts; with --report a figure of them, too"
    add("--verify", action="store_true", help=help)
    help = f"a second table: {', '.join(pysketch.report.MEASURED)} (default: all); up to a second a photo"
    add("--measures", nargs="*", choices=pysketch.report.MEASURED, metavar="NAME", help=help)
    help = "write the scores of every pair, and what --measures says of it; missing folders are made"
    add("--csv", type=Path, metavar="FILE", help=help)
    add("--report", type=Path, metavar="DIR", help="write DIR/index.html, with curves and all sketches")
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
