"""Does a GPU work? One product, one kernel of CuPy's and one of ours, compared with what must come out."""

from __future__ import annotations

import itertools
from types import ModuleType

import numpy as np

from pysketch.device.installation import what_is_found, why_not

_KERNEL = """
extern "C" __global__ void add_twice(const float* x, const float* y, float* z, int n) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) z[i] = x[i] + 2.0f * y[i];
}
"""


def gpu_problem(cupy: ModuleType, index: int) -> str | None:
    """Why GPU `index` cannot be used, in one line; None if it passes the test."""
    try:
        count = cupy.cuda.runtime.getDeviceCount()  # cupy.is_available() would hide why there is none
        if count == 0:
            return why_not(cupy, "there is no GPU")
        if index >= count:
            return f"there {'is 1 GPU' if count == 1 else f'are {count} GPUs'}, counted from 0"
        with cupy.cuda.Device(index):
            return _wrong_result(cupy)
    except Exception as error:
        return why_not(cupy, one_line(error))


def gpu_name(cupy: ModuleType, index: int) -> str:
    """What GPU `index` is: its name and memory, the CuPy that runs it, and its and the driver's CUDA."""
    properties = cupy.cuda.runtime.getDeviceProperties(index)
    name, memory = properties["name"].decode(errors="replace"), properties["totalGlobalMem"]
    return f"{name}, {memory / 2**30:.1f} GiB, {what_is_found(cupy)}"


def one_line(error: BaseException) -> str:
    """The line of an exception's text that says why; CuPy marks it 'Original error'."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for previous, line in itertools.pairwise(lines):
        if previous.startswith("Original error"):
            return line
    return lines[0] if lines else type(error).__name__


def _wrong_result(cupy: ModuleType) -> str | None:
    """What comes out wrong on the current GPU."""
    matrix = cupy.arange(4, dtype=np.float32).reshape(2, 2)
    product = matrix @ matrix
    if not np.array_equal(cupy.asnumpy(product), [[2, 3], [6, 11]]):
        return "a 2x2 matrix product came out wrong on it"
    found = cupy.empty_like(matrix)
    arguments = matrix, product, found, np.int32(4)
    cupy.RawKernel(_KERNEL, "add_twice")((1,), (32,), arguments)
    if not np.array_equal(cupy.asnumpy(found), [[4, 7], [14, 25]]):
        return "a kernel's sums came out wrong on it"
    return None
