"""Score a net as its TEST phase says: python tools/test_net.py netdefs/medium.prototxt --weights X.h5 --data DIR"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from contextlib import closing

import common

import pysketch
from pysketch.shipped import find_net

EXAMPLES = """
examples:
  the pretrained net on 25 batches of the test pairs:
    python tools/test_net.py netdefs/medium.prototxt --weights netdefs/pretrained/medium.h5 --data DIR --iterations 25
  without any data of your own:
    python tools/test_net.py netdefs/small.prototxt --weights snapshots/quick.h5 --data synthetic --iterations 2

As `caffe test`: runs the net in phase TEST and prints each batch's outputs, element by element; then the mean loss,
and each output's mean over the batches with what it adds to the loss, if it has a loss_weight. The lines are Caffe's,
without the log's prefix, and go to stdout.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the batches, print the scores."""
    args = _parser().parse_args(arguments)
    common.log_to(None, logging.WARNING)
    net = pysketch.net.Net(
        common.load_net(args),
        pysketch.netdef.Phase.TEST,
        common.context(args),
        stages=args.stage,
        weights=args.weights,
        keep=(),
    )
    with closing(net):
        for line in pysketch.net.batch_scores(net, args.iterations):
            print(line, flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("test_net.py", "Score a net as its TEST phase says.", EXAMPLES)
    common.add_netdef(parser)
    help = "a net file, a snapshot's weights, or a shipped net by name"
    parser.add_argument("--weights", type=find_net, required=True, metavar="X.h5", help=help)
    help = "batches (default: 50)"
    parser.add_argument("--iterations", type=common.at_least(1), default=50, metavar="N", help=help)
    parser.add_argument("--data", metavar="DIR|synthetic", help="photo-sketch pairs, or the built-in synthetic faces")
    common.add_stage(parser)
    common.add_device(parser)
    common.add_threads(parser)
    common.add_layers(parser)
    common.add_output(parser)
    return parser


if __name__ == "__main__":
    common.run(main)
