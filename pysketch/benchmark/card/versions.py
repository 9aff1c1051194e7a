"""Which card this is, and with which drivers, libraries and commit the report was made."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pysketch.benchmark.card.pieces import Found, Pieces
from pysketch.benchmark.card.plan import Plan
from pysketch.device import choose_device, cuda_versions
from pysketch.native import describe
from pysketch.shipped import folder

_LIBRARIES = ("numpy", "scipy", "h5py", "torch", "triton", "pytest", "pytest-xdist", "hypothesis")
_SMI = "name,driver_version,pstate,power.limit,clocks.max.sm,clocks.max.memory,memory.total,temperature.gpu"
_LIMIT = 30  # seconds for a program that tells its version


def pieces(plan: Plan, stack: ExitStack, deadline: float) -> Pieces:
    """The card; the libraries; PyTorch with its cuDNN, as far as it is there."""
    return {"card": lambda: card(plan), "software": software, "PyTorch": pytorch}


def card(plan: Plan) -> Found:
    """What CuPy and nvidia-smi say of it."""
    device = choose_device(plan.device)
    properties = device.xp.cuda.runtime.getDeviceProperties(device.index)
    free, total = device.xp.cuda.runtime.memGetInfo()
    return {
        "device": str(device),
        "found": device.reason,
        "name": properties["name"].decode(errors="replace"),
        "compute_capability": f"{properties['major']}.{properties['minor']}",
        "multiprocessors": properties["multiProcessorCount"],
        "memory_bytes": total,
        "free_bytes": free,
        **cuda_versions(device),
        "nvidia_smi": _output("nvidia-smi", f"--query-gpu={_SMI}", "--format=csv,noheader"),
    }


def software() -> Found:
    """Python, the system and the libraries beside CuPy; the commit of the checkout."""
    root = folder("tools").parent
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "kernels": describe(),
        "commit": _output("git", "-C", str(root), "rev-parse", "HEAD"),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def pytorch() -> Found:
    """PyTorch's own CUDA and cuDNN, asked for in a process of its own."""
    from pysketch.benchmark.contender.torch_versions import versions

    return versions()


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _output(*command: str) -> str | None:
    """What a program prints; None if there is none, or it fails."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() or None if run.returncode == 0 else None


def _processor() -> str:
    """Its name, where Linux tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines() if told.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
