"""A module that answers what we ask of CuPy, on the CPU: for tests of what happens around it."""

from __future__ import annotations

import contextlib
import itertools
from types import SimpleNamespace

import numpy as np


class FakeArray:
    """What the fake CuPy calls an array: a NumPy array that NumPy functions do not see."""

    def __init__(self, array):
        self.array = np.asarray(array)
        self.dtype = self.array.dtype

    def reshape(self, *shape):
        return FakeArray(self.array.reshape(*shape))

    def __matmul__(self, other):
        return FakeArray(self.array @ other.array)

    def __setitem__(self, key, value):
        assert isinstance(value, FakeArray)
        self.array[key] = value.array

    def get(self):
        return self.array.copy()


class FakeDevice(contextlib.AbstractContextManager):
    """cupy.cuda.Device; remembers which was used last."""

    used: list[int] = []

    def __init__(self, index):
        self.index = index

    def use(self):
        FakeDevice.used.append(self.index)

    def __exit__(self, *exception):
        return None


def fake_cupy(count=2, wrong=(0, 0), capability=(8, 0)):
    """The module, with `count` GPUs, or the exception that asking for them raises.

    wrong: what is added to the product and to the kernel's sums in the self-test. capability: every GPU's.
    """

    def get_device_count():
        if isinstance(count, Exception):
            raise count
        return count

    def asarray(x, dtype=None):
        return FakeArray(np.asarray(x.array if isinstance(x, FakeArray) else x, dtype))

    def add_twice(grid, block, arguments):
        x, y, z, n = arguments
        assert x.array.size == n <= grid[0] * block[0]
        z.array[...] = x.array + 2 * y.array

    def properties(index):
        return {"name": b"Fake K40", "totalGlobalMem": 12 << 30, "major": capability[0], "minor": capability[1]}

    cupy = SimpleNamespace()
    cupy.arange = lambda n, dtype: FakeArray(np.arange(n, dtype=dtype))
    cupy.__version__ = "99.1"
    cupy.empty_like = lambda x: FakeArray(np.empty_like(x.array))
    errors = itertools.cycle(wrong)
    cupy.asnumpy = lambda x: x.get() + next(errors)
    cupy.RawKernel = lambda source, name: add_twice
    cupy.asarray = asarray
    cupy.get_array_module = lambda x: cupy
    runtime = SimpleNamespace(getDeviceCount=get_device_count, getDeviceProperties=properties, is_hip=False)
    runtime.runtimeGetVersion, runtime.driverGetVersion = lambda: 12090, lambda: 13020
    cupy.cuda = SimpleNamespace(Device=FakeDevice, runtime=runtime)
    return cupy
