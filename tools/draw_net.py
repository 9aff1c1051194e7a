"""Draw the graph of a net: python tools/draw_net.py netdefs/medium.prototxt -o net.png"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import common

import pysketch
from pysketch.errors import DataError, NetdefError, ShapeError
from pysketch.files import check_output

EXAMPLES = """
examples:
  the medium net as it learns, with its loss:
    python tools/draw_net.py netdefs/medium.prototxt --phase train -o medium.png
  as it draws a photo of 640x480 pixels, as a drawing that can be enlarged:
    python tools/draw_net.py netdefs/medium.prototxt --stage deploy --size 640x480 -o medium.svg

A box is a layer: its name and type, the options that the netdef gives it (without fillers), its params, the layers
that change its top in place, and its tops with their shapes (N x channels x height x width). Blue: no bottoms;
yellow: params; red: a loss. An arrow is a blob, named where the layer above has several.
A PhotoSketchData layer needs no data here: an Input layer stands in for it. A net that cannot be built, because its
files are not here or a layer is not ours, is drawn as its netdef says, without shapes and numbers of params; a line on
stderr says why. --plain draws any net so, and at once.
Needs matplotlib and grandalf: pip install -e ".[report]".
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, build the net if it can be, write the picture."""
    args = _parser().parse_args(arguments)
    pysketch.report.figures.check_path(args.output)
    check_output(args.output, [args.netdef])
    pysketch.report.graph_layout.library()
    phase, netdef, context = (
        pysketch.netdef.Phase[args.phase.upper()],
        common.load_net(args),
        pysketch.layers.Context(layer_paths=args.layers),
    )
    graph = None
    if not args.plain:
        try:
            graph = pysketch.report.net_graph(
                pysketch.net.build_without_data(netdef, phase, args.stage, context, size=args.size)[0]
            )
        except (NetdefError, ShapeError, DataError) as error:
            print(f"drawn without shapes: {error}", file=sys.stderr)
    stages = "".join(f', stage "{stage}"' for stage in args.stage)
    nodes, edges = graph or pysketch.report.netdef_graph(netdef, phase, args.stage, context)
    pysketch.report.draw_graph(nodes, edges, args.output, f"{netdef.name or args.netdef}: phase {phase.name}{stages}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("draw_net.py", "Draw the graph of a net, with shapes and sizes.", EXAMPLES)
    parser.add_argument("-o", "--output", required=True, metavar="PICTURE", help="a .png, .svg or .pdf file")
    parser.add_argument("--plain", action="store_true", help="what the netdef says alone: no shapes, nothing is built")
    common.add_net(parser)
    return parser


if __name__ == "__main__":
    common.run(main)
