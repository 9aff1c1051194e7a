"""Devices and arrays: which device a name gives, with a fake CuPy in its place, and arrays on NumPy."""

from __future__ import annotations

import builtins
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from fake_cupy import FakeArray, FakeDevice, fake_cupy

from pysketch.device import backend, installation
from pysketch.device.backend import (
    CPU,
    Device,
    allow_tf32,
    array_module,
    choose_device,
    copy_into,
    out_of_memory,
    to_host,
)
from pysketch.errors import DeviceError

LOAD_ERROR = """
================================================================
Failed to import CuPy.

If you installed CuPy via wheels, run pip list.

Original error:
  ImportError: libcublas.so.12: cannot open shared object file
================================================================
"""


@pytest.fixture
def install(monkeypatch):
    """Put a module in CuPy's place, or an exception that its import raises; the packages and the driver as well."""
    for module in (backend, installation):
        monkeypatch.setattr(module, "packages", lambda: ["cupy-cuda12x"])
    monkeypatch.setattr(installation, "driver_cuda", lambda: 12040)
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
    (NOT_THERE, 'CuPy is not installed; the driver serves CUDA 12.4: pip install -e ".[gpu]"'),
    (
        ImportError(LOAD_ERROR),
        "cupy-cuda12x cannot be loaded (ImportError: libcublas.so.12: cannot open shared object file)",
    ),
    (
        ModuleNotFoundError("No module named 'fastrlock'", name="fastrlock"),
        "cupy-cuda12x cannot be loaded (No module named 'fastrlock')",
    ),
    (RuntimeError(), "cupy-cuda12x cannot be loaded (RuntimeError)"),
    (
        fake_cupy(RuntimeError("cudaErrorNoDevice: no device is detected\nand more")),
        "CuPy 99.1 (cupy-cuda12x), driver for CUDA 12.4: cudaErrorNoDevice: no device is detected",
    ),
    (fake_cupy(0), "CuPy 99.1 (cupy-cuda12x), driver for CUDA 12.4: there is no GPU"),
    (fake_cupy(wrong=(1, 1)), "a 2x2 matrix product came out wrong on it"),
]


@pytest.mark.parametrize(("cupy", "problem"), PROBLEMS)
def test_an_explicit_gpu_that_does_not_work_is_an_error_with_its_reason(install, cupy, problem):
    install(cupy)
    with pytest.raises(DeviceError) as caught:
        choose_device("gpu")
    assert str(caught.value) == f"device gpu:0 cannot be used: {problem}; --device cpu works without one"


@pytest.mark.parametrize(("cupy", "problem"), PROBLEMS)
def test_auto_falls_back_to_the_cpu_and_says_why(install, cupy, problem):
    install(cupy)
    assert choose_device("auto") == Device("cpu", reason=f"no GPU: {problem}")


def test_a_gpu_with_too_high_a_number_says_how_many_there_are(install):
    install(fake_cupy(1))
    with pytest.raises(DeviceError, match=r"^device gpu:3 cannot be used: there is 1 GPU, counted from 0; --dev"):
        choose_device("gpu:3")


@pytest.mark.parametrize(("name", "index"), [("gpu", 0), ("gpu:0", 0), ("gpu:1", 1), ("auto", 0)])
def test_a_gpu_that_passes_the_self_test_is_taken(install, name, index):
    install(fake_cupy(2))
    device = choose_device(name)
    assert (device.kind, device.index, str(device)) == ("gpu", index, f"gpu:{index}")
    found = "CuPy 99.1 (cupy-cuda12x), CUDA 12.9, driver for CUDA 13.2"
    assert device.reason == f"Fake K40, 12.0 GiB, {found}; it passed the self-test"


@pytest.mark.parametrize(("name", "index"), [("gpu", 1), ("auto", 1), ("gpu:0", 0)])
def test_the_index_is_for_names_that_have_none(install, name, index):
    install(fake_cupy(2))
    assert choose_device(name, 1).index == index


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


def test_waiting_for_a_device_is_possible_everywhere(device):
    x = device.xp.arange(3)
    device.synchronize()
    assert to_host(x).tolist() == [0, 1, 2]


