"""How long it takes to find somebody among a thousand, or a million, in how much memory, and how surely.

The people are those of `population`. Who really is nearest is found by `search_reference`. Searchers
(`contender.searchers`) look for the same people, each in a process of its own, some queries in turn.
"""

from __future__ import annotations

import importlib.util
import json
import math
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from tqdm import tqdm

from pysketch.benchmark.contender.searchers import SEARCHERS
from pysketch.benchmark.growth import mebibytes
from pysketch.benchmark.population import Alikeness, Crowd, make_crowd, query_sketch
from pysketch.benchmark.race import Contender
from pysketch.benchmark.search_reference import Nearest, nearest
from pysketch.report import markdown
from pysketch.search import DETAIL_SCALE, OUTLINE_SCALE, Query, candidate_count

PEER_QUERIES = 20
"""Peers look for no more people than that: they are slow, and candidates by every product need no proof."""

_OURS = ("exhaustive", "index")
_CHUNK = 10  # queries that everyone looks for in turn
_COPIES = {"faiss-flat": 1.2, "sklearn": 2.5}  # float32 outlines that a peer needs memory for


@dataclass(frozen=True)
class GalleryJob:
    """sizes: how many people, each a race. queries: people looked for; described: sketches mixed and described.

    folder: where the people are kept for the next time. strangers: leave out of the galleries whom is looked for.
    """

    folder: Path
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    queries: int = 100
    described: int = 5_000
    threads: int = 1
    seed: int = 0
    strangers: bool = False


@dataclass
class Searched:
    """What a searcher did among so many people; seconds of loading and of each query, by the clock and of all cores.

    why_not: why it did nothing.
    """

    people: int
    name: str
    load_seconds: float = math.nan
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    same_first: int = 0
    right: int = 0
    memory: dict[str, int | None] = field(default_factory=dict)
    why_not: str = ""


@dataclass
class GalleryResult:
    """describing: seconds that a query takes before it is looked for. compared: rows compared for the reference."""

    job: GalleryJob
    alikeness: dict[str, Alikeness]
    describing: list[float] = field(default_factory=list)
    compared: dict[int, list[int]] = field(default_factory=dict)
    searched: list[Searched] = field(default_factory=list)


