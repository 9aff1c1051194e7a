"""A section of a report, in a process of its own: `report` starts it and reads the lines that it writes.

The first line names the pieces that are planned; then comes a line for each that is done, with what it found, or why
it failed, or both; the last says that the section came to its end.
"""

from __future__ import annotations

import json
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from pysketch.benchmark.card.pieces import Partial, reason
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.card.sections import SECTIONS


def run(plan: str, name: str, seconds: str, output: str) -> None:
    """Work through a section for so many seconds; plan, output: paths. SIGTERM ends it as Ctrl-C would."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open(output, "w", encoding="utf-8") as lines:
        work(Plan.read(Path(plan)), name, float(seconds), lambda **what: print_line(lines, what))


def print_line(lines: TextIO, what: dict[str, Any]) -> None:
    """One JSON object, at once."""
    lines.write(json.dumps(what) + "\n")
    lines.flush()


def work(plan: Plan, name: str, seconds: float, say: Callable[..., None]) -> None:
    """Say what is planned, then piece by piece what was found; what goes wrong is told with its traceback on stderr."""
    deadline = time.monotonic() + seconds
    with ExitStack() as stack:
        try:
            pieces = SECTIONS[name].pieces(plan, stack, deadline)
        except Exception as error:
            traceback.print_exc()
            say(error=reason(error))
            return
        say(planned=list(pieces))
        for piece, call in pieces.items():
            if time.monotonic() >= deadline:
                break
            try:
                say(piece=piece, found=call())
            except Partial as partial:
                say(piece=piece, found=partial.found, error=reason(partial))
            except Exception as error:
                traceback.print_exc()
                say(piece=piece, error=reason(error))
        say(ended=True)
