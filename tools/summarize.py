"""What a net's layers cost: python tools/summarize.py netdefs/medium.prototxt"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import common

from pysketch.layers import Context
from pysketch.net import LayerSummary, NetSummary, build_without_data, summarize
from pysketch.netdef import Phase, load_netdef
from pysketch.report import aligned

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
    phase = Phase[args.phase.upper()]
    net, _ = build_without_data(
        load_netdef(args.netdef), phase, args.stage, Context(layer_paths=args.layers), size=args.size
    )
    stages = "".join(f', stage "{stage}"' for stage in args.stage)
    print(f"{net.name or args.netdef}: phase {phase.name}{stages}\n")
    print("\n".join(report(summarize(net))))
    return 0


def report(summary: NetSummary) -> list[str]:
    """The table, with totals, and what they leave out."""
    rows = [["layer", "type", "output", "params", "multiply-adds", "bytes", "sees", "stride"]]
    rows += [_row(layer) for layer in summary.layers]
    rows.append(["all", "", "", *map(_count, (summary.params, summary.multiply_adds, summary.nbytes)), "", ""])
    uncounted = sorted({layer.type for layer in summary.layers if layer.multiply_adds is None and layer.params})
    return [
        *aligned(rows),
        "",
        f"Bytes: data only ({summary.nbytes / 2**20:.1f} MiB); learning needs as many again for diffs. "
        f"Params: {4 * summary.params / 2**20:.1f} MiB.",
        *([f"Multiply-adds are not counted of: {', '.join(uncounted)}."] if uncounted else []),
    ]


def _row(layer: LayerSummary) -> list[str]:
    shapes = ", ".join("x".join(map(str, shape)) or "1" for shape in layer.shapes)
    counts = map(_count, (layer.params, layer.multiply_adds, layer.nbytes))
    if layer.fields is None:
        return [layer.name, layer.type, shapes, *counts, "-", "-"]
    sizes = [field.size for field in layer.fields]
    strides = list(dict.fromkeys(str(field.stride) for field in layer.fields))
    return [layer.name, layer.type, shapes, *counts, "x".join(map(str, sizes)), "x".join(strides)]


def _count(number: int | None) -> str:
    return f"{number:,}" if number else "-"


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("summarize.py", "Shapes, params, multiply-adds, memory, receptive fields.", EXAMPLES)
    common.add_net(parser)
    return parser


if __name__ == "__main__":
    common.run(main)
