"""Score a net on photo-sketch pairs: python tools/evaluate.py net.h5 --data DIR"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import common
import numpy as np
from tqdm import tqdm

from pysketch.metrics import cumulative_match_score, own_ranks, rmse
from pysketch.pairs import load_pairs
from pysketch.preprocessing import crop_centre
from pysketch.sketcher import Sketcher
from pysketch.workers import Workers

EXAMPLES = """
examples:
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data DIR         (DIR/test/photos, DIR/test/sketches)
  python tools/evaluate.py netdefs/pretrained/medium.h5 --data synthetic

Photos are cropped to their centre 155x200, sketches to the 143x188 that a net makes of it. RMSE is on grey
levels 0..255, averaged over the pairs. Rank n: the share of the artist's sketches whose own person is among
the n nearest of all drawn sketches; who is equally near counts against us.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, draw all test photos, print the scores."""
    parser = common.parser("evaluate.py", "Score a net: pixel error and recognition on test pairs.", EXAMPLES)
    parser.add_argument("net", help="a net file (.h5) that tools/solve.py wrote")
    parser.add_argument("--data", required=True, metavar="DIR|synthetic", help="photo-sketch pairs")
    common.add_device(parser)
    common.add_threads(parser)
    args = parser.parse_args(arguments)
    common.log_to(None, logging.WARNING)
    sketcher = Sketcher(args.net, common.use_device(args), Workers(args.threads))
    drawn, sketches = [], []
    for pair in tqdm(load_pairs(args.data, "test"), unit="photo", disable=None):
        drawn.append(sketcher.draw(crop_centre(pair.photo, 155, 200)))
        height, width = drawn[-1].shape
        sketches.append(crop_centre(pair.sketch, width, height))
    ranks = own_ranks(drawn, sketches)
    errors = [rmse(a, b) for a, b in zip(drawn, sketches, strict=True)]
    print(f"{len(drawn)} pairs, {drawn[0].shape[1]}x{drawn[0].shape[0]} pixels")
    print(f"RMSE    {np.mean(errors):.2f}")
    for n in (1, 3, 5, 10):
        print(f"rank {n:<3}{cumulative_match_score(ranks, n):6.1f} %")
    return 0


if __name__ == "__main__":
    common.run(main)
