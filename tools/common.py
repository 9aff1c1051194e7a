"""What all command lines share: one line for bad input, exit statuses, the log."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from tqdm import tqdm

from pysketch.caffe_log import CaffeFormatter
from pysketch.errors import PysketchError

BAD_INPUT = 2
INTERRUPTED = 130


def parser(prog: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A command line whose --help ends with examples, as they are written."""
    raw = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog=prog, description=description, epilog=examples, formatter_class=raw)


def add_threads(parser: argparse.ArgumentParser) -> None:
    """The option --threads, with a check."""
    help = "worker threads (default: the cores that this process may use)"
    parser.add_argument("--threads", type=at_least(1), metavar="N", help=help)


def at_least(low: int) -> Callable[[str], int]:
    """A check for argparse: a whole number, `low` or more."""

    def number(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected {low} or more, found {text}")
        return value

    return number


def seed(text: str) -> int:
    """A check for argparse: what every generator of chance takes."""
    value = int(text)
    if value < 0 or value >= 2**32:
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 to 4294967295, found {text}")
    return value


def run(main: Callable[[Sequence[str] | None], int]) -> None:
    """Run a tool and exit: 2 and one line on stderr for bad input, 130 for Ctrl-C."""
    try:
        sys.exit(main(None))
    except PysketchError as error:
        fail(str(error))
    except MemoryError as error:
        fail(f"not enough memory: {error}; try a smaller tile, image or batch, or micro_batch in the solver file")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def fail(message: str) -> None:
    """Say what is wrong in one line and exit."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(BAD_INPUT)


class _ProgressHandler(logging.Handler):
    """Writes log lines to stderr, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        tqdm.write(self.format(record), file=sys.stderr)


def log_to(path: str | None, level: int = logging.INFO) -> None:
    """Send pysketch's log, in Caffe's format, to a file (appended) or, if None, to stderr."""
    try:
        handler = logging.FileHandler(path, encoding="utf-8") if path else _ProgressHandler()
    except OSError as error:
        fail(f"{path}: the log cannot be written there: {error.strerror}")
    handler.setFormatter(CaffeFormatter())
    logger = logging.getLogger("pysketch")
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
