"""The tests that a card can run, as a section: pytest in a process of its own, counted test by test."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

from pysketch.benchmark.card.pieces import Found, Partial, Pieces
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.race import BenchmarkError
from pysketch.shipped import folder

PROCESSES = 8
"""pytest's, at most, where pytest-xdist is installed."""

PAUSE = 10
"""Seconds that pytest has, at most, to say what it found when its time is over."""

_REAL, _ON_ANY = re.compile(r"\bmark\.gpu\b"), re.compile(r"\b(on_)?gpu\b|\bdevice\b")  # what is in a test's file

_TEST = re.compile(r"^(?:\[gw\d+\] \[ *\d+%\] )?(?:(?P<before>[A-Z]+) )?(?P<test>tests/\S+\.py(?:::.*?)?)"
                   r"(?: (?P<after>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b.*)?$")  # fmt: skip
_SUMMARY = re.compile(r"^(FAILED|ERROR) (tests/.*)$")


def only_real(plan: Plan, stack: ExitStack, deadline: float) -> Pieces:
    """What only a real card can answer."""
    return {"gpu": lambda: run_tests("gpu", deadline, _REAL)}


def everything(plan: Plan, stack: ExitStack, deadline: float) -> Pieces:
    """Our kernels against loops, then the other tests of layers, nets and solvers on the card."""
    expressions = ("kernels and on_gpu", "on_gpu and not kernels and not gpu")
    return {expression: lambda chosen=expression: run_tests(chosen, deadline) for expression in expressions}


def run_tests(expression: str, deadline: float, told_by: re.Pattern[str] = _ON_ANY) -> Found:
    """How many tests of a marker expression passed, failed and were skipped; why they failed.

    told_by: is found in every file with such a test; the others are not even collected. deadline: of
    `time.monotonic`; pytest is ended then. Partial if a test failed or not all had their turn, BenchmarkError without
    pytest or without the tests.
    """
    root = folder("tools").parent
    if importlib.util.find_spec("pytest") is None:
        raise BenchmarkError("pytest is not installed: the tests were not run; pip install pytest pytest-xdist")
    if not (root / "tests").is_dir():
        raise BenchmarkError("the tests come with a checkout only: they were not run")
    start = time.monotonic()
    paths = sorted((root / "tests").rglob("test_*.py"))
    files = [str(path.relative_to(root)) for path in paths if told_by.search(path.read_text(encoding="utf-8"))]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        status = _pytest(root, expression, files, log, deadline)
        log.seek(0)
        lines = log.read().splitlines()
    found = {**count(lines), "seconds": round(time.monotonic() - start, 1), "expression": expression}
    if status == "late":
        raise Partial(found, f"the time was over after {found['seconds']:.0f} s: {_said(found)}")
    if status not in (0, 5):  # 5: no test has the marker
        raise Partial({**found, "end": lines[-60:]}, f"pytest ended with status {status}: {_said(found)}")
    return found


def count(lines: list[str]) -> Found:
    """What pytest's verbose lines, and its summary at the end, say."""
    outcomes: Counter[str] = Counter()
    failed = []
    for line in lines:
        summary = _SUMMARY.match(line)
        if summary:
            failed.append(f"{summary[1]} {summary[2]}")
            continue
        test = _TEST.match(line)
        outcome = test and (test["before"] or test["after"])
        if outcome in ("PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL", "XPASS"):
            outcomes[outcome] += 1
    return {
        "passed": outcomes["PASSED"],
        "failed": outcomes["FAILED"] + outcomes["ERROR"],
        "skipped": outcomes["SKIPPED"],
        "failures": failed,
    }


def _said(found: Found) -> str:
    named = "".join(f"; {line}" for line in found["failures"][:5])
    return f"{found['passed']} passed, {found['failed']} failed, {found['skipped']} skipped{named}"


def _pytest(root: Path, expression: str, files: list[str], log: object, deadline: float) -> int | str:
    """Its exit status, or "late"."""
    options = ["-o", "addopts=", "-v", "-rfE", "--tb=short", "--strict-markers", "--import-mode=importlib"]
    options += ["--continue-on-collection-errors", "-p", "no:cacheprovider", "-m", expression]
    if importlib.util.find_spec("xdist") and len(files) > 1:
        options += ["-n", str(min(PROCESSES, os.cpu_count() or 1)), "--dist", "worksteal"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *files],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    left = max(1.0, deadline - time.monotonic())
    try:
        return process.wait(left - min(PAUSE, left / 4))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # pytest ends with a summary
        with suppress(subprocess.TimeoutExpired):
            process.wait(PAUSE)
        return "late"
    finally:
        end_group(process)


def end_group(process: subprocess.Popen) -> None:
    """End a process that leads a session of its own, and all that it started there."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except OSError:
        pass  # it is over
    process.wait()