def race_in_gallery(job: GalleryJob) -> Iterator[GalleryResult]:
    """Make the people, or take them from the folder; then a race for each size, the smallest first.

    Gives what is known so far, always the same object: when the people are there, and after each race.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    crowd = make_crowd(job.folder, max(job.sizes), min(job.described, max(job.sizes)), job.seed, _bar)
    result = GalleryResult(job, crowd.alikeness())
    yield result
    for size in sorted(job.sizes):
        _race(job, crowd, size, result)
        yield result


def _race(job: GalleryJob, crowd: Crowd, size: int, result: GalleryResult) -> None:
    first = min(job.queries, size // 2) if job.strangers else 0
    people = crowd.people.part(slice(first, size))
    numbers = range(min(job.queries, len(crowd.described), first or size))
    paths = {"outlines": str(crowd.people.outlines.filename), "details": str(crowd.people.details.filename)}
    about = {**paths, "rows": [first, size], "threads": job.threads, "scales": [OUTLINE_SCALE, DETAIL_SCALE]}
    about["candidates"] = candidate_count(size - first)
    entries = [Searched(size, name, why_not=_why_not(name, *people.outlines.shape)) for name in SEARCHERS]
    result.searched += entries
    result.compared[size] = []
    with tempfile.TemporaryDirectory(prefix="pysketch-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps(about), encoding="utf-8")
        taking_part = []
        for entry in entries:
            if not entry.why_not:
                contender = stack.enter_context(closing(Contender(folder, entry.name, job.threads)))
                contender.ask()
                entry.load_seconds = contender.ask("load")["seconds"]
                taking_part.append((entry, contender))
        for start in _bar(range(0, len(numbers), _CHUNK), f"{size} people, {_CHUNK} queries each"):
            chunk = numbers[start : start + _CHUNK]
            queries = [_described(crowd, number, job.seed, result.describing) for number in chunk]
            arrays = {kind: np.stack([getattr(each, kind) for each in queries]) for kind in ("outlines", "details")}
            np.savez(folder / "queries.npz", **arrays)
            truths = [nearest(each, people) for each in queries]
            result.compared[size] += [truth.compared for truth in truths]
            for entry, contender in taking_part:
                if entry.name in _OURS or start < PEER_QUERIES:
                    _count(entry, contender.ask("find"), truths, chunk)
        for entry, contender in taking_part:
            entry.memory = contender.ask("memory")


def _described(crowd: Crowd, number: int, seed: int, seconds: list[float]) -> Query:
    sketch, start = query_sketch(crowd.faces, number, seed), time.perf_counter()
    query = Query(sketch)
    seconds.append(time.perf_counter() - start)
    return query


def _count(entry: Searched, found: dict[str, Any], truths: Sequence[Nearest], numbers: Iterable[int]) -> None:
    """Of two who are equally near either is the first."""
    entry.seconds += found["seconds"]
    entry.cpu += found["cpu"]
    for truth, row, distance, number in zip(truths, found["rows"], found["distances"], numbers, strict=True):
        entry.same_first += row == truth.row or distance <= truth.distance + 1e-6
        entry.right += row == number


def _why_not(name: str, people: int, width: int) -> str:
    """Why a searcher cannot take part; empty if it can."""
    if missing := [each for each in SEARCHERS[name] if importlib.util.find_spec(each) is None]:
        return f"{' and '.join(missing)} not installed"
    needed, free = _COPIES.get(name, 0) * 4 * people * width, _available()
    return f"needs {mebibytes(int(needed))} MiB" if free is not None and needed > free else ""


def _available() -> int | None:
    """Bytes of memory that are free, or would be if they were wanted; None where the system does not say."""
    path = Path("/proc/meminfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)


def report_gallery(results: Iterable[GalleryResult]) -> Iterator[str]:
    """Lines for people: tables in Markdown, row by row as they are measured."""
    told = 0
    for number, result in enumerate(results):
        if number == 0:
            yield from ("How alike people are, correlations:", "", *_alike(result.alikeness), "")
            yield from (f"Searches by {result.job.threads} threads, medians:", "", *_HEAD)
        yield from map(_row, result.searched[told:])
        told = len(result.searched)
    compared = ", ".join(f"{size}: {median(counts):.0f}" for size, counts in result.compared.items())
    yield from (
        "",
        f"Before that a sketch is described: {1e3 * median(result.describing):.0f} ms. CPU: all cores' time. Held:",
        "beside libraries and mapped files; peak: the whole process, with what it read of mapped files. Same first:",
        "as the exact matcher on everybody finds; at least: of how many that is so in the long run, at 95 %.",
        "Right: the person who was looked for. To know who is first so many had to be compared in detail (median):",
        f"{compared}.",
    )


_COLUMNS = ("people", "search", "load s", "ms", "CPU ms", "held MiB", "peak MiB", "same first", "at least", "right")
_HEAD = (f"| {' | '.join(_COLUMNS)} |", f"|---:|---|{'---:|' * (len(_COLUMNS) - 2)}")


def _alike(alikeness: dict[str, Alikeness]) -> list[str]:
    rows = [["people", "two of them, mean", "deviation", "nearest other, median", "most"]]
    return markdown(rows + [[name, *(f"{value:.3f}" for value in each)] for name, each in alikeness.items()])


def _row(each: Searched) -> str:
    cells = [f"{each.people:,}", each.name]
    if each.why_not:
        return f"| {' | '.join([*cells, each.why_not, *['-'] * (len(_COLUMNS) - 3)])} |"
    count = len(each.seconds)
    cells += [f"{each.load_seconds:.2f}", f"{1e3 * median(each.seconds):.1f}", f"{1e3 * median(each.cpu):.1f}"]
    cells += [mebibytes(each.memory[kind]) for kind in ("held_bytes", "peak_bytes")]
    cells += [f"{each.same_first} of {count}", f"{100 * lower_bound(each.same_first, count):.1f} %"]
    return f"| {' | '.join([*cells, f'{100 * each.right / count:.0f} %'])} |"


def summary_gallery(result: GalleryResult) -> dict[str, Any]:
    """The object of --json; times in milliseconds."""
    return {
        "threads": result.job.threads,
        "describing_ms": 1e3 * median(result.describing),
        "alikeness": {name: each._asdict() for name, each in result.alikeness.items()},
        "compared": {size: median(counts) for size, counts in result.compared.items()},
        "searches": [
            {
                "people": each.people,
                "search": each.name,
                "why_not": each.why_not or None,
                "load_ms": None if each.why_not else 1e3 * each.load_seconds,
                "median_ms": 1e3 * median(each.seconds) if each.seconds else None,
                "cpu_ms": 1e3 * median(each.cpu) if each.cpu else None,
                "queries": len(each.seconds),
                "same_first": each.same_first,
                "right": each.right,
                **each.memory,
            }
            for each in result.searched
        ],
    }


def lower_bound(hits: int, count: int, confidence: float = 0.95) -> float:
    """The share of which `hits` of `count` or more are seen no oftener than in 1 - confidence of all trials.

    Clopper and Pearson (1934), one side.
    """
    if not hits:
        return 0.0

    def seen(share: float) -> float:
        logs = (
            math.lgamma(count + 1)
            - math.lgamma(k + 1)
            - math.lgamma(count - k + 1)
            + k * math.log(share)
            + (count - k) * math.log1p(-share)
            for k in range(hits, count + 1)
        )
        return sum(map(math.exp, logs))

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if seen(middle) < 1 - confidence else (low, middle)
    return low


def _bar(items: Iterable, what: str) -> Iterable:
    return tqdm(items, desc=what, disable=None, leave=False)
