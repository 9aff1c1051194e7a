"""How near each layer comes to what its device can do, for tools/benchmark.py.

The roofline (Williams, Waterman and Patterson, "Roofline: an insightful visual performance model", CACM 2009): a pass
over memory that does F operations and moves B bytes takes at least max(F / P, B / b) seconds, with the device's rates
P, of a large product, and b, of a large copy, both measured in the same run. A layer takes at least the sum of its
passes' (see `work`). What is measured over that is the ratio: 1 is on the roof; below 1 something is faster than
the large product or copy, such as small matrices that stay in a cache.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pysketch.benchmark.contender.child import OURS
from pysketch.benchmark.machine import COPIED, ORDERS
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import LayerResult, Result, run_race
from pysketch.report import aligned

_CPU_BYTES = (
    "Moved: bottoms and weights read, tops written, at least. Cached: columns or transformed tiles, not counted: they "
    "are to stay in the caches."
)
_GPU_BYTES = (
    "Moved: bottoms and weights read, tops written, at least; columns or transformed tiles written and read; tops read "
    "and written again for bias and ReLU."
)


def measure_roofline(job: Job, runs: int, order: int | None = None, copied: int | None = None) -> Result:
    """A race of ours alone, layers and machine included.

    order, copied: of the large product and copy that tell the machine's rates; None: those of `machine`.
    """
    machine = order or ORDERS[job.device.split(":")[0]], copied or COPIED
    return run_race(replace(job, backward=False), (), runs, machine=machine)


def least_ms(result: Result, layer: LayerResult) -> float:
    """A layer's roofline: what its passes take at the machine's rates."""
    return 1e3 * layer.work.seconds(result.machine.flops, result.machine.bandwidth)


def bound(result: Result, layer: LayerResult) -> str:
    """What most of the roofline's time is spent on: operations or bytes."""
    machine, work = result.machine, layer.work
    computing = sum(
        each.flops / machine.flops
        for each in work.passes
        if each.flops / machine.flops > each.nbytes / machine.bandwidth
    )
    return "operations" if 2e3 * computing > least_ms(result, layer) else "bytes"


def report_roofline(result: Result) -> list[str]:
    """Lines for people."""
    job, machine = result.job, result.machine
    layers = [layer for layer in result.layers if layer.work.passes]
    rows = [["layer", "engine", "direct MFLOP", "done MFLOP", "moved MB", "cached MB", "FLOP/byte", "bound by"]]
    rows[0] += ["roofline ms", "measured ms", "ratio"]
    rows += [_row(result, layer) for layer in layers]
    rows.append(_total(result, layers))
    shape, order = "x".join(map(str, result.image)), machine.order
    return [
        f"{result.net}: forward, input {shape}, {job.where}, median (quartiles) of {len(result.host.runs)} runs",
        f"At best: {machine.flops / 1e9:.0f} GFLOP/s (product of {order}x{order} float32 matrices), "
        f"{machine.bandwidth / 1e9:.1f} GB/s (copy of {machine.copied >> 20} MiB, read and written)",
        "",
        *aligned(rows),
        "",
        _CPU_BYTES if job.device == "cpu" else _GPU_BYTES,
        "The roofline's time is the larger of operations and bytes at best, pass by pass. Layers run one by one.",
        f"Whole step: {result.steps[OURS]} ms, host {result.host} ms.",
    ]


def summary_roofline(result: Result) -> dict[str, Any]:
    """The object of --json: bytes, operations, seconds in milliseconds."""
    return {
        "net": result.net,
        "device": result.job.device,
        "math": result.job.math,
        "threads": result.job.threads,
        "flops_per_second": result.machine.flops,
        "bytes_per_second": result.machine.bandwidth,
        "step_ms": result.steps[OURS].median,
        "host_ms": result.host.median,
        "layers": [
            {
                "name": layer.name,
                "engine": layer.engine,
                "direct_flops": layer.work.direct_flops,
                "flops": layer.work.flops,
                "bytes": layer.work.nbytes,
                "cached_bytes": layer.work.cached,
                "launches": layer.work.launches if result.job.device != "cpu" else None,
                "bound": bound(result, layer),
                "roofline_ms": least_ms(result, layer),
                "measured_ms": layer.forward.median,
                "ratio": layer.forward.median / least_ms(result, layer),
            }
            for layer in result.layers
            if layer.work.passes
        ],
    }


def _row(result: Result, layer: LayerResult) -> list[str]:
    work, least = layer.work, least_ms(result, layer)
    return [
        layer.name,
        work.engine or "-",
        *_amounts(work.direct_flops, work.flops, work.nbytes, work.cached),
        bound(result, layer),
        f"{least:.3f}",
        str(layer.forward),
        f"{layer.forward.median / least:.2f}",
    ]


def _total(result: Result, layers: list[LayerResult]) -> list[str]:
    works = [(each.direct_flops, each.flops, each.nbytes, each.cached) for each in (layer.work for layer in layers)]
    amounts = map(sum, zip(*works, strict=True))
    least, measured = sum(least_ms(result, layer) for layer in layers), sum(layer.forward.median for layer in layers)
    return ["all", "", *_amounts(*amounts), "", f"{least:.3f}", f"{measured:.2f}", f"{measured / least:.2f}"]


def _amounts(direct: int, done: int, moved: int, cached: int) -> list[str]:
    megas = (f"{count / 1e6:.1f}" if count else "-" for count in (direct, done, moved, cached))
    return [*megas, f"{done / moved:.1f}"]
