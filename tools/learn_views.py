"""Learn what sketches are described by, from training pairs: python tools/learn_views.py --data DIR -o learned.npz"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import common

import pysketch
from pysketch.errors import counted
from pysketch.files import check_output
from pysketch.shipped import find_net

EXAMPLES = """
examples:
  python tools/learn_views.py netdefs/pretrained/portrait.h5 netdefs/pretrained/medium.h5 --data DIR -o learned.npz
  python tools/learn_views.py netdefs/pretrained/portrait.h5 netdefs/pretrained/medium.h5 --data DIR --inner \
      -o learned_inner.npz
  python tools/learn_views.py netdefs/pretrained/portrait.h5 --data DIR --artists -o artists.json

How pysketch/search/learned.npz was made, which comes with the code: the means of the views of a sketch, the ways in
which sketches of one person differ, and those in which people do. DIR/train/ holds photos and sketches; no test pair is
looked at. Each net draws the training photos, as they are and in other light; the first one draws made faces, too.
Copied over pysketch/search/learned.npz it is described by; galleries that were enrolled before are of no use then.
--inner: the same for the inner face alone, pysketch/search/learned_inner.npz, of which galleries keep nothing.
--artists: nothing is learned, but it is measured how near the artists' sketches come to what the net draws of other
people, as learned.npz describes them: pysketch/search/artists.json, on which the false-accept rates of find.py rest.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, learn, write."""
    parser = _parser()
    args = parser.parse_args(arguments)
    import numpy as np  # not before --help, which needs none of it

    if args.artists and len(args.nets) > 1:
        parser.error("--artists is for one net")
    if args.artists and args.inner:
        parser.error("--artists measures the views of whole sketches, --inner learns others")
    common.log_to(None, logging.WARNING)
    check_output(args.output, [*args.nets, *pysketch.images.pair_files(args.data)])
    pairs = pysketch.images.load_pairs(args.data, "train")
    if args.artists:
        (net,) = args.nets
        pysketch.search.write_artists(
            args.output,
            pysketch.search.artists_of(
                pairs, pysketch.drawing.Sketcher(net, common.context(args)).draw, Path(net).name
            ),
        )
        print(f"{counted(len(pairs) * (len(pairs) - 1), 'comparison')} of different people -> {args.output}")
        return 0
    made = [photo for _, photo, _ in pysketch.images.training_pairs(args.made)]
    sketchers = [pysketch.drawing.Sketcher(net, common.context(args)) for net in args.nets]
    with common.bar(unit="sketch", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        views, rng = (
            pysketch.search.INNER_VIEWS if args.inner else pysketch.search.WHOLE_VIEWS,
            np.random.default_rng(args.seed),
        )
        learned = pysketch.search.learn_from(pairs, made, [each.draw for each in sketchers], rng, progress, views)
    pysketch.search.write_learned(args.output, learned)
    print(f"learned from {counted(len(pairs), 'pair')} and {counted(len(made), 'made face')} -> {args.output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("learn_views.py", "Learn what sketches are described by, from training pairs.", EXAMPLES)
    parser.add_argument(
        "nets", nargs="+", type=find_net, metavar="NET", help="net files, or shipped ones by name, such as medium"
    )
    parser.add_argument("--data", required=True, metavar="DIR|synthetic", help="photo-sketch pairs")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--artists", action="store_true", help="measure how near artists' sketches come to others")
    parser.add_argument("--inner", action="store_true", help="learn how the inner face alone is described")
    parser.add_argument(
        "--made", type=common.at_least(1), default=300, metavar="N", help="how many made faces; default: 300"
    )
    parser.add_argument("--seed", type=common.seed, default=0, metavar="N", help="default: 0")
    common.add_device(parser)
    common.add_threads(parser)
    return parser


if __name__ == "__main__":
    common.run(main)
