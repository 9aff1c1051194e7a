"""Time a net, layer by layer and beside its peers: python tools/benchmark.py netdefs/medium.prototxt"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import common

import pysketch

BATCHES = {"test": 1, "train": 4}
MIN_RUNS = 3
RANKS = "ranks"
"""What --grow takes beside `KINDS`: processes that share a training."""
CARDS = "cards"
"""What --estimate takes beside RANKS: a photo on three GPUs."""

EXAMPLES = f"""
examples:
  how long each layer of the medium net takes, forward and backward, on one photo:
    python tools/benchmark.py netdefs/medium.prototxt
  beside PyTorch, onnxruntime, OpenVINO and OpenCV (pip install -e ".[bench]"), a batch of eight photos:
    python tools/benchmark.py netdefs/medium.prototxt --against torch,onnxruntime,openvino,opencv --batch 8
  a training step of four pairs (forward, backward, update by Adam), for another program to read:
    python tools/benchmark.py netdefs/medium.prototxt --phase train --against torch --json
  how time and memory grow up to 16 times the image's area, as a Markdown table and a plot:
    python tools/benchmark.py netdefs/medium.prototxt --grow area -o area.png
  how a training step grows with the processes that share it, 1, 2 and 4 (pip install -e ".[mpi]"):
    python tools/benchmark.py netdefs/small.prototxt --grow ranks
  the run times of the paper's Table 2, on this device:
    python tools/benchmark.py --table2
  how near each layer comes to what this device can do at best:
    python tools/benchmark.py netdefs/medium.prototxt --roofline
  every engine in every convolution, measured and as the cost model expects it, which chooses among them:
    python tools/benchmark.py netdefs/portrait.prototxt --engines
  what the nets should take on cards that nobody has tried (an estimate; needs no card):
    python tools/benchmark.py --estimate
  what up to 256 processes that share a training should take, and where more no longer pay (an estimate):
    python tools/benchmark.py --estimate ranks
  everything at once on a machine with a card, in under eight minutes, as card.json and card.md:
    python tools/benchmark.py --gpu-report card
  how long it takes to find somebody among a thousand people and a million (see benchmark.py gallery --help):
    python tools/benchmark.py gallery --keep crowd

Any netdef can be timed. Its Input and PhotoSketchData layers are fed with random arrays; other data layers read their
files, which takes its time. Layers are timed one by one, forward and backward; --phase says what a whole step is: to
draw (phase TEST, stage "deploy", forward only) or to learn (phase TRAIN: forward, backward, update). A net that draws
has no loss: its outputs' diffs are 1, and its backward needs memory for all blobs (--forward-only does without).

Weights and inputs are random, and the same for all. Each contender is a process of its own with as many
threads; first their results are compared, then they run in turn, one at a time: once to warm up, once for
the clock. A ratio is a peer's median over ours: above 1 we are faster. GFLOP/s count the multiplications and
additions of the direct algorithm, whatever an engine really does. peers: {", ".join(pysketch.benchmark.LIBRARIES)}.
torch runs eagerly, with images in PyTorch's default order, torch-channels-last with those its manual advises for CPUs;
torch-compiled is torch.compile (needs a C++ compiler), torch-frozen a trace, frozen and optimised for inference;
openvino has its hint for latency and float32. torch-frozen, onnxruntime, openvino and opencv only draw.
On a GPU times come from its own events; the host's time is how long it takes to launch a step.
"""


GALLERY_EXAMPLES = """
examples:
  a thousand, ten thousand, a hundred thousand and a million people:
    python tools/benchmark.py gallery --keep crowd
  fewer, and more sketches that are looked for:
    python tools/benchmark.py gallery --keep crowd --sizes 1e3 1e4 --queries 1000

