"""Score a net as its TEST phase says: python tools/test_net.py netdefs/medium.prototxt --weights X.h5 --data DIR"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing

import common
import numpy as np

from pysketch.device import to_host
from pysketch.net import Net
from pysketch.netdef import Phase
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
    net = Net(
        args.netdef,
        Phase.TEST,
        common.context(args),
        stages=args.stage,
        weights=args.weights,
        keep=(),
    )
    with closing(net):
        for line in score(net, args.iterations):
            print(line, flush=True)
    return 0


def score(net: Net, iterations: int) -> Iterator[str]:
    """Caffe's lines: "Batch 0, loss = 1.5" of every element, then "Loss: 1.5" and "loss = 1.5 (* 1 = 1.5 loss)"."""
    losses, batches = [], []
    for k in range(iterations):
        net.forward()
        losses.append(float(net.loss()))
        batches.append([element for _, _, element in _elements(net)])
        for name, _, element in _elements(net):
            yield f"Batch {k}, {name} = {element:g}"
    yield f"Loss: {np.mean(losses):g}"
    for (name, weight, _), mean in zip(_elements(net), np.mean(batches, axis=0), strict=True):
        yield f"{name} = {mean:g}" + (f" (* {weight:g} = {weight * mean:g} loss)" if weight else "")


def _elements(net: Net) -> Iterator[tuple[str, float, float]]:
    """(the output's name, its loss_weight, an element) of all outputs."""
    weights = {id(blob): weight for blob, weight in net.loss_weights}
    for name in net.outputs:
        blob = net.blobs[name]
        for element in np.ravel(to_host(blob.data)).tolist():
            yield name, weights.get(id(blob), 0.0), element


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
