"""What all command lines share: one line for bad input, exit statuses, the log."""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib.util
import logging
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

if importlib.util.find_spec("pysketch") is None:  # a checkout that is not installed: for us, and for what we start
    sys.path.insert(1, str(Path(__file__).resolve().parents[1]))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (sys.path[1], os.environ.get("PYTHONPATH"))))
    _modules = {"pillow": "PIL", "protobuf": "google"}  # of packages that are called otherwise
    _needed = ("numpy", "pillow", "scipy", "h5py", "tqdm", "threadpoolctl", "protobuf")
    if _missing := [name for name in _needed if importlib.util.find_spec(_modules.get(name, name)) is None]:
        print(f"error: not installed: {', '.join(_missing)}; pip install {' '.join(_missing)}", file=sys.stderr)
        sys.exit(2)

import pysketch
from pysketch.errors import NetdefError, PysketchError
from pysketch.shipped import find_net, find_netdef, in_words

if TYPE_CHECKING:
    from tqdm import tqdm

os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
"""Read when NumPy is imported: the threads that its OpenBLAS then starts would wait busily for some 30 ms, beside what
else begins on these cores; now they sleep. Layers have threads of their own (`device/workers.py`)."""

BAD_INPUT = 2
INTERRUPTED = 130
TERMINATED = 143
LEAVE, LONGEST = 0.75, 3.0
"""Seconds that a process which fails leaves each of lower rank to say the same; and at most."""
PATIENCE = 15.0
"""Seconds that the others of an mpirun wait, once they were told to end, for the first one to tell them, too."""

_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?", re.IGNORECASE)

_program: list[str] = []  # what the command is called where a word says which tool; empty if a tool's file was started


def start_by_word(program: str) -> None:
    """Let every help speak of `program` and a word, not of python tools/NAME.py."""
    _program[:] = [program]


Prepare = Callable[[argparse.ArgumentParser, Sequence[str]], list[str]]
"""Turns the words of a command line into what argparse can take; given the parser, for its errors."""


def parser(prog: str, description: str, examples: str, prepare: Prepare | None = None) -> argparse.ArgumentParser:
    """A command line whose --help ends with examples, as they are written; prog: the tool's file, or what it is.

    prepare: rewrites the words before they are parsed, for what argparse has no option for.
    """
    raw = argparse.RawDescriptionHelpFormatter
    prog = in_words(prog, *_program) if _program else prog
    made = _Parser(prog=prog, description=description, epilog=examples, formatter_class=raw)
    made.prepare = prepare
    return made


class _Parser(argparse.ArgumentParser):
    """Says in its help how the tools were started: by their files or by words."""

    prepare: Prepare | None = None

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """As argparse's, of the words that `prepare` makes."""
        words = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(self.prepare(self, words) if self.prepare else words, namespace)

    def format_help(self) -> str:
        """The help, in words if the tool was started so."""
        return in_words(super().format_help(), *_program) if _program else super().format_help()


def add_threads(parser: argparse.ArgumentParser) -> None:
    """The option --threads, with a check."""
    help = "worker threads (default: the cores that this process may use)"
    parser.add_argument("--threads", type=at_least(1), metavar="N", help=help)


def add_processes(parser: argparse.ArgumentParser, otherwise: str, *names: str) -> None:
    """The option --processes, under further names too; `otherwise`: what holds without it."""
    help = f"processes that share the work on this machine, and its cores (default: {otherwise}); mpirun has its own -n"
    parser.add_argument("--processes", *names, type=at_least(1), metavar="N", help=help)


def add_device(parser: argparse.ArgumentParser, otherwise: str = "auto") -> None:
    """The options --device and --math; `otherwise`: what holds without --device."""
    parser.add_argument(
        "--device", metavar="auto|cpu|gpu[:N]", help=f"auto: the GPU if it works, else the CPU (default: {otherwise})"
    )
    help = "tf32: float32 products on a GPU may round to TF32, which is faster (default: default, they do not)"
    parser.add_argument("--math", choices=("default", "tf32"), default="default", help=help)


def add_align(parser: argparse.ArgumentParser, what: str, does: str) -> None:
    """The options --align and --eyes, as `choose_faces` takes them; what: is given, does: what is done with it.

    The parser must `prepare` by `with_eyes`, and `check_align` look at what it has parsed.
    """
    faces = parser.add_mutually_exclusive_group()
    ways = {"choices": ["auto", "eyes", "none"], "metavar": "auto|eyes X1 Y1 X2 Y2|none"}
    help = (
        f"auto: find each face by its eyes; eyes: left eye, right eye; none: {does} the {what} as it is "
        f"(default: none for an aligned {what}, else auto where dlib is installed)"
    )
    faces.add_argument("--align", **ways, help=help)
    help = "the same as --align eyes X1 Y1 X2 Y2"
    faces.add_argument("--eyes", nargs=4, type=float, metavar=("X1", "Y1", "X2", "Y2"), help=help)


