"""Show what a net is fed: python tools/show_data.py netdefs/medium.prototxt --data DIR -o sheet.png"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from contextlib import closing

import common

import pysketch
from pysketch.files import check_output

EXAMPLES = """
examples:
  twenty pairs as the medium net learns from them, mirrored, moved and in changed light:
    python tools/show_data.py netdefs/medium.prototxt --data synthetic -o sheet.png
  the pairs that it is tested with:
    python tools/show_data.py netdefs/medium.prototxt --data DIR --phase test -o sheet.png

Each item is shown as its pictures, the first above the second: a photo above its sketch. Only the layers without
bottoms run. Pixels are shown as they were before a PhotoSketchData layer's preprocessing.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the data layers, write the picture."""
    args = _parser().parse_args(arguments)
    common.log_to(None, logging.WARNING)
    check_output(args.output, [args.netdef, *(pysketch.images.pair_files(args.data) if args.data else ())])
    context = pysketch.layers.Context(
        seed=args.seed, workers=pysketch.device.Workers(1), data_source=args.data, layer_paths=args.layers
    )
    net = pysketch.net.Net(common.load_net(args), pysketch.netdef.Phase[args.phase.upper()], context, stages=args.stage)
    with closing(net):
        pysketch.images.write_image(args.output, pysketch.report.data_sheet(net, args.count))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("show_data.py", "Show what a net is fed: its data layers' pictures.", EXAMPLES)
    common.add_netdef(parser)
    parser.add_argument("-o", "--output", required=True, metavar="PICTURE", help="a .png or another image file")
    parser.add_argument("--data", metavar="DIR|synthetic", help="photo-sketch pairs, or the built-in synthetic faces")
    parser.add_argument("--count", type=common.at_least(1), default=20, metavar="N", help="items; default: 20")
    parser.add_argument("--seed", type=common.seed, default=0, metavar="N", help="of their order and variation")
    parser.add_argument("--phase", choices=("train", "test"), default="train", help="default: train")
    common.add_stage(parser)
    common.add_layers(parser)
    return parser


if __name__ == "__main__":
    common.run(main)
