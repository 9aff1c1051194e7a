"""How time and memory grow, for tools/benchmark.py: one race for each size, as a Markdown table and a plot."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pysketch.benchmark.contender.child import OURS
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import BenchmarkError, Result, run_race
from pysketch.errors import DataError
from pysketch.report import figures
from pysketch.shipped import how_to_install

AREAS = (1, 2, 4, 8, 16)
BATCHES = (1, 2, 4, 8, 16)
NETS = ("sr", "small", "medium", "large")
BASE_SIZE = (155, 200)
"""Width and height in pixels, of area 1: the crops that the paper trains on."""

PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Point:
    """A row of the table: what it is called, and what is timed."""

    label: str
    job: Job


def points(kind: str, job: Job) -> list[Point]:
    """What grows.

    "area": the image, at one aspect ratio, from the job's size (default 155x200) to 16 times its area. "batch": 1 to
    16 images. "filters": the nets sr, small, medium and large beside the job's netdef.
    """
    if kind == "area":
        width, height = job.size or BASE_SIZE
        sizes = [(round(width * math.sqrt(area)), round(height * math.sqrt(area))) for area in AREAS]
        return [Point(f"{w}x{h}", replace(job, size=(w, h))) for w, h in sizes]
    if kind == "batch":
        return [Point(f"{batch}", replace(job, batch=batch)) for batch in BATCHES]
    if kind == "filters":
        folder = Path(job.netdef).parent
        return [Point(name, replace(job, netdef=str(folder / f"{name}.prototxt"))) for name in NETS]
    raise ValueError(f"unknown kind of growth {kind!r}")


def check_picture(path: str) -> None:
    """BenchmarkError or DataError if `draw` could not write a picture there: known before the long races."""
    if Path(path).suffix.lower() not in PICTURES:
        raise DataError(f"{path}: a plot's name ends in {', '.join(PICTURES)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise BenchmarkError(f"a plot needs matplotlib, which is not installed; {how_to_install('bench')}")


def grow(kind: str, job: Job, peers: Sequence[str], runs: int, picture: str | None) -> Iterator[str]:
    """The lines of a table, row by row as they are measured; then draw the plot if a picture is asked for."""
    rows = points(kind, job)
    yield from header(kind, peers)
    results = []
    for point in rows:
        results.append(run_race(point.job, peers, runs, with_layers=False))
        yield row(point.label, results[-1], peers)
    if picture:
        draw(kind, [point.label for point in rows], results, picture)


def header(kind: str, peers: Sequence[str]) -> tuple[str, str]:
    """The table's head, and the line under it."""
    columns = [{"area": "image", "batch": "batch", "filters": "net"}[kind], "ms", "MPixel/s", "GFLOP/s", "peak MiB"]
    for peer in peers:
        columns += [f"{peer} ms", f"{peer} / {OURS}", f"{peer} peak MiB"]
    return f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"


def row(label: str, result: Result, peers: Sequence[str]) -> str:
    """One line of the table."""
    ours = result.steps[OURS].median
    pixels = result.image[0] * math.prod(result.image[2:])
    cells = [label, f"{ours:.1f}", f"{pixels / ours / 1e3:.3f}", f"{result.flops / ours / 1e6:.1f}"]
    cells.append(mebibytes(result.peak_bytes[OURS]))
    for peer in peers:
        cells += [f"{result.steps[peer].median:.1f}", f"{result.ratios[peer]:.2f}", mebibytes(result.peak_bytes[peer])]
    return f"| {' | '.join(cells)} |"


def mebibytes(count: int | None) -> str:
    """Bytes as MiB; "-" where they are not known."""
    return "-" if count is None else f"{count / 2**20:.0f}"


def draw(kind: str, labels: Sequence[str], results: Sequence[Result], path: str) -> None:
    """Two plots, milliseconds and peak memory over the work of a step in GFLOP, both axes logarithmic."""
    work = [result.flops / 1e9 for result in results]
    times, memory = (
        {name: (work, [value(result, name) for result in results]) for name in results[0].steps}
        for value in (
            lambda result, name: result.steps[name].median,
            lambda result, name: (result.peak_bytes[name] or math.nan) / 2**20,
        )
    )
    panels = [figures.Panel("median ms of a step", times), figures.Panel("peak memory of the process, MiB", memory)]
    figures.side_by_side(path, panels, f"{kind}: GFLOP of a step", labels)
