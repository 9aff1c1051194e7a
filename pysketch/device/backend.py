"""Where arrays live: NumPy on the CPU, CuPy on a GPU. The only module that imports CuPy.

Everything above asks the array itself: ``xp = array_module(x)``, then ``xp.maximum(x, 0)`` is right for
both. A `Device` is chosen once, by a net, and only decides where new arrays are made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from pysketch.device.installation import not_installed, packages, versions
from pysketch.device.self_test import gpu_name, gpu_problem, one_line
from pysketch.errors import DeviceError

Array = Any
"""A numpy.ndarray or a cupy.ndarray."""


@dataclass(frozen=True)
class Device:
    """Where a net's arrays are made: kind "cpu" or "gpu", and which GPU. reason: why this one was taken."""

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

    def synchronize(self) -> None:
        """Wait until a GPU has done all that it was told to do; on the CPU there is nothing to wait for."""
        if self.kind == "gpu":
            self.xp.cuda.get_current_stream().synchronize()

    def __str__(self) -> str:
        return "cpu" if self.kind == "cpu" else f"gpu:{self.index}"


CPU = Device()


def choose_device(name: str = "auto", index: int = 0) -> Device:
    """The device called "cpu", "gpu", "gpu:N" or "auto" (the GPU, if it works, else the CPU).

    index: the GPU that "gpu" and "auto" mean. Raises DeviceError for an explicit GPU that is not there, with the
    reason. "auto" never raises; the `reason` of what it returns says in one line why it was taken.
    """
    match = re.fullmatch(r"(cpu|auto|gpu)(?::(\d{1,3}))?", name)
    if match is None or (match[2] and match[1] != "gpu"):
        raise DeviceError(f'unknown device "{name}"; expected cpu, gpu, gpu:N or auto')
    if match[1] == "cpu":
        return CPU
    index = int(match[2] or index)
    problem = _gpu_problem(index)
    if problem is None:
        return Device("gpu", index, f"{gpu_name(_import_cupy(), index)}; it passed the self-test")
    if match[1] == "auto":
        return Device(reason=f"no GPU: {problem}")
    raise DeviceError(f"device gpu:{index} cannot be used: {problem}; --device cpu works without one")


def allow_tf32(device: Device) -> None:
    """Let float32 matrix products on this GPU round their operands to TF32, for the rest of the process.

    TF32 has float32's range and 10 bits of mantissa instead of 23: products have a relative error of about 5e-4,
    sums stay in float32. It affects every product of float32 matrices (convolutions, the joint loss), nothing else
    and no float64. DeviceError on a CPU and on GPUs older than compute capability 8.0, which have no TF32.
    """
    if device.kind == "cpu":
        raise DeviceError(f"math mode tf32 needs a GPU; this is the CPU ({device.reason})")
    cupy = device.xp
    properties = cupy.cuda.runtime.getDeviceProperties(device.index)
    if properties["major"] < 8:
        found = f"{device} has {properties['major']}.{properties['minor']}"
        raise DeviceError(f"math mode tf32 needs a GPU of compute capability 8.0 or newer; {found}")
    cublas, handle = blas()
    try:
        cublas.setMathMode(handle, _TF32_TENSOR_OP_MATH)  # for products called by the handle: single and batched
    except cublas.CUBLASError as error:
        raise DeviceError(f"math mode tf32 is not known to the library of {device}: {one_line(error)}") from None
    routines = cupy._core._routines_linalg  # CuPy's own 2-D product asks for its precision by name
    routines.set_compute_type(np.float32, routines.COMPUTE_TYPE_TF32)


_TF32_TENSOR_OP_MATH = 3  # cublasMath_t; CuPy has no name for it


def out_of_memory(error: BaseException) -> str | None:
    """Whether a device's memory was too small, in one line: what was asked for, what is free; None: another error."""
    text, of_cupy = str(error), type(error).__module__.startswith("cupy")
    if not isinstance(error, MemoryError) and not (of_cupy and re.search("MemoryAllocation|ALLOC_FAILED", text)):
        return None
    if not of_cupy:
        return f"not enough memory: {text}"
    cupy = _import_cupy()
    asked = re.search(r"allocating ([\d,]+) bytes", text)
    pool, (free, total) = cupy.get_default_memory_pool(), cupy.cuda.runtime.memGetInfo()
    free += pool.free_bytes()
    if pool.get_limit():
        free, total = min(free, pool.get_limit() - pool.used_bytes()), pool.get_limit()
    what = f"{_mebibytes(int(asked[1].replace(',', '')))} asked for" if asked else one_line(error)
    where = f"gpu:{cupy.cuda.runtime.getDevice()}"
    return f"not enough memory on {where}: {what}, {_mebibytes(free)} of {_mebibytes(total)} free"


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def array_module(x: Array) -> ModuleType:
    """numpy or cupy, whichever x belongs to."""
    if isinstance(x, np.ndarray | np.generic):
        return np
    return _import_cupy().get_array_module(x)


def to_host(x: Array) -> np.ndarray:
    """x as a NumPy array: itself on the CPU, a copy from the GPU."""
    return x if isinstance(x, np.ndarray | np.generic) else x.get()


def is_same_memory(x: Array, y: Array) -> bool:
    """Whether every element of x is that of y; on a GPU False."""
    if array_module(x) is not np or array_module(y) is not np:
        return False
    place, other = (array.__array_interface__["data"][0] for array in (x, y))
    return (place, x.shape, x.strides) == (other, y.shape, y.strides)


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


def cuda_versions(device: Device) -> dict[str, Any]:
    """Of a GPU's libraries and driver: see `installation.versions`."""
    return versions(device.xp)


def nccl_of(device: Device) -> ModuleType | None:
    """CuPy's bare NCCL functions, for this GPU, which becomes the current one; None if this CuPy has none."""
    nccl = device.xp.cuda.nccl
    return nccl if getattr(nccl, "available", True) else None


def _import_cupy() -> ModuleType:
    import cupy

    return cupy


def _gpu_problem(index: int) -> str | None:
    """Why GPU `index` cannot be used, in one line; None if it can."""
    try:
        cupy = _import_cupy()
    except Exception as error:  # CuPy turns whatever goes wrong in it into an ImportError with a long text
        if isinstance(error, ModuleNotFoundError) and error.name == "cupy":
            return not_installed()
        return f"{' and '.join(packages()) or 'CuPy'} cannot be loaded ({one_line(error)})"
    return gpu_problem(cupy, index)