def check_align(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """A usage error for --al eyes, which `with_eyes` does not know."""
    if args.align == "eyes":
        parser.error("write --align eyes X1 Y1 X2 Y2 in full")


def with_eyes(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """--align eyes as --eyes: argparse knows options of one value or of four, not of one or five.

    What must follow is looked at here, as argparse would speak of --eyes, which nobody has typed.
    """
    words: list[str] = []
    for k, word in enumerate(arguments):
        if word != "--align=eyes" and (word != "eyes" or words[-1:] != ["--align"]):
            words.append(word)
            continue
        numbers = arguments[k + 1 : k + 5]
        if len(numbers) < 4 or not all(_NUMBER.fullmatch(each) for each in numbers):
            parser.error(f"--align eyes takes four numbers, X1 Y1 X2 Y2; found {' '.join(numbers) or 'none'}")
        if word == "eyes":
            words.pop()  # the --align before it
        words.append("--eyes")
    return words


def add_size(parser: argparse.ArgumentParser) -> None:
    """The option --size, a pair (width, height)."""
    parser.add_argument("--size", type=_size, metavar="WxH", help="pixels of an input image (default: the netdef's)")


def add_layers(parser: argparse.ArgumentParser) -> None:
    """The option --layers, a list of folders."""
    parser.add_argument(
        "--layers",
        metavar="DIR",
        action="append",
        default=[],
        help="let the netdef import Python layers from DIR: runs their code; may be repeated",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """The option --output, a folder."""
    parser.add_argument("--output", metavar="DIR", help="let the netdef's HDF5Output layers write files in DIR")


def add_netdef(parser: argparse.ArgumentParser, **options: str) -> None:
    """The netdef: a file, or a shipped one's name."""
    help = "a netdef file, or a shipped one by name, such as medium"
    parser.add_argument("netdef", type=find_netdef, help=help, **options)


def add_net_file(parser: argparse.ArgumentParser, **options: str) -> None:
    """The net file: a file, or a shipped one's name."""
    help = "a net file (.h5) that tools/solve.py wrote, or a shipped one by name, such as medium"
    parser.add_argument("net", type=find_net, help=help, **options)


def add_net(parser: argparse.ArgumentParser) -> None:
    """The netdef, and the options that say which net is made of it: --phase, --stage, --size, --layers."""
    add_netdef(parser)
    add_state(parser)
    add_size(parser)
    add_layers(parser)


def add_state(parser: argparse.ArgumentParser) -> None:
    """The options --phase and --stage, which choose layers by their include and exclude rules."""
    parser.add_argument("--phase", choices=("test", "train"), default="test", help="default: test")
    add_stage(parser)


def add_stage(parser: argparse.ArgumentParser) -> None:
    """The option --stage, a list of names."""
    help = 'stages that are on, such as "deploy" of the nets here, which draws; may be repeated'
    parser.add_argument("--stage", action="append", default=[], metavar="NAME", help=help)


def load_net(args: argparse.Namespace) -> pysketch.netdef.NetDef:
    """The netdef of the command line; NetdefError, too, for a --stage without a rule, and for no layers in --phase."""
    netdef = pysketch.netdef.load_netdef(args.netdef)
    phase = pysketch.netdef.Phase[getattr(args, "phase", "test").upper()]
    for message in netdef.unknown_stages(args.stage):
        raise NetdefError(message)
    if not netdef.select(netdef.resolve_state(phase, stages=tuple(args.stage))).layers:
        raise NetdefError(f"{args.netdef}: has no layers in phase {phase.name}; there is nothing to show")
    return netdef


def use_device(
    args: argparse.Namespace,
    solver: pysketch.solver.SolverDef | None = None,
    say: Callable[[str], object] | None = None,
) -> pysketch.device.Device:
    """The device that --device names, else the solver file's, else auto's; with the math mode of --math.

    Of several processes of a machine each takes a GPU of its own: the next one by its local rank.
    say: gets one line, what was taken and why; without it the line goes to stderr unless the device was named.
    DeviceError if the device, the math mode on it, or the kernels that PYSKETCH_KERNELS says are not there.
    """
    number = pysketch.parallel.joined().local_rank
    by_name = args.device or solver is None
    device = pysketch.device.choose_device(args.device or "auto", number) if by_name else solver.choose_device(number)
    if args.math == "tf32":
        pysketch.device.allow_tf32(device)
    name = "CPU" if device.kind == "cpu" else f"GPU with device ID {device.index}"
    kernels = f", {pysketch.native.describe()}" if device.kind == "cpu" else ""
    line = f"Use {name} ({device.reason}), math mode {args.math}{kernels}."
    if say:
        say(line)
    elif args.device in (None, "auto"):
        print(line, file=sys.stderr)
    return device


def context(args: argparse.Namespace) -> pysketch.layers.Context:
    """Where and how to work, from the options that a tool has: --device, --threads, --data, --layers, --output."""
    return pysketch.layers.Context(
        use_device(args),
        workers=pysketch.device.Workers(args.threads),
        data_source=getattr(args, "data", None),
        layer_paths=getattr(args, "layers", ()),
        output_dir=getattr(args, "output", None),
    )


def at_least(low: int) -> Callable[[str], int]:
    """A check for argparse: a whole number, `low` or more."""

    def number(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected {low} or more, found {text}")
        return value

    return number


def number(low: float, high: float | None = None) -> Callable[[str], float]:
    """A check for argparse: a finite number from `low` on, or up to `high`."""
    wanted = f"from {low:g} to {high:g}" if high is not None else f"of {low:g} or more"

    def check(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (low <= value < math.inf and (high is None or value <= high)):
            raise argparse.ArgumentTypeError(f"expected a number {wanted}, found {text}")
        return value

    return check


def seed(text: str) -> int:
    """A check for argparse: what every generator of chance takes."""
    value = int(text)
    if value < 0 or value >= 2**32:
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 to 4294967295, found {text}")
    return value


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (at_least(1)(side) for side in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f'expected WIDTHxHEIGHT in pixels, such as 155x200, found "{text}"') from None
    return width, height


def bar(*steps: Iterable[Any], **options: Any) -> Any:
    """A progress bar, as tqdm's: of the steps, if they are given, which are gone through, else to be updated.

    Steps whose bar would not be seen are gone through as they are: importing tqdm takes time.
    """
    hidden = options.get("disable", False)
    if steps and (hidden or (hidden is None and not sys.stderr.isatty())):
        return steps[0]
    from tqdm import tqdm

    return tqdm(*steps, **options)


def say(line: str, file: TextIO | None = None) -> None:
    """Print a line, above the progress bars if there are any."""
    if "tqdm" in sys.modules:
        sys.modules["tqdm"].tqdm.write(line, file=file)
    else:
        print(line, file=file or sys.stdout)


@contextmanager
def bars(delay: float = 1.0) -> Iterator[Callable[[str, int, int], None]]:
    """What tells a progress: what is done, how many of how many steps; each that takes longer than `delay` s as a bar.

    Where stderr is no terminal there is none.
    """
    shown: dict[str, tqdm] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in shown:
            close()
            shown[what] = bar(desc=what, total=total, delay=delay, leave=False, disable=None)
        shown[what].update(done - shown[what].n)

    def close() -> None:
        for bar in shown.values():
            bar.close()

    try:
        yield progress
    finally:
        close()


Parse = Callable[[Sequence[str] | None], argparse.Namespace]
"""What a command line says; a usage error ends it."""


def by_many(
    tool: str,
    arguments: Sequence[str] | None,
    parse: Parse,
    head: Callable[[argparse.Namespace, pysketch.parallel.Hands], int],
    hand: Callable[[argparse.Namespace], pysketch.parallel.Work],
) -> int:
    """Run a tool whose jobs several processes may do: those of an mpirun, or as many as --processes says.

    tool: its file. head: does all but the jobs, which it hands out, and returns the exit status; only the first process
    does so. hand: makes what does jobs, once in each process that works, which may be this one, alone.
    """
    here = pysketch.parallel.place(os.environ)
    if here is not None:
        pysketch.parallel.work_at(here)
        pysketch.parallel.serve(lambda: hand(_at_place(parse(arguments), here)))
        return 0
    args = parse(arguments) if pysketch.parallel.started_size(os.environ) == 1 else None  # --help loads nothing more
    together = pysketch.parallel.communicator()
    words = sys.argv[1:] if arguments is None else arguments
    command = [sys.executable, os.path.abspath(tool), *words]
    cores = pysketch.device.Workers().threads
    threads = pysketch.parallel.own_threads(together)
    if together.rank:
        place = pysketch.parallel.Place(threads, together.local_rank)
        pysketch.parallel.leave(pysketch.parallel.supervise(together, command, place, _told_to_end()))
        return 0
    hands = pysketch.parallel.Hands(lambda: hand(args), command, together, threads, cores, _tell)
    before = _on_sigterm(_terminate)
    try:
        args = parse(arguments) if args is None else args
        if together.size == 1:
            hands.count = args.processes or 1
        elif args.processes:
            fail(f"mpirun says how many processes there are, {together.size}; expected no --processes beside it")
        return head(args, hands)
    finally:
        pysketch.parallel.leave(hands.leave())
        _on_sigterm(before)


def _at_place(args: argparse.Namespace, here: pysketch.parallel.Place) -> argparse.Namespace:
    """With the threads of a working process, unless the command line says how many."""
    if getattr(args, "threads", 0) is None:
        args.threads = here.threads
    return args


def _tell(line: str) -> None:
    """On stderr, above a progress bar."""
    say(line, file=sys.stderr)


def _on_sigterm(handler: Any) -> Any:
    """Let SIGTERM do that; what it did before. Only a program's first thread may say so, in others nothing changes."""
    return signal.signal(signal.SIGTERM, handler) if threading.current_thread() is threading.main_thread() else None


class Terminated(BaseException):
    """SIGTERM has come; `run` says so in one line."""


def terminated_by_signal() -> None:
    """From here on SIGTERM ends the program as Ctrl-C does, with a line and a status of its own."""

    def stop(number: int, frame: Any) -> NoReturn:
        raise Terminated

    _on_sigterm(stop)


def _terminate(number: int, frame: Any) -> None:
    """SIGTERM to the first process, or the only one: what works for it is told the end."""
    print("terminated", file=sys.stderr, flush=True)
    sys.exit(TERMINATED)


def _told_to_end() -> Callable[[], bool]:
    """Whether the first process, which is told the same, has not said the end for so long after Ctrl-C or SIGTERM."""
    heard: list[float] = []
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda number, frame: heard.append(time.monotonic()))
    return lambda: bool(heard) and time.monotonic() - heard[-1] > PATIENCE


def run(main: Callable[[Sequence[str] | None], int]) -> None:
    """Run a tool and exit: 2 and one line on stderr for bad input, 130 for Ctrl-C, 143 for SIGTERM.

    Where several processes work together, one that fails ends them all.
    """
    atexit.register(gc.freeze)  # Python would look through all that there is before it lets go of it: 35 ms
    try:
        sys.exit(main(None))
    except PysketchError as error:
        fail(str(error))
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED)
    except Terminated:
        _end("terminated", TERMINATED)
    except BrokenPipeError:
        sys.stderr.close()
        _end("", 1)
    except Exception as error:
        problem = pysketch.device.out_of_memory(error)
        if problem is None:
            raise
        fail(f"{problem}; try a smaller tile, image or batch, micro_batch in the solver file, or --device cpu")


def fail(message: str) -> None:
    """Say what is wrong in one line and exit."""
    _end(f"error: {' '.join(message.split())}", BAD_INPUT)


def _end(message: str, status: int) -> None:
    """Say why and exit; one of several processes says its rank, too, and all end.

    What is wrong for all, such as a mistake in a netdef, is said by the first: the others leave it a moment for that.
    """
    together = pysketch.parallel.joined()
    if together.size > 1:
        time.sleep(min(LEAVE * together.rank, LONGEST))
        message = f"rank {together.rank} of {together.size}: {message}"
    if message:
        print(message, file=sys.stderr, flush=True)
    if together.size > 1:
        together.abort(status)
    sys.exit(status)


class _ProgressHandler(logging.Handler):
    """Writes log lines to stderr, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        say(self.format(record), file=sys.stderr)


def log_to(path: str | None, level: int = logging.INFO) -> None:
    """Send pysketch's log, in Caffe's format, to a file (appended; missing folders are made) or, if None, to stderr.

    Of several processes that work together the first one logs.
    """
    try:
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        handler = _handler(path)
    except OSError as error:
        fail(f"{path}: the log cannot be written there: {error.strerror}")
    handler.setFormatter(pysketch.solver.CaffeFormatter())
    logger = logging.getLogger("pysketch")
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


def _handler(path: str | None) -> logging.Handler:
    if pysketch.parallel.joined().rank:
        return logging.NullHandler()
    return logging.FileHandler(path, encoding="utf-8") if path else _ProgressHandler()
