"""Devices and arrays: which device a name gives, with a fake CuPy in its place, and arrays on NumPy."""

from __future__ import annotations

import builtins
import contextlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pysketch.backend import CPU, Device, array_module, choose_device, copy_into, to_host
from pysketch.errors import DeviceError

LOAD_ERROR = """
================================================================
Failed to import CuPy.

If you installed CuPy via wheels, run pip list.

Original error:
  ImportError: libcublas.so.12: cannot open shared object file
================================================================
"""


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


def fake_cupy(count=2, wrong_product=False):
    """A module that answers what the backend asks of CuPy, with `count` GPUs."""

    def get_device_count():
        if isinstance(count, Exception):
            raise count
        return count

    def asarray(x, dtype=None):
        return FakeArray(np.asarray(x.array if isinstance(x, FakeArray) else x, dtype))

    cupy = SimpleNamespace()
    cupy.arange = lambda n, dtype: FakeArray(np.arange(n, dtype=dtype))
    cupy.asnumpy = lambda x: x.get() + wrong_product
    cupy.asarray = asarray
    cupy.get_array_module = lambda x: cupy
    cupy.cuda = SimpleNamespace(Device=FakeDevice, runtime=SimpleNamespace(getDeviceCount=get_device_count))
    return cupy


@pytest.fixture
def install(monkeypatch):
    """Put a module in CuPy's place, or an exception that its import raises."""
    real_import = builtins.__import__

    def put(cupy):
        if not isinstance(cupy, Exception):
            monkeypatch.setitem(sys.modules, "cupy", cupy)
            return

        def failing_import(name, *arguments, **options):
            if name == "cupy":
                raise cupy
            return real_import(name, *arguments, **options)

        monkeypatch.setattr(builtins, "__import__", failing_import)

    return put


NOT_THERE = ModuleNotFoundError("No module named 'cupy'", name="cupy")
PROBLEMS = [
    (NOT_THERE, "CuPy is not installed (No module named 'cupy'); pip install 'pysketch[gpu]'"),
    (
        ImportError(LOAD_ERROR),
        "CuPy cannot be loaded (ImportError: libcublas.so.12: cannot open shared object file)",
    ),
    (
        ModuleNotFoundError("No module named 'fastrlock'", name="fastrlock"),
        "CuPy cannot be loaded (No module named 'fastrlock')",
    ),
    (RuntimeError(), "CuPy cannot be loaded (RuntimeError)"),
    (
        fake_cupy(RuntimeError("cudaErrorInsufficientDriver: driver too old\nfor this runtime")),
        "cudaErrorInsufficientDriver: driver too old",
    ),
    (fake_cupy(0), "there are 0 GPUs, counted from 0"),
    (fake_cupy(wrong_product=True), "a 2x2 matrix product came out wrong on it"),
]


@pytest.mark.parametrize(("cupy", "problem"), PROBLEMS)
def test_an_explicit_gpu_that_does_not_work_is_an_error_with_its_reason(install, cupy, problem):
    install(cupy)
    with pytest.raises(DeviceError) as caught:
        choose_device("gpu")
    assert str(caught.value) == f"device gpu cannot be used: {problem}"


@pytest.mark.parametrize(("cupy", "problem"), PROBLEMS)
def test_auto_falls_back_to_the_cpu_and_says_why(install, cupy, problem):
    install(cupy)
    assert choose_device("auto") == Device("cpu", reason=f"no GPU: {problem}")


def test_a_gpu_with_too_high_a_number_says_how_many_there_are(install):
    install(fake_cupy(1))
    with pytest.raises(DeviceError, match=r"^device gpu:3 cannot be used: there is 1 GPU, counted from 0$"):
        choose_device("gpu:3")


@pytest.mark.parametrize(("name", "index"), [("gpu", 0), ("gpu:0", 0), ("gpu:1", 1), ("auto", 0)])
def test_a_gpu_that_passes_the_self_test_is_taken(install, name, index):
    install(fake_cupy(2))
    device = choose_device(name)
    assert (device.kind, device.index, str(device)) == ("gpu", index, f"gpu:{index}")


def test_the_cpu_is_chosen_without_a_look_at_cupy(install):
    install(AssertionError("CuPy was imported"))
    device = choose_device("cpu")
    assert device is CPU
    assert (str(device), device.xp) == ("cpu", np)


@pytest.mark.parametrize("name", ["cpu:1", "auto:0", "gpu:", "gpu:-1", "gpu:x", "gpu:1 ", "GPU", "cuda", ""])
def test_any_other_name_is_refused_with_the_legal_ones(install, name):
    install(fake_cupy())
    with pytest.raises(DeviceError) as caught:
        choose_device(name)
    assert str(caught.value) == f'unknown device "{name}"; expected cpu, gpu, gpu:N or auto'


def test_a_gpu_devices_module_is_cupy_with_that_gpu_current(install, monkeypatch):
    cupy = fake_cupy()
    install(cupy)
    monkeypatch.setattr(FakeDevice, "used", [])
    assert Device("gpu", 1).xp is cupy
    assert FakeDevice.used == [1]


@pytest.mark.parametrize("x", [np.zeros(3), np.float32(2), np.zeros(())])
def test_numpys_module_is_numpy_without_a_look_at_cupy(install, x):
    install(AssertionError("CuPy was imported"))
    assert array_module(x) is np


def test_the_module_of_a_cupy_array_is_cupy(install):
    cupy = fake_cupy()
    install(cupy)
    assert array_module(FakeArray([1.0])) is cupy


def test_a_numpy_array_is_its_own_host_array():
    x = np.arange(3)
    assert to_host(x) is x


def test_a_gpu_array_is_copied_to_the_host():
    np.testing.assert_array_equal(to_host(FakeArray([1.0, 2.0])), [1.0, 2.0])


def test_copy_into_casts_to_the_targets_dtype_in_place():
    target = np.zeros((2, 3), np.float32)
    source = np.arange(6.0).reshape(2, 3)
    copy_into(target, source)
    assert target.dtype == np.float32
    np.testing.assert_array_equal(target, source)
    source[0, 0] = 9
    assert target[0, 0] == 0


def test_copy_into_brings_gpu_values_to_a_host_array():
    target = np.zeros(2)
    copy_into(target, FakeArray([3.0, 5.0]))
    np.testing.assert_array_equal(target, [3.0, 5.0])


def test_copy_into_brings_host_values_to_a_gpu_array_in_its_dtype(install):
    install(fake_cupy())
    target = FakeArray(np.zeros(2, np.float32))
    copy_into(target, np.array([3.0, 5.0]))
    np.testing.assert_array_equal(target.array, [3.0, 5.0])
    assert target.array.dtype == np.float32


@pytest.mark.gpu
def test_a_real_gpu_multiplies_matrices():
    device = choose_device("auto")
    if device.kind == "cpu":
        pytest.skip(device.reason)
    x = device.xp.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(to_host(x @ x.T), [[5, 14], [14, 50]])
