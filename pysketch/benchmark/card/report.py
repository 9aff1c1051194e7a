"""The report on a card: its sections run one after the other, each as long as its share of the time that is left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pysketch.benchmark.card.pages import in_markdown
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.card.sections import SECTIONS
from pysketch.benchmark.card.suites import end_group
from pysketch.errors import DataError
from pysketch.files import atomic_path

GRACE = 5
"""Seconds that a section has beyond its time to end its piece, and again to end itself when it is told to."""

LEAST = 15
"""Seconds that a section is given where they are left: it takes some to start."""

LOG_LINES = 20
"""Of what a section that failed has printed, its last."""

_START = "import sys; from pysketch.benchmark.card import child; child.run(*sys.argv[1:])"


def report_card(plan: Plan, output: str, tell: Callable[[str], object]) -> tuple[Path, Path]:
    """Run all sections; write `output`.json and `output`.md after each, and return their paths.

    output: a path with or without one of these endings. tell: is given a line for every section that is over.
    DataError, before anything runs, if the files cannot be written.
    """
    paths = report_paths(output)
    start = time.monotonic()
    report: dict[str, Any] = {"made": _now(), "plan": asdict(plan), "seconds": 0.0, "sections": {}}
    _write(report, paths)
    with tempfile.TemporaryDirectory(prefix="pysketch-", ignore_cleanup_errors=True) as folder:
        plan.write(Path(folder, "plan.json"))
        names = list(SECTIONS)
        for k, name in enumerate(names):
            left = plan.seconds - (time.monotonic() - start)
            share = SECTIONS[name].share / sum(SECTIONS[each].share for each in names[k:])
            with _kept(report, paths, start):
                found = report["sections"][name] = {"title": SECTIONS[name].title, "planned": [], "pieces": {}}
                run_section(name, Path(folder), min(left, max(LEAST, left * share)), found)
            tell(f"{found['title']}: {found['seconds']:.0f} s, {said_of(found)}")
    return paths


def report_paths(output: str) -> tuple[Path, Path]:
    """The JSON and the Markdown file: DataError for another ending."""
    path = Path(output)
    if path.suffix not in ("", ".json", ".md"):
        raise DataError(f"{output}: a report is a .json and a .md file; expected one of these endings, or none")
    base = path.with_suffix("")
    return base.with_suffix(".json"), base.with_suffix(".md")


def run_section(name: str, folder: Path, seconds: float, found: dict[str, Any]) -> None:
    """Run one in a process of its own and gather in `found` what it says, however it ends.

    found: gets `planned`, `pieces` (by name: `found`, `error`), `error` of the section itself, `seconds`.
    """
    start = time.monotonic()
    if seconds < 1:
        found.update(seconds=0.0, error="no time was left for it")
        return
    output, log = folder / f"{name}.jsonl", folder / f"{name}.log"
    command = [sys.executable, "-c", _START, str(folder / "plan.json"), name, str(seconds), str(output)]
    late = False
    with open(log, "w", encoding="utf-8") as printed:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed, start_new_session=True
        )
        try:
            late = not _ended(process, seconds + GRACE)
            if late:
                process.send_signal(signal.SIGTERM)
                _ended(process, GRACE)
        finally:
            end_group(process)
            _gather(output, found)
            found["seconds"] = round(time.monotonic() - start, 1)
    if not found.pop("ended", False) and "error" not in found:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        why = f": {lines[-1].strip()}" if lines else ""
        ended = f"its process ended with status {process.returncode}{why}"
        found["error"] = f"its time was over: it was ended after {found['seconds']:.0f} s" if late else ended
    if missing(found) or found.get("error") or any("error" in piece for piece in found["pieces"].values()):
        found["log"] = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]


def missing(found: dict[str, Any]) -> list[str]:
    """The pieces of a section that were planned and never came to an end."""
    return [piece for piece in found["planned"] if piece not in found["pieces"]]


def said_of(found: dict[str, Any]) -> str:
    """A section in a line: how many pieces are there, and what failed."""
    pieces = found["pieces"].values()
    whole = sum("error" not in piece for piece in pieces)
    text = f"{whole} of {len(found['planned'])} pieces" if found["planned"] else "nothing"
    failed = sum("error" in piece for piece in pieces)
    text += f", {failed} failed" if failed else ""
    text += f", {len(missing(found))} not reached" if missing(found) else ""
    return f"{text}; {found['error']}" if "error" in found else text


def _gather(output: Path, found: dict[str, Any]) -> None:
    """Read the lines of a section; a last one that is cut off counts as not written."""
    lines = output.read_text(encoding="utf-8").split("\n")[:-1] if output.exists() else []
    for line in lines:
        said = json.loads(line)
        if "piece" in said:
            found["pieces"][said.pop("piece")] = said
        else:
            found.update(said)


def _ended(process: subprocess.Popen, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextmanager
def _kept(report: dict[str, Any], paths: tuple[Path, Path], start: float) -> Iterator[None]:
    """Write the report when the block ends, also by Ctrl-C."""
    try:
        yield
    finally:
        report["seconds"] = round(time.monotonic() - start, 1)
        _write(report, paths)


def _write(report: dict[str, Any], paths: tuple[Path, Path]) -> None:
    texts = json.dumps(report, indent=1) + "\n", "\n".join(in_markdown(report)) + "\n"
    for path, text in zip(paths, texts, strict=True):
        try:
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise DataError(f"{path}: the report cannot be written there: {error.strerror}") from None


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
