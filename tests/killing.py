"""Processes that are killed: at a moment, or when they come to a line of pysketch's own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

SOURCES = str(Path(__file__).parents[1] / "pysketch")


def killed_after(action: Callable[[], object], seconds: float) -> bool:
    """Do it in a copy of this process that is killed after so long; whether it was not done by then."""
    process = multiprocessing.get_context("fork").Process(target=action)
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def killed_at_line(action: Callable[[], object], number: int) -> bool:
    """Do it in a copy of this process that is killed when it comes to its so manieth line; whether it was."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=_traced, args=(action, number, die))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def lines_of(action: Callable[[], object]) -> int:
    """How many lines of pysketch it runs through."""
    return _traced(action, 0, lambda: None)


def _traced(action: Callable[[], object], number: int, reached: Callable[[], None]) -> int:
    count = 0

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            if count == number:
                reached()
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(SOURCES) else None

    sys.settrace(call)
    try:
        action()
    finally:
        sys.settrace(None)
    return count
