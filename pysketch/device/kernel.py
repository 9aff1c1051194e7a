"""CUDA kernels, compiled when they are first called, with arguments that are checked against their declaration.

A kernel's source stands beside its NumPy twin, as text. Rules for all of them:

- `real` is float32 or float64, whichever the arrays are;
- axis x of the grid has a thread for each element of the innermost axis; y and z are loops over the outer ones,
  `for (int c = blockIdx.y; c < channels; c += gridDim.y)`, because a grid has at most 65535 of them;
- offsets of images, channels and columns are `long long`; a position within one channel of one image is an `int`:
  cuBLAS takes leading dimensions, which are such positions, as `int` too. The launch refuses numbers that do not fit;
- `__restrict__` where a thread reads on after it has written, so that it need not wait for one to do the other;
- no atomics: every element is written by one thread, in a fixed order of sums.

They have run on an emulated device, and been compiled by NVRTC for sm_70 to sm_120; none has run on a card yet.
"""

from __future__ import annotations

import re

import numpy as np

from pysketch.device.backend import Array, array_module, raw_kernel

_MOST = 65535  # of a grid along y and z
_WARP = 32

_SCALARS = {"int": np.int32, "long long": np.int64}


class Kernel:
    """The `extern "C" __global__ void name(...)` of a source; threads: of a block, at most, a multiple of 32.

    Its parameters are of the types `real*` and `const real*` (arrays, or None for a null pointer), `real`, `int` and
    `long long`.
    """

    def __init__(self, name: str, source: str, threads: int = 256) -> None:
        self.name = name
        self.source = source
        self.threads = threads
        declaration = re.search(rf"void {name}\(([^)]*)\)", source)
        assert declaration is not None, f"no kernel {name}"
        parameters = declaration[1].replace("__restrict__ ", "")
        self.types = [re.match(r"\s*(.*?)\s*\w+\s*$", each)[1] for each in parameters.split(",")]

    def __call__(self, shape: tuple[int, ...], *arguments: Array | float | None) -> None:
        """Launch a thread for each element of `shape`, the innermost axis first; nothing if it is empty."""
        if min(shape) == 0:
            return
        assert len(arguments) == len(self.types), f"{self.name}: {len(arguments)} arguments, not {len(self.types)}"
        dtype = next(each.dtype for each in arguments if hasattr(each, "strides"))
        values = tuple(self._value(*pair, dtype) for pair in zip(self.types, arguments, strict=True))
        threads = min(self.threads, -(-shape[0] // _WARP) * _WARP)
        grid = (-(-shape[0] // threads), *(min(size, _MOST) for size in shape[1:]))
        raw_kernel(self.source, self.name, dtype)(grid, (threads,), values)

    def _value(self, type: str, value: Array | float | None, dtype: np.dtype) -> Array | np.generic:
        """The argument in the very type of its parameter: CUDA takes bytes as they are."""
        if type in ("real*", "const real*"):
            if value is None:
                return np.uintp(0)
            assert array_module(value) is not np and value.dtype == dtype, f"{self.name}: an array of another kind"
            return value
        if type == "real":
            return dtype.type(value)
        return _SCALARS[type](value)
