"""What a net's layers cost: python tools/summarize.py netdefs/medium.prototxt"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import common

import pysketch

EXAMPLES = """
examples:
  the medium net, scoring a batch of pairs:
    python tools/summarize.py netdefs/medium.prototxt
  the same net, drawing a photo of 640x480 pixels:
    python tools/summarize.py netdefs/medium.prototxt --stage deploy --size 640x480

For each layer: the shapes of its tops; its params; the multiply-adds of a forward by the direct algorithm, "-" where
they are not counted (Convolution, Deconvolution, InnerProduct and average Pooling are); the bytes of its tops' data,
"-" in place; how many elements of the image, height x width, one element of its (first) top sees, and at what stride,
"-" where the layer does not say. The image is the first blob with four axes that a layer without bottoms gives.
A PhotoSketchData layer needs no data here: an Input layer stands in for it. Other data layers read their files.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, build the net, print the table."""
    args = _parser().parse_args(arguments)
    phase = pysketch.netdef.Phase[args.phase.upper()]
    net, _ = pysketch.net.build_without_data(
        common.load_net(args), phase, args.stage, pysketch.layers.Context(layer_paths=args.layers), size=args.size
    )
    stages = "".join(f', stage "{stage}"' for stage in args.stage)
    print(f"{net.name or args.netdef}: phase {phase.name}{stages}\n")
    print("\n".join(pysketch.report.summary_table(pysketch.net.summarize(net))))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("summarize.py", "Shapes, params, multiply-adds, memory, receptive fields.", EXAMPLES)
    common.add_net(parser)
    return parser


if __name__ == "__main__":
    common.run(main)