Nobody is real: synthetic faces are varied, drawn by the portrait net and mixed; sketches of them, moved a little, are
looked for. A million people need 3.6 GiB of disk and, the first time, about ten minutes; what --keep names is used
again. exhaustive is what pysketch does without FAISS, index what it does with it (pip install -e ".[search]");
faiss-flat and sklearn are FAISS's plain search and scikit-learn's NearestNeighbors (pip install -e ".[baselines]"). All
find a thousand candidates, or one in 250, by their outlines and compare those in every detail. Who is not installed, or
has too little memory, is named.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the races, print what they found."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["gallery"]:
        return _gallery(words[1:])
    parser = _parser()
    args = parser.parse_args(words)
    args.phase = args.phase or ("train" if args.grow == RANKS else "test")
    _check(parser, args)
    if args.estimate:
        report = pysketch.benchmark.report_estimate if args.estimate == CARDS else pysketch.benchmark.report_scaling
        print("\n".join(report()))
        return 0
    common.log_to(None, logging.WARNING)
    if args.gpu_report:
        return _gpu_report(args)
    if args.against or args.grow == RANKS:
        args.device = args.device or "cpu"
    device = common.use_device(args)
    if args.engines and device.kind == "gpu":
        parser.error("--engines: the cost model is the CPU's; add --device cpu")
    if args.grow == RANKS and device.kind == "gpu":
        parser.error("--grow ranks: on the CPU only; add --device cpu")
    own = 1 if args.grow == RANKS else pysketch.device.Workers().threads
    batch, threads = args.batch or BATCHES[args.phase], args.threads or own
    job = pysketch.benchmark.Job(
        args.netdef or "",
        args.phase,
        batch,
        threads,
        args.seed,
        args.size,
        str(device),
        args.math,
        layers=tuple(args.layers),
        backward=not args.forward_only,
    )
    if args.grow == RANKS:
        _show(
            pysketch.benchmark.measure_ranks(job, args.iterations, args.mpirun),
            args.json,
            pysketch.benchmark.summary_ranks,
            pysketch.benchmark.report_ranks,
        )
    elif args.grow:
        if args.output:
            pysketch.benchmark.check_picture(args.output)
        for line in pysketch.benchmark.grow(args.grow, job, args.against, args.iterations, args.output):
            print(line, flush=True)
    elif args.table2:
        _show(
            pysketch.benchmark.measure_table2(job, args.iterations),
            args.json,
            pysketch.benchmark.summary_table2,
            pysketch.benchmark.report_table2,
        )
    elif args.engines:
        _show(
            pysketch.benchmark.measure_engines(job, args.iterations),
            args.json,
            partial(pysketch.benchmark.summary_engines, job),
            partial(pysketch.benchmark.report_engines, job),
        )
    elif args.roofline:
        _show(
            pysketch.benchmark.measure_roofline(job, args.iterations),
            args.json,
            pysketch.benchmark.summary_roofline,
            pysketch.benchmark.report_roofline,
        )
    else:
        _show(
            pysketch.benchmark.run_race(job, args.against, args.iterations),
            args.json,
            pysketch.benchmark.summary_race,
            pysketch.benchmark.report_race,
        )
    return 0


def _gpu_report(args: argparse.Namespace) -> int:
    args.device = args.device or "gpu"
    device = common.use_device(args, say=print)
    changes = {"threads": args.threads} if args.threads else {}
    plan = pysketch.benchmark.Plan(str(device), 60 * args.minutes, seed=args.seed, runs=args.iterations, **changes)
    paths = pysketch.benchmark.report_card(plan, args.gpu_report, lambda line: print(line, flush=True))
    print(f"{paths[1]}: for people; {paths[0]}: for programs")
    return 0


def _gallery(arguments: Sequence[str]) -> int:
    args = _gallery_parser().parse_args(arguments)
    threads = args.threads or pysketch.device.Workers().threads
    job = pysketch.benchmark.GalleryJob(
        args.keep, tuple(args.sizes), args.queries, args.described, threads, args.seed, args.strangers
    )
    results = pysketch.benchmark.race_in_gallery(job)
    if args.json:
        *_, result = results
        print(json.dumps(pysketch.benchmark.summary_gallery(result)))
    else:
        for line in pysketch.benchmark.report_gallery(results):
            print(line, flush=True)
    return 0


