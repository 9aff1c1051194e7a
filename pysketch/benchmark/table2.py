"""The run times of the paper's Table 2 beside ours, for tools/benchmark.py: four nets, one 155x200 photo each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pysketch.benchmark.growth import BASE_SIZE, NETS
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import Result, run_race
from pysketch.report import aligned
from pysketch.shipped import folder

PAPER_MS = {"sr": 8.5, "small": 8.6, "medium": 17.1, "large": 50.8}
"""Table 2: milliseconds on an NVIDIA Tesla K40."""


def jobs(job: Job) -> list[Job]:
    """The four nets, each drawing one photo of the paper's size; all else as in `job`."""
    return [
        replace(job, netdef=str(folder("netdefs") / f"{name}.prototxt"), phase="test", batch=1, size=BASE_SIZE)
        for name in NETS
    ]


def measure_table2(job: Job, runs: int) -> list[Result]:
    """Time all of them."""
    return [run_race(each, (), runs, with_layers=False) for each in jobs(job)]


def report_table2(results: Iterable[Result]) -> list[str]:
    """Lines for people."""
    results = list(results)
    job, runs = results[0].job, len(results[0].host.runs)
    where = f"cpu, {job.where}" if job.device == "cpu" else job.where
    rows = [["net", "GFLOP", "median ms", "quartiles ms", "host ms", "the paper's K40 ms"]]
    for name, result in zip(NETS, results, strict=True):
        median, quartiles = str(next(iter(result.steps.values()))).rstrip(")").split(" (")
        paper = f"{PAPER_MS[name]:.1f}"
        rows.append([name, f"{result.flops / 1e9:.2f}", median, quartiles, str(result.host).split(" ")[0], paper])
    how = "the device's own events" if job.device != "cpu" else "the host's clock"
    return [
        f"One {BASE_SIZE[0]}x{BASE_SIZE[1]} photo on {where}; {runs} runs, each after one to warm up; by {how}",
        "",
        *aligned(rows),
        "",
        "Host: for how long the host is busy with a step; on a GPU it launches, and may be done before the GPU is.",
    ]


def summary_table2(results: Iterable[Result]) -> dict[str, Any]:
    """The object of --json; milliseconds."""
    nets = {
        name: {
            "median_ms": next(iter(result.steps.values())).median,
            "runs_ms": next(iter(result.steps.values())).runs,
            "host_ms": result.host.median,
            "paper_k40_ms": PAPER_MS[name],
        }
        for name, result in zip(NETS, results, strict=True)
    }
    job = next(iter(results)).job
    return {"device": job.device, "math": job.math, "threads": job.threads, "size": BASE_SIZE, "nets": nets}
