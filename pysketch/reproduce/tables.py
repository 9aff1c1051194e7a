"""Tables 1 and 2 and the time over the number of training pairs, for tools/reproduce.py."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.benchmark import NETS, PAPER_MS, Job, measure_table2
from pysketch.errors import BaselineError
from pysketch.report import PICTURES, Picture, Section, Table, figures
from pysketch.reproduce.child import CURVE, TONE
from pysketch.reproduce.paper import RANKS, TABLE1
from pysketch.reproduce.runner import Cell, Experiment, Row, number
from pysketch.reproduce.training import Setting, digest
from pysketch.shipped import folder

OURS, _SHIPPED = "ours", "medium"
METHODS = (OURS, "grey", "et", "mrf", "mrf_plus", "svr", "lle", "sns", "sns_sre", "e_hmm")
"""The rows of Table 1: the shipped medium net, the paper's rivals, then those that it only names."""

_SCORES = ("rmse_0.5", "rmse", "rmse_2", *TONE, "psnr", "ssim", *(f"rank{n}" for n in range(1, CURVE + 1)))
_COSTS = ("seconds", "learn_seconds", "peak_mib")
_GROWTH = (11, 22, 44, 88)
_GROWTH_METHODS = (OURS, "et", "lle", "mrf")
_GROWTH_PHOTOS = 3
_RUNS = 20


_CHILD = "import sys; from pysketch.reproduce.child import answer; sys.stdout.write(answer(*sys.argv[1:]))"


def net_file(name: str) -> Path:
    """A shipped net."""
    return folder("netdefs") / "pretrained" / f"{name}.h5"


def net_digest(name: str) -> str:
    """Tells a shipped net from another of that name; empty where there is none."""
    path = net_file(name)
    return digest(path.read_bytes()) if path.is_file() else ""


def _with_file(cell: Cell) -> Cell:
    """The cell of a method, with the net file's digest if the method is ours."""
    return {**cell, "file": net_digest(_SHIPPED) if cell["method"] == OURS else ""}


