"""What a race has found, for people and for programs: our layers, then everybody's whole steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pysketch.benchmark.contender.child import OURS
from pysketch.benchmark.growth import mebibytes
from pysketch.benchmark.race import LayerResult, Result, Spread
from pysketch.native import describe
from pysketch.report import aligned


def report_race(result: Result) -> list[str]:
    """Two tables for people: our layers, then everybody's whole steps."""
    job, runs = result.job, len(result.steps[OURS].runs)
    shape = "x".join(map(str, result.image))
    work = "forward" if job.phase == "test" else "forward, backward and update"
    layer_rows = [["layer", "type", "engine", "forward ms", "backward ms", "GFLOP/s", "workspace MiB"]]
    layer_rows += [*(_layer_row(layer) for layer in result.layers), _total_row(result.layers)]
    step_rows = [["step", "ms", "ratio", "GFLOP/s", "peak MiB", "imports MiB", "difference"]]
    step_rows += [_step_row(name, spread, result) for name, spread in result.steps.items()]
    return [
        f"{result.net}: {work}, input {shape}, {job.where}, median (quartiles) of {runs} runs",
        "",
        *aligned(layer_rows),
        "",
        *aligned(step_rows),
        "",
        f"Our workspace in a whole step: {mebibytes(result.workspace_bytes)} MiB. Peak: the whole process, its imports "
        "included.",
        "Layers are timed one by one: what a whole step does in one pass, such as a convolution and its ReLU, "
        "is apart there.",
        *([] if job.device == "cpu" else [f"The host is busy with a step for {result.host} ms."]),
    ]


def summary_race(result: Result) -> dict[str, Any]:
    """The object of --json; times in milliseconds, null where something does not apply."""
    return {
        "net": result.net,
        "phase": result.job.phase,
        "batch": result.job.batch,
        "threads": result.job.threads,
        "device": result.job.device,
        "kernels": describe() if result.job.device == "cpu" else None,
        "host_ms": result.host.median,
        "median_ms": {name: spread.median for name, spread in result.steps.items()},
        "ratio": result.ratios,
        "max_relative_difference": result.differences,
        "peak_bytes": result.peak_bytes[OURS],
        "layers": [
            {
                "name": layer.name,
                "engine": layer.engine,
                "forward_ms": layer.forward.median,
                "backward_ms": layer.backward.median if layer.backward else None,
                "gflops": layer.gflops,
            }
            for layer in result.layers
        ],
    }


def _layer_row(layer: LayerResult) -> list[str]:
    return [
        layer.name,
        layer.type,
        layer.engine or "-",
        str(layer.forward),
        str(layer.backward or "-"),
        "-" if layer.gflops is None else f"{layer.gflops:.1f}",
        f"{layer.workspace_bytes / 2**20:.1f}" if layer.workspace_bytes else "-",
    ]


def _total_row(layers: Sequence[LayerResult]) -> list[str]:
    """All layers' milliseconds, summed run by run."""
    forward = [layer.forward.runs for layer in layers]
    backward = [layer.backward.runs for layer in layers if layer.backward]
    totals = (Spread([sum(run) for run in zip(*runs, strict=True)]) if runs else "-" for runs in (forward, backward))
    return ["all", "", "", *map(str, totals), "", ""]


def _step_row(name: str, spread: Spread, result: Result) -> list[str]:
    is_peer = name != OURS
    return [
        name,
        str(spread),
        f"{result.ratios[name]:.2f}" if is_peer else "-",
        f"{result.flops / spread.median / 1e6:.1f}",
        mebibytes(result.peak_bytes[name]),
        mebibytes(result.imported_bytes[name]),
        f"{result.differences[name]:.1e}" if is_peer else "-",
    ]