def _gallery_parser() -> argparse.ArgumentParser:
    parser = common.parser("benchmark.py gallery", "Time the search for people.", GALLERY_EXAMPLES)
    help = "keep the made people here; 3.6 GiB for a million"
    parser.add_argument("--keep", type=Path, required=True, metavar="DIR", help=help)
    sizes = {"default": [10**3, 10**4, 10**5, 10**6], "metavar": "N"}
    parser.add_argument("--sizes", type=_people, nargs="+", help="default: 1e3 1e4 1e5 1e6", **sizes)
    help = "sketches that are looked for (default: 100); by peers 20"
    parser.add_argument("--queries", type=common.at_least(1), default=100, metavar="N", help=help)
    help = "mixed sketches that are described, of which all others are mixed (default: 5000)"
    parser.add_argument("--described", type=common.at_least(100), default=5_000, metavar="N", help=help)
    parser.add_argument("--strangers", action="store_true", help="look for people who are not among them")
    parser.add_argument("--seed", type=common.seed, default=0, metavar="N", help="of the people (default: 0)")
    common.add_threads(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _people(text: str) -> int:
    try:
        count = float(text)
    except ValueError:
        count = 0
    if not (100 <= count <= 1e8 and count == int(count)):
        raise argparse.ArgumentTypeError(f"expected a whole number from 100 to 1e8, such as 1e5, found {text}")
    return int(count)


def _show(
    found: Any, as_json: bool, summary: Callable[[Any], dict[str, Any]], report: Callable[[Any], Iterable[str]]
) -> None:
    print(json.dumps(summary(found)) if as_json else "\n".join(report(found)))


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with status 2 where options do not go together."""
    if args.output and args.grow not in pysketch.benchmark.KINDS:
        parser.error(f"-o names the plot of --grow {', '.join(pysketch.benchmark.KINDS)}")
    if args.forward_only and args.phase == "train":
        parser.error("--forward-only: --phase train is about forward and backward")
    if args.json and (args.grow in pysketch.benchmark.KINDS or args.estimate):
        parser.error(f"--json: --grow {', '.join(pysketch.benchmark.KINDS)} and --estimate print Markdown")
    if args.mpirun and args.grow != RANKS:
        parser.error("--mpirun is about --grow ranks")
    if args.grow == RANKS and args.phase == "test":
        parser.error("--grow ranks: several processes share a training; leave --phase test out")
    if args.against and (args.table2 or args.roofline or args.estimate or args.engines or args.grow == RANKS):
        parser.error("--against: --table2, --roofline, --estimate, --engines and --grow ranks are about us alone")
    if args.phase == "train" and (args.table2 or args.roofline or args.estimate or args.engines):
        parser.error("--phase train: --table2, --roofline, --estimate and --engines are about drawing")
    if args.gpu_report:
        alone = args.netdef or args.batch or args.size or args.against or args.layers or args.json
        if alone or args.phase == "train" or args.forward_only or args.math != "default":
            parser.error(
                "--gpu-report: races the shipped nets in its own ways; it takes --device, --minutes, --threads, "
                "--iterations and --seed"
            )
        if (args.device or "gpu").partition(":")[0] != "gpu":
            parser.error(f"--gpu-report: needs a GPU, found --device {args.device}")
        return
    whole = args.table2 or args.estimate
    if whole and (args.netdef or args.batch or args.size):
        parser.error("--table2 and --estimate are about one 155x200 photo and the nets sr to large; name no other")
    if not whole and not args.netdef:
        parser.error("expected a netdef file, --table2, --estimate or --gpu-report")


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("benchmark.py", "Time a net, layer by layer and beside its peers.", EXAMPLES)
    common.add_netdef(parser, nargs="?")
    help = "draw, or learn (default: test; with --grow ranks train)"
    parser.add_argument("--phase", choices=("test", "train"), help=help)
    parser.add_argument("--batch", type=common.at_least(1), metavar="N", help="images (default: 1; in phase train 4)")
    common.add_size(parser)
    parser.add_argument("--against", type=_peers, default=(), metavar="PEER,...", help="compare with these peers")
    help = f"how often everything is timed (default: 10, at least {MIN_RUNS})"
    parser.add_argument("--iterations", type=common.at_least(MIN_RUNS), default=10, metavar="N", help=help)
    parser.add_argument("--forward-only", action="store_true", help="in phase test, do not time the layers' backward")
    parser.add_argument("--seed", type=common.seed, default=0, metavar="N", help="of weights and inputs")
    common.add_device(parser, "auto, with --against cpu")
    common.add_threads(parser)
    common.add_layers(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    help = "for --grow ranks on other machines: mpirun with its options, but -n, such as 'mpirun -f hosts'"
    parser.add_argument("--mpirun", type=shlex.split, default=[], metavar="COMMAND", help=help)
    what = parser.add_mutually_exclusive_group()
    help = "a Markdown table over sizes, batches, the nets sr to large, or processes that share a training"
    what.add_argument("--grow", choices=(*pysketch.benchmark.KINDS, RANKS), help=help)
    what.add_argument("--table2", action="store_true", help="the paper's run times: nets sr to large, one photo")
    what.add_argument("--roofline", action="store_true", help="operations, bytes and least times of the layers")
    help = "the convolutions' engines, measured and by the cost model"
    what.add_argument("--engines", action="store_true", help=help)
    help = "Markdown tables of times expected: a photo on three GPUs (cards, the default), a training by many ranks"
    what.add_argument("--estimate", nargs="?", const=CARDS, choices=(CARDS, RANKS), help=help)
    help = "one report on a card: OUT.json and OUT.md, of tests, times beside PyTorch's, rooflines, calls, accuracy"
    what.add_argument("--gpu-report", metavar="OUT", help=help)
    help = "that --gpu-report may take (default: 7.5)"
    parser.add_argument("--minutes", type=common.number(0.1), default=7.5, metavar="M", help=help)
    parser.add_argument("-o", "--output", metavar="PICTURE", help="the plot of --grow (.png, .svg or .pdf)")
    return parser


def _peers(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in pysketch.benchmark.LIBRARIES:
            known = ", ".join(pysketch.benchmark.LIBRARIES)
            raise argparse.ArgumentTypeError(f'no peer "{name}"; expected some of {known}')
    return names


if __name__ == "__main__":
    common.run(main)
