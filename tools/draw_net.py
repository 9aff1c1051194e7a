"""Draw the graph of a net: python tools/draw_net.py netdefs/medium.prototxt -o net.png"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import common

from pysketch.layers import Context
from pysketch.net import build_without_data
from pysketch.netdef import Phase
from pysketch.report import draw_net, figures, graph_layout

EXAMPLES = """
examples:
  the medium net as it learns, with its loss:
    python tools/draw_net.py netdefs/medium.prototxt --phase train -o medium.png
  as it draws a photo of 640x480 pixels, as a drawing that can be enlarged:
    python tools/draw_net.py netdefs/medium.prototxt --stage deploy --size 640x480 -o medium.svg

A box is a layer: its name and type, the options that the netdef gives it (without fillers), its params, the layers
that change its top in place, and its tops with their shapes (N x channels x height x width). Blue: no bottoms;
yellow: params; red: a loss. An arrow is a blob, named where the layer above has several.
A PhotoSketchData layer needs no data here: an Input layer stands in for it. Other data layers read their files.
Needs matplotlib and grandalf: pip install -e ".[report]".
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, build the net, write the picture."""
    args = _parser().parse_args(arguments)
    figures.check_path(args.output)
    graph_layout.library()
    phase = Phase[args.phase.upper()]
    net, _ = build_without_data(
        common.load_net(args), phase, args.stage, Context(layer_paths=args.layers), size=args.size
    )
    stages = "".join(f', stage "{stage}"' for stage in args.stage)
    draw_net(net, args.output, f"{net.name or args.netdef}: phase {phase.name}{stages}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("draw_net.py", "Draw the graph of a net, with shapes and sizes.", EXAMPLES)
    parser.add_argument("-o", "--output", required=True, metavar="PICTURE", help="a .png, .svg or .pdf file")
    common.add_net(parser)
    return parser


if __name__ == "__main__":
    common.run(main)