@pytest.fixture
def math_calls(install, monkeypatch):
    """Puts a fake CuPy of some compute capability in place; what allow_tf32 then calls."""

    def put(capability, error=None):
        calls = []

        def set_math_mode(handle, mode):
            calls.append(("cublas", handle, mode))
            if error:
                raise error

        cupy = fake_cupy(capability=capability)
        routines = SimpleNamespace(COMPUTE_TYPE_TF32=5, set_compute_type=lambda *call: calls.append(call))
        cupy._core = SimpleNamespace(_routines_linalg=routines)
        install(cupy)
        cublas = SimpleNamespace(setMathMode=set_math_mode, CUBLASError=ArithmeticError)
        monkeypatch.setattr(backend, "blas", lambda: (cublas, "handle"))
        return calls

    return put


def test_tf32_is_asked_for_from_cublas_and_from_cupys_own_product(math_calls):
    calls = math_calls((8, 0))
    allow_tf32(Device("gpu", 1))
    assert calls == [("cublas", "handle", 3), (np.float32, 5)]


def test_tf32_needs_a_gpu_that_has_it(math_calls):
    calls = math_calls((7, 5))
    with pytest.raises(DeviceError, match=r"tf32 needs a GPU of compute capability 8\.0 or newer; gpu:1 has 7\.5$"):
        allow_tf32(Device("gpu", 1))
    with pytest.raises(DeviceError, match=r"tf32 needs a GPU; this is the CPU \(no GPU: broken\)$"):
        allow_tf32(Device(reason="no GPU: broken"))
    assert calls == []


def test_a_library_without_tf32_is_an_error_with_its_reason(math_calls):
    math_calls((9, 0), ArithmeticError("NOT_SUPPORTED"))
    with pytest.raises(DeviceError, match="tf32 is not known to the library of gpu:0: NOT_SUPPORTED"):
        allow_tf32(Device("gpu"))


@pytest.mark.gpu
def test_a_real_gpu_rounds_products_to_tf32_only_if_asked_to(gpu):
    xp = gpu.xp
    x = xp.full((64, 64), 1 + 2.0**-14, np.float32)  # TF32 has no such bit
    assert to_host(x @ x).max() > 64
    subprocess.run([sys.executable, "-c", TF32], check=True)  # for the rest of that process only


TF32 = """
import numpy as np
from pysketch.device import allow_tf32, blas, choose_device
gpu = choose_device("gpu")
allow_tf32(gpu)
x = gpu.xp.full((3, 64, 64), 1 + 2.0**-14, np.float32)
assert (x[0] @ x[0]).get().max() == 64, "the single product"
assert (x @ x).get().max() == 64, "the batched product"
"""


def test_other_errors_are_not_about_memory():
    assert out_of_memory(ValueError("out of memory")) is None
    assert out_of_memory(RuntimeError("cudaErrorMemoryAllocation")) is None


def test_too_little_memory_of_the_host_says_what_numpy_says():
    assert out_of_memory(MemoryError("Unable to allocate 9 TiB")) == "not enough memory: Unable to allocate 9 TiB"


def test_too_little_memory_of_a_gpu_says_what_was_asked_for_and_what_is_free(gpu):
    pool = gpu.xp.get_default_memory_pool()
    pool.free_all_blocks()
    held = gpu.xp.zeros(3 << 20, np.uint8)
    pool.set_limit(pool.used_bytes() + (2 << 20))
    try:
        with pytest.raises(MemoryError) as caught:
            gpu.xp.zeros(500 << 20, np.uint8)
        said = out_of_memory(caught.value)
    finally:
        pool.set_limit(0)
    assert held.nbytes == 3 << 20
    assert re.fullmatch(r"not enough memory on gpu:0: 500\.0 MiB asked for, 2\.0 MiB of \d+\.\d MiB free", said)


def test_an_array_larger_than_the_gpu_says_so(gpu):
    total = gpu.xp.cuda.runtime.memGetInfo()[1]
    with pytest.raises(MemoryError) as caught:
        gpu.xp.empty(2 * total, np.uint8)
    assert re.search(rf"{2 * total / 2**20:.1f} MiB asked for, \d+\.\d MiB of .* free$", out_of_memory(caught.value))
