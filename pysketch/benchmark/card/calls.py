"""What an iteration asks of the driver, as a section: launches, copies, waits and allocations, once all is warm."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pysketch.benchmark.card.driver_calls import DriverCalls
from pysketch.benchmark.card.pieces import Found, Pieces
from pysketch.benchmark.card.plan import Plan, name_of
from pysketch.benchmark.nets import RATE, Job
from pysketch.benchmark.ours import Ours
from pysketch.benchmark.race import BenchmarkError, prepare
from pysketch.device import Device, choose_device, cuda_versions
from pysketch.solver import get_solver

WARM_UPS = 3


def pieces(plan: Plan, stack: ExitStack, deadline: float) -> Pieces:
    """A step of every net, to draw and to learn; then an iteration of a training, its data included."""
    device = choose_device(plan.device)
    batch = plan.batches[min(1, len(plan.batches) - 1)]
    found: Pieces = {
        f"{name_of(netdef)}, batch {batch}, {phase}": partial(of_step, plan.job(netdef, phase, batch), device)
        for phase in ("test", "train")
        for netdef in plan.nets
    }
    if plan.solver:
        found[f"an iteration of {Path(plan.solver).name}"] = partial(of_iteration, plan, device)
    return found


def of_step(job: Job, device: Device) -> Found:
    """One step of a net whose inputs are in place."""
    with TemporaryDirectory(prefix="pysketch-") as place:
        prepare(job, (), Path(place))
        contender = Ours(Path(place), {**asdict(job), "rate": RATE})
    return counted(contender.step, device)


def of_iteration(plan: Plan, device: Device) -> Found:
    """One iteration of a training with made faces, no line of the log among it."""
    with TemporaryDirectory(prefix="pysketch-") as place:
        settings = ["display=0", "test_interval=1000", "test_initialization=false", f'snapshot_prefix="{place}/x"']
        solver = get_solver(plan.solver, settings=settings, device=device, data_source="synthetic", seed=plan.seed)
        return counted(lambda: solver.step(1), device)


def counted(call: Callable[[], object], device: Device) -> Found:
    """The calls of the driver during one call, after some that are not counted."""
    if device.xp.cuda.runtime.is_hip:
        raise BenchmarkError("calls are counted by CUPTI, which knows NVIDIA's driver only; this CuPy is for another")
    for _ in range(WARM_UPS):
        call()
    device.synchronize()
    with DriverCalls(cuda_versions(device)["runtime"] // 1000) as calls:
        call()
    device.synchronize()
    return {**calls.kinds(), "by_name": dict(calls.names.most_common())}
