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
    parser.add_argument("--threads", type=_positive, metavar="N", help=help)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return value


def run(main: Callable[[Sequence[str] | None], int]) -> None:
    """Run a tool and exit: 2 and one line on stderr for bad input, 130 for Ctrl-C."""
    try:
        sys.exit(main(None))
    except PysketchError as error:
        fail(str(error))
    except MemoryError as error:
        fail(f"not enough memory: {error}; try a smaller image or batch, or micro_batch in the solver file")
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