def child(setting: Setting, method: str, name: str, pairs: int, photos: int) -> dict[str, Any]:
    """What `child.measure` does, in a process of its own; BaselineError if it fails. Crops go to out/drawn/NAME.npz."""
    what = str(net_file(_SHIPPED)) if method == OURS else method
    out = setting.out / "drawn" / f"{name}.npz"
    command = [sys.executable, "-c", _CHILD, what, str(out), setting.data]
    numbers = [str(pairs), str(photos), str(setting.threads or 0)]
    done = subprocess.run([*command, *numbers], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BaselineError(f"{method}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])
    if "error" in found:
        raise BaselineError(f"{method}: {found['error']}")
    return found


def table1(setting: Setting) -> Experiment:
    """Every method on the test pairs, each in a process of its own."""

    def compute(cell: Cell) -> Mapping[str, Any]:
        small = setting.quick
        return child(setting, cell["method"], cell["method"], 12 if small else 0, 6 if small else 0)

    cells = [_with_file({"method": method}) for method in METHODS]
    return Experiment("table1", ("method", "file"), (*_SCORES, *_COSTS), cells, compute, _show_table1, timed=True)


def _show_table1(rows: Sequence[Row], folder: Path) -> Section:
    header = ["method", *(f"rank {n}" for n in RANKS), *(f"paper's {n}" for n in RANKS)]
    header += ["RMSE", "at .5", "at 2", "bias", "less bias", "PSNR", "SSIM", "s/photo", "learns, s", "peak MiB"]
    lines = []
    for row in rows:
        printed = TABLE1.get(row["method"], (None,) * len(RANKS))
        values = [number(row, name) for name in ("rmse", "rmse_0.5", "rmse_2", *TONE, "psnr", "ssim", *_COSTS[:2])]
        lines.append([row["method"], *(number(row, f"rank{n}") for n in RANKS), *printed, *values, row["peak_mib"]])
    curve = {row["method"]: [number(row, f"rank{n}") for n in range(1, CURVE + 1)] for row in rows}
    path = f"{PICTURES}/table1.png"
    pictures = []
    if rows:
        figures.cumulative_match(folder / path, curve)
        pictures = [Picture(path, "Cumulative match score of every method")]
    text = (
        "All scores are of the centre 143x188. Ranks are cumulative match scores in percent, ties counted against "
        "us. The paper took the rows of ET to SVR from their authors, who used other splits of the data; ours are "
        "measured on its 88 training and 100 test pairs. bias: by how many grey levels what is drawn is lighter than "
        "the artist's; less bias: the RMSE without that, a diagnosis. Each method ran in a process of its own, whose "
        "largest memory is given."
    )
    return Section("Table 1: recognition", [text], [Table(header, lines)], pictures)


def table2(setting: Setting) -> Experiment:
    """The time of one photo, for each net; measured together, as `tools/benchmark.py --table2` does."""

    def compute(cell: Cell) -> Mapping[str, Any]:
        threads = setting.workers.threads
        job = Job("", threads=threads)
        results = measure_table2(job, 3 if setting.quick else _RUNS)
        spreads = [next(iter(result.steps.values())) for result in results]
        values: dict[str, Any] = {"runs": len(spreads[0].runs)}
        for net, spread in zip(NETS, spreads, strict=True):
            low, high = np.percentile(spread.runs, (25, 75))
            values |= {net: spread.median, f"{net}_low": low, f"{net}_high": high}
        return values

    columns = ["runs", *(f"{net}{suffix}" for net in NETS for suffix in ("", "_low", "_high"))]
    cells = [{"threads": setting.workers.threads}]
    return Experiment("table2", ("threads",), columns, cells, compute, _show_table2, timed=True)


def _show_table2(rows: Sequence[Row], folder: Path) -> Section:
    lines, pictures = [], []
    for row in rows:
        for net in NETS:
            low, median, high = (number(row, f"{net}{suffix}") for suffix in ("_low", "", "_high"))
            lines.append([net, median, f"{low:.1f} to {high:.1f}", PAPER_MS[net], median / number(row, "sr")])
        groups = {net: {"this CPU": number(row, net), "the paper's K40": PAPER_MS[net]} for net in NETS}
        figures.bars(folder / PICTURES / "table2.png", groups, "milliseconds")
        threads, runs = row["threads"], row["runs"]
        pictures = [Picture(f"{PICTURES}/table2.png", f"Time of one photo, {threads} threads, median of {runs} runs")]
    header = ["net", "median ms", "quartiles ms", "the paper's K40, ms", "times sr"]
    threads = ", ".join(row["threads"] for row in rows)
    text = f"One 155x200 photo, on this machine's CPU with {threads or 'no'} threads; the paper's card is a K40."
    return Section("Table 2: run times", [text], [Table(header, lines)], pictures)


def growth(setting: Setting) -> Experiment:
    """The time of drawing a photo over the number of training pairs."""

    def compute(cell: Cell) -> Mapping[str, Any]:
        name = f"growth_{cell['method']}_{cell['pairs']}"
        found = child(setting, cell["method"], name, cell["pairs"], _GROWTH_PHOTOS)
        return {column: found[column] for column in _COSTS}

    cells = [_with_file({"method": method, "pairs": pairs}) for method in _GROWTH_METHODS for pairs in _GROWTH]
    cells = cells[:: 3 if setting.quick else 1]
    return Experiment("growth", ("method", "pairs", "file"), _COSTS, cells, compute, _show_growth, timed=True)


def _show_growth(rows: Sequence[Row], folder: Path) -> Section:
    lines = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        points = [(number(row, "pairs"), number(row, "seconds")) for row in rows if row["method"] == method]
        x, y = zip(*points, strict=True)
        lines[method] = (x, y, y, y)
    pictures, table = [], [[row["method"], row["pairs"], *(number(row, name) for name in _COSTS)] for row in rows]
    if lines:
        path = f"{PICTURES}/growth.png"
        labels = "training pairs", "seconds a photo"
        figures.curves(folder / path, lines, *labels, log_x=True, log_y=True)
        pictures = [Picture(path, f"Median of {_GROWTH_PHOTOS} photos")]
    slopes = [f"{method}: times {_ratio(rows, method):.1f}" for method in lines]
    text = "The paper says that a synthesis method's time grows with the training set while that of a net does not."
    texts = [text, f"From the fewest to the most pairs the time grows: {'; '.join(slopes)}."] if slopes else [text]
    header = ["method", "training pairs", "s/photo", "learns, s", "peak MiB"]
    return Section("Time over the training set", texts, [Table(header, table)], pictures)


def _ratio(rows: Sequence[Row], method: str) -> float:
    seconds = [number(row, "seconds") for row in rows if row["method"] == method]
    return seconds[-1] / seconds[0]
