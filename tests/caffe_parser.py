"""An independent reader of training logs: what Caffe's parse_log.py reads, by the regular expressions it uses."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

_ITERATION = re.compile(r"Iteration (\d+)")
_OUTPUT = re.compile(r"(Train|Test) net output #(\d+): (\S+) = ([\.\deE+-]+)")
_RATE = re.compile(r"lr = ([-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?)")

Row = dict[str, float]


def parse_log(path: Path, year: int = 2024) -> tuple[list[Row], list[Row]]:
    """(training rows, test rows), one for each iteration with outputs: NumIters, Seconds, LearningRate, outputs."""
    rows: dict[str, list[Row]] = {"Train": [], "Test": []}
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(_time(line, year) for line in lines if "Solving" in line)
    iteration, rate = -1, float("nan")
    for line in lines:
        if found := _ITERATION.search(line):
            iteration = int(found[1])
        if iteration < 0:
            continue
        try:
            seconds = (_time(line, year) - start).total_seconds()
        except ValueError:  # a line without a prefix; a blank one is an IndexError, as it is for Caffe
            continue
        if found := _RATE.search(line):
            rate = float(found[1])
        if found := _OUTPUT.search(line):
            kind, _, name, value = found.groups()
            if not rows[kind] or rows[kind][-1]["NumIters"] != iteration:
                rows[kind].append({"NumIters": iteration, "Seconds": seconds, "LearningRate": rate})
            rows[kind][-1][name] = float(value)
    return rows["Train"], rows["Test"]


def _time(line: str, year: int) -> datetime:
    """Of a prefix "I1122 19:10:06.032768"."""
    words = line.split()
    month, day = int(words[0][1:3]), int(words[0][3:])
    clock, _, microseconds = words[1].rpartition(".")
    return datetime(year, month, day, *map(int, clock.split(":")), int(microseconds))
