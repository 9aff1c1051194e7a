"""How far the card's numbers are from the CPU's, as a section: gradients of every net, sketches of the trained ones.

A training step of two pairs is done on the CPU in float64, which is taken for the truth, then in float32 there and on
the card. A difference is a part of the largest magnitude of the array that differs most. Math mode tf32 comes last, as
it holds for the rest of the process.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pysketch.benchmark.card.pieces import Found, Pieces
from pysketch.benchmark.card.plan import Plan, name_of
from pysketch.benchmark.contender.peers import Arrays
from pysketch.benchmark.nets import RATE, Job
from pysketch.benchmark.ours import Ours
from pysketch.benchmark.race import largest_difference, prepare
from pysketch.device import CPU, Device, choose_device
from pysketch.drawing import Sketcher
from pysketch.images import read_photo
from pysketch.layers import Context
from pysketch.shipped import folder


def pieces(plan: Plan, stack: ExitStack, deadline: float) -> Pieces:
    """Trained nets draw, then every net learns, at last in math mode tf32."""
    device, truths = choose_device(plan.device), {}
    found: Pieces = {}
    if plan.photo:
        for netdef in plan.nets:
            path = folder("netdefs") / "pretrained" / f"{name_of(netdef)}.h5"
            if path.exists():
                found[f"{name_of(netdef)}.h5 draws"] = partial(draws, path, plan.photo, device)
    for math in ("default", "tf32"):
        for netdef in plan.nets:
            name = f"{name_of(netdef)}, a training step" + (", tf32" if math == "tf32" else "")
            found[name] = partial(learns, replace(plan.small_job(netdef), math=math), truths)
    return found


def draws(path: Path, photo: str, device: Device) -> Found:
    """How far two drawings of a photo are apart, in grey levels; how many pixels differ when they are rounded."""
    pixels = read_photo(photo)
    there, here = (Sketcher(path, Context(where)).predict(pixels) for where in (device, CPU))
    rounded = (np.rint(np.clip(sketch, 0, 255)) for sketch in (there, here))
    return {
        "largest_grey_levels": float(np.abs(there - here).max()),
        "pixels_differ": int(np.not_equal(*rounded).sum()),
        "pixels": here.size,
    }


def learns(job: Job, truths: dict[str, tuple[Arrays, float]]) -> Found:
    """The card's difference from the truth, and the CPU's own in float32; truths: those that are known, kept."""
    if job.netdef not in truths:
        cpu = replace(job, device="cpu", math="default")
        truth, single = (_check(replace(cpu, dtype=dtype)) for dtype in ("float64", "float32"))
        truths[job.netdef] = truth, largest_difference(truth, single)[0]
    truth, cpus = truths[job.netdef]
    difference, array = largest_difference(truth, _check(job))
    return {"math": job.math, "card": difference, "in": array, "cpu_float32": cpus}


def _check(job: Job) -> Arrays:
    """Losses and gradients of one step; the weights are those of float32, whatever the net works in."""
    with TemporaryDirectory(prefix="pysketch-") as place:
        prepare(replace(job, dtype="float32"), (), Path(place))
        return Ours(Path(place), {**asdict(job), "rate": RATE}).check()
