"""Train a net: python tools/solve.py solver/medium_solver.txt --data DIR"""

from __future__ import annotations

import argparse
import logging
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from types import FrameType

import common

import pysketch
from pysketch.files import check_output
from pysketch.shipped import find_net, find_solver

logger = logging.getLogger("pysketch.solve")

EXAMPLES = """
examples:
  try it, without any data of your own:
    python tools/solve.py solver/quick_solver.txt --data synthetic
  train the paper's medium net on the CUHK student set, unpacked as DIR/train/photos,
  DIR/train/sketches, DIR/test/photos and DIR/test/sketches (a pair shares its file name):
    python tools/solve.py solver/medium_solver.txt --data DIR
  go on after a stop, from where the snapshot was taken:
    python tools/solve.py solver/medium_solver.txt --data DIR --resume snapshots/medium_iter_400.solverstate.h5
  a short trial: 18 training pairs are left out and tested, in place of the test pairs:
    python tools/solve.py solver/small_solver.txt --data DIR --max-iter 600 --prefix trials/a --set data.hold_out=18
  start from a trained net's weights:
    python tools/solve.py solver/medium_solver.txt --data DIR --weights netdefs/pretrained/medium.h5
  share every batch between two processes, here or on many machines (pysketch/parallel/README.md):
    mpirun -n 2 python tools/solve.py solver/medium_solver.txt --data DIR --set data.batch_size=4

Ctrl-C stops after the present iteration, with a snapshot (unless snapshot_after_train is false); a second
Ctrl-C stops at once, as SIGTERM does, and as Ctrl-C while the pairs are read.
At the end PREFIX.h5 is written: weights, netdef and preprocessing in one file, for tools/deploy.py.
PREFIX is the solver file's snapshot_prefix, or --prefix.

--set PATH=VALUE changes one option as if the file said so, and is checked like it; it may be repeated. PATH is
  OPTION                  of the solver file: base_lr=0.0005, type=SGD, stepvalue=[300,500]
  LAYER.OPTION            of a layer's section, or of its param_str: data.hold_out=18, data.held_out=unusual,
                          conv1.num_output=32, conv1.weight_filler.std=0.01
  LAYER.SECTION.OPTION    the same, with the section's name: conv1.convolution_param.num_output=32
  LAYER.FIELD             of every layer: loss.loss_weight=[1,0,0], conv6.param.0.lr_mult=1 (the first param's)
A layer's option is set in every phase that has it. VALUE is written as in the file; a string needs no quotes of its
own. What was set is logged, stands in the net file, and is remembered by snapshots: a --resume with other settings
says so. --max-iter N is --set max_iter=N: rates that fall to 0 at max_iter do so at N. Of what is set twice the last
counts, --max-iter and --prefix behind all, and a warning says so.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, train, write the net file."""
    args = _parser().parse_args(arguments)
    common.terminated_by_signal()
    together = pysketch.parallel.communicator()
    if args.log:
        check_output(args.log, [args.solver, args.weights or "", args.resume or ""])
    common.log_to(args.log)
    definition = pysketch.solver.load_solver(args.solver, _settings(args))
    device = common.use_device(args, definition, logger.info)
    logger.info("Initializing solver from parameters:\n%s", pysketch.netdef.read_text(args.solver))
    for setting in definition.settings:
        logger.info("Set beside it: %s", setting.text)
    total = definition.options.max_iter
    begun = pysketch.solver.check_start(definition, args.resume, args.weights)
    if args.resume and begun >= total:
        logger.warning("%s: %s", args.resume, pysketch.solver.nothing_left(begun, total))
        return 0
    where = {"data_source": args.data, "layer_paths": args.layers, "output_dir": args.output}
    where |= {"workers": pysketch.device.Workers(args.threads or pysketch.parallel.own_threads(together))}
    context = definition.context(
        device, args.seed, communicator=pysketch.parallel.between_devices(together, device), **where
    )
    solver = pysketch.solver.Solver(definition, context, keep_blobs=False)
    with closing(solver):
        if args.resume:
            solver.restore(args.resume)
        elif args.weights:
            solver.net.copy_from(args.weights)
        _handle_signals(solver)
        hidden = True if together.rank else None
        with common.bar(total=total, initial=solver.iter, unit="it", disable=hidden, dynamic_ncols=True) as bar:
            solver.on_iteration = partial(_show, bar)
            finished = solver.solve()
        if together.rank == 0:
            path = f"{definition.prefix}.h5" if finished else f"{definition.prefix}_iter_{solver.iter}.h5"
            draws = pysketch.drawing.write_net_file(path, solver.net)
            logger.info("Net file%s: %s", " for drawing" if draws else "", path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("solve.py", "Train a net as a solver file says.", EXAMPLES)
    help = "a solver file, or a shipped one by name, such as medium"
    parser.add_argument("solver", type=find_solver, help=help)
    parser.add_argument("--data", metavar="DIR|synthetic", help="photo-sketch pairs, or the built-in synthetic faces")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", metavar="X.solverstate.h5", help="go on from a snapshot's state")
    start.add_argument("--weights", type=find_net, metavar="X.h5", help="start from these weights, or a shipped net's")
    help = "updates to make, instead of the solver file's max_iter"
    parser.add_argument("--max-iter", type=common.at_least(1), metavar="N", help=help)
    help = "what snapshots' names begin with, instead of the solver file's snapshot_prefix"
    parser.add_argument("--prefix", metavar="PATH", help=help)
    help = "an option of the solver file, or of a layer (LAYER.OPTION), for this run; may be repeated; see below"
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help=help)
    common.add_device(parser, "the solver file's solver_mode and device_id, or auto")
    parser.add_argument("--seed", type=common.seed, metavar="N", help="instead of the solver file's random_seed")
    parser.add_argument("--log", metavar="FILE", help="append Caffe's log lines to FILE instead of stderr")
    common.add_layers(parser)
    common.add_output(parser)
    common.add_threads(parser)
    return parser


def _settings(args: argparse.Namespace) -> list[str]:
    """What --set, --max-iter and --prefix say, as `load_solver` takes it."""
    short = {"max_iter": args.max_iter, "snapshot_prefix": args.prefix and pysketch.netdef.quote(args.prefix)}
    return [*args.set, *(f"{name}={value}" for name, value in short.items() if value is not None)]


def _show(bar: common.tqdm, solver: pysketch.solver.Solver) -> None:
    """One more iteration; the loss, which a GPU must be waited for, only when the bar is drawn anew."""
    if not bar.disable and time.time() - bar.last_print_t >= bar.mininterval:
        bar.set_postfix(loss=f"{solver.loss:.4g}", lr=f"{solver.rate:.3g}", refresh=False)
    bar.update()


def _handle_signals(solver: pysketch.solver.Solver) -> None:
    """Caffe's: SIGINT snapshots and stops, SIGHUP (on Windows Ctrl-Break) snapshots and goes on.

    Under mpirun SIGTERM and SIGUSR1 are like SIGINT: one or the other is what it passes on, and one process's is all's.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        solver.request("stop")

    signal.signal(signal.SIGINT, stop)
    if solver.context.communicator.size > 1:
        for name in ("SIGTERM", "SIGUSR1"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), stop)
    again = getattr(signal, "SIGHUP", None) or getattr(signal, "SIGBREAK", None)
    if again is not None:
        signal.signal(again, lambda number, frame: solver.request("snapshot"))


if __name__ == "__main__":
    common.run(main)
