"""Where arrays live: NumPy on the CPU, CuPy on a GPU. The only module that imports CuPy.

Everything above asks the array itself: ``xp = array_module(x)``, then ``xp.maximum(x, 0)`` is right for
both. A `Device` is chosen once, by a net, and only decides where new arrays are made.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from pysketch.errors import DeviceError

Array = Any
"""A numpy.ndarray or a cupy.ndarray."""


@dataclass(frozen=True)
class Device:
    """Where a net's arrays are made: kind "cpu" or "gpu", and which GPU."""

    kind: str = "cpu"
    index: int = 0
    reason: str = "asked for"

    @property
    def xp(self) -> ModuleType:
        """The array module: numpy or cupy; on a GPU it becomes the current one."""
        if self.kind == "cpu":
            return np
        cupy = _import_cupy()
        cupy.cuda.Device(self.index).use()
        return cupy

    def __str__(self) -> str:
        return "cpu" if self.kind == "cpu" else f"gpu:{self.index}"


CPU = Device()


def choose_device(name: str = "auto") -> Device:
    """The device called "cpu", "gpu", "gpu:N" or "auto" (the first GPU that works, else the CPU).

    Raises DeviceError for an explicit GPU that is not there, with the reason. "auto" never raises;
    the `reason` of what it returns says in one line why it was taken.
    """
    match = re.fullmatch(r"(cpu|auto|gpu)(?::(\d{1,3}))?", name)
    if match is None or (match[2] and match[1] != "gpu"):
        raise DeviceError(f'unknown device "{name}"; expected cpu, gpu, gpu:N or auto')
    if match[1] == "cpu":
        return CPU
    index = int(match[2] or 0)
    problem = _gpu_problem(index)
    if problem is None:
        return Device("gpu", index)
    if match[1] == "auto":
        return Device("cpu", reason=f"no GPU: {problem}")
    raise DeviceError(f"device {name} cannot be used: {problem}")


def array_module(x: Array) -> ModuleType:
    """numpy or cupy, whichever x belongs to."""
    if isinstance(x, np.ndarray | np.generic):
        return np
    return _import_cupy().get_array_module(x)


def to_host(x: Array) -> np.ndarray:
    """x as a NumPy array: itself on the CPU, a copy from the GPU."""
    return x if isinstance(x, np.ndarray | np.generic) else x.get()


def copy_into(target: Array, source: Array) -> None:
    """target[...] = source, also from the CPU to the GPU; casts to the target's dtype."""
    xp = array_module(target)
    if xp is np:
        target[...] = to_host(source)
    else:
        target[...] = xp.asarray(source, dtype=target.dtype)


@cache
def raw_kernel(source: str, name: str, dtype: np.dtype) -> Callable[..., None]:
    """The kernel `name` of a CUDA source in which `real` is float32 or float64: called as (grid, block, arguments).

    It is compiled at its first call on each GPU, and kept. Nothing checks the arguments: see `kernel`, which does.
    """
    real = {"f": "float", "d": "double"}[dtype.char]
    return _import_cupy().RawKernel(source, name, ("--std=c++17", f"-Dreal={real}"))


def blas() -> tuple[ModuleType, int]:
    """(CuPy's bare cuBLAS functions, the current GPU's handle); they run on the current stream."""
    from cupy_backends.cuda.libs import cublas

    return cublas, _import_cupy().cuda.device.get_cublas_handle()


def _import_cupy() -> ModuleType:
    import cupy

    return cupy


def _gpu_problem(index: int) -> str | None:
    """Why GPU `index` cannot be used, in one line; None if a self-test on it gives the right numbers."""
    try:
        cupy = _import_cupy()
    except Exception as error:  # CuPy turns whatever goes wrong in it into an ImportError with a long text
        if isinstance(error, ModuleNotFoundError) and error.name == "cupy":
            return f"CuPy is not installed ({_one_line(error)}); pip install 'pysketch[gpu]'"
        return f"CuPy cannot be loaded ({_one_line(error)})"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
        if index >= count:
            return f"there {'is 1 GPU' if count == 1 else f'are {count} GPUs'}, counted from 0"
        with cupy.cuda.Device(index):
            matrix = cupy.arange(4, dtype=np.float32).reshape(2, 2)
            product = cupy.asnumpy(matrix @ matrix)
    except Exception as error:
        return _one_line(error)
    if not np.array_equal(product, [[2, 3], [6, 11]]):
        return "a 2x2 matrix product came out wrong on it"
    return None


def _one_line(error: BaseException) -> str:
    """The line of an exception's text that says why; CuPy marks it 'Original error'."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for previous, line in itertools.pairwise(lines):
        if previous.startswith("Original error"):
            return line
    return lines[0] if lines else type(error).__name__
