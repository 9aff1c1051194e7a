"""Time a net, layer by layer and beside its peers: python tools/benchmark.py netdefs/medium.prototxt"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from typing import Any

import common
from bench_child import OURS
from bench_growth import KINDS, check_picture, grow, mebibytes
from bench_nets import Job
from bench_race import LayerResult, Result, Spread, race
from peers import LIBRARIES

from pysketch.workers import Workers

BATCHES = {"test": 1, "train": 4}
MIN_RUNS = 3

EXAMPLES = f"""
examples:
  how long each layer of the medium net takes to draw one photo:
    python tools/benchmark.py netdefs/medium.prototxt
  beside PyTorch, onnxruntime and OpenCV (pip install -e ".[bench]"):
    python tools/benchmark.py netdefs/medium.prototxt --against torch,onnxruntime,opencv
  a training step of four pairs (forward, backward, update by Adam), for another program to read:
    python tools/benchmark.py netdefs/medium.prototxt --phase train --against torch --json
  how time and memory grow up to 16 times the image's area, as a Markdown table and a plot:
    python tools/benchmark.py netdefs/medium.prototxt --grow area -o area.png

Weights and inputs are random, and the same for all. Each contender is a process of its own with as many
threads; first their results are compared, then they run in turn, one at a time: once to warm up, once for
the clock. A ratio is a peer's median over ours: above 1 we are faster. GFLOP/s count the multiplications and
additions of the direct algorithm, whatever an engine really does. peers: {", ".join(LIBRARIES)}.
torch keeps images in PyTorch's default order, torch-channels-last in the one its manual advises for CPUs.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the races, print what they found."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.output and not args.grow:
        parser.error("-o names the plot of --grow")
    common.log_to(None, logging.WARNING)
    if args.against:
        args.device = args.device or "cpu"
    device = common.use_device(args)
    if args.against and device.kind == "gpu":
        parser.error("--against: the peers run on the CPU only; add --device cpu")
    batch, threads = args.batch or BATCHES[args.phase], args.threads or Workers().threads
    job = Job(args.netdef, args.phase, batch, threads, args.seed, args.size, str(device), args.math)
    if args.grow:
        if args.output:
            check_picture(args.output)
        grow(args.grow, job, args.against, args.runs, args.output)
        return 0
    result = race(job, args.against, args.runs)
    print(json.dumps(summary(result)) if args.json else "\n".join(report(result)))
    return 0


def summary(result: Result) -> dict[str, Any]:
    """The object of --json; times in milliseconds, null where something does not apply."""
    return {
        "net": result.net,
        "phase": result.job.phase,
        "batch": result.job.batch,
        "threads": result.job.threads,
        "device": result.job.device,
        "median_ms": {name: spread.median for name, spread in result.steps.items()},
        "ratio": result.ratios,
        "max_relative_difference": result.differences,
        "peak_bytes": result.peak_bytes[OURS],
        "layers": [
            {
                "name": layer.name,
                "engine": layer.engine,
                "forward_ms": layer.forward.median,
                "backward_ms": layer.backward.median if layer.backward else None,
                "gflops": layer.gflops,
            }
            for layer in result.layers
        ],
    }


def report(result: Result) -> list[str]:
    """Two tables for people: our layers, then everybody's whole steps."""
    job, runs = result.job, len(result.steps[OURS].runs)
    shape = "x".join(map(str, result.image))
    where = f"{job.threads} threads" if job.device == "cpu" else f"{job.device}, math mode {job.math}"
    work = "forward" if job.phase == "test" else "forward, backward and update"
    layer_rows = [["layer", "type", "engine", "forward ms", "backward ms", "GFLOP/s", "workspace MiB"]]
    layer_rows += [_layer_row(layer) for layer in result.layers]
    step_rows = [["step", "ms", "ratio", "GFLOP/s", "peak MiB", "imports MiB", "difference"]]
    step_rows += [_step_row(name, spread, result) for name, spread in result.steps.items()]
    return [
        f"{result.net}: {work}, input {shape}, {where}, median (quartiles) of {runs} runs",
        "",
        *_aligned(layer_rows),
        "",
        *_aligned(step_rows),
        "",
        f"Our workspace in a whole step: {mebibytes(result.workspace_bytes)} MiB. Peak: the whole process, its imports "
        "included.",
        "Layers are timed one by one: what a whole step does in one pass, such as a convolution and its ReLU, "
        "is apart there.",
    ]


def _layer_row(layer: LayerResult) -> list[str]:
    return [
        layer.name,
        layer.type,
        layer.engine or "-",
        str(layer.forward),
        str(layer.backward or "-"),
        "-" if layer.gflops is None else f"{layer.gflops:.1f}",
        f"{layer.workspace_bytes / 2**20:.1f}" if layer.workspace_bytes else "-",
    ]


def _step_row(name: str, spread: Spread, result: Result) -> list[str]:
    is_peer = name != OURS
    return [
        name,
        str(spread),
        f"{result.ratios[name]:.2f}" if is_peer else "-",
        f"{result.flops / spread.median / 1e6:.1f}",
        mebibytes(result.peak_bytes[name]),
        mebibytes(result.imported_bytes[name]),
        f"{result.differences[name]:.1e}" if is_peer else "-",
    ]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Columns as wide as their widest cell; names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    names = sum(not cell.split(" ")[-1].endswith(("ms", "MiB", "/s", "ratio", "difference")) for cell in rows[0])
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if k < names else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("benchmark.py", "Time a net, layer by layer and beside its peers.", EXAMPLES)
    parser.add_argument("netdef", help="a netdef file, such as netdefs/medium.prototxt")
    parser.add_argument("--phase", choices=("test", "train"), default="test", help="draw, or learn (default: test)")
    parser.add_argument("--batch", type=common.at_least(1), metavar="N", help="images (default: 1; in phase train 4)")
    parser.add_argument("--size", type=_size, metavar="WxH", help="pixels of an input image (default: the netdef's)")
    parser.add_argument("--against", type=_peers, default=(), metavar="PEER,...", help="compare with these peers")
    parser.add_argument(
        "--runs", type=common.at_least(MIN_RUNS), default=10, metavar="N", help=f"default: 10, at least {MIN_RUNS}"
    )
    parser.add_argument("--seed", type=common.seed, default=0, metavar="N", help="of weights and inputs")
    common.add_device(parser, "auto, with --against cpu")
    common.add_threads(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--grow", choices=KINDS, help="a Markdown table over sizes, batches, or the nets sr to large")
    parser.add_argument("-o", "--output", metavar="PICTURE", help="the plot of --grow (.png, .svg or .pdf)")
    return parser


def _peers(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in LIBRARIES:
            raise argparse.ArgumentTypeError(f'no peer "{name}"; expected some of {", ".join(LIBRARIES)}')
    return names


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (common.at_least(1)(side) for side in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f'expected WIDTHxHEIGHT in pixels, such as 155x200, found "{text}"') from None
    return width, height


if __name__ == "__main__":
    common.run(main)
