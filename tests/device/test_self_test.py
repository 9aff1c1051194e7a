"""The self-test of a GPU: what a working one passes, and what each broken part says."""

from __future__ import annotations

import pytest
from fake_cupy import fake_cupy

from pysketch.device import installation
from pysketch.device.self_test import gpu_name, gpu_problem, one_line


@pytest.fixture
def installed(monkeypatch):
    """CuPy for CUDA 12, and a driver for 12.4."""
    monkeypatch.setattr(installation, "packages", lambda: ["cupy-cuda12x"])
    monkeypatch.setattr(installation, "driver_cuda", lambda: 12040)


@pytest.mark.kernels
def test_a_working_gpu_has_no_problem(gpu):
    assert gpu_problem(gpu.xp, gpu.index) is None
    assert f"GiB, CuPy {gpu.xp.__version__} (cupy" in gpu_name(gpu.xp, gpu.index)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ((0, 0), None),
        ((1, 0), "a 2x2 matrix product came out wrong on it"),
        ((0, 1), "a kernel's sums came out wrong on it"),
        ((float("nan"), 0), "a 2x2 matrix product came out wrong on it"),
    ],
)
def test_the_part_that_gives_wrong_numbers_is_named(wrong, problem):
    assert gpu_problem(fake_cupy(wrong=wrong), 0) == problem


def test_a_kernel_that_does_not_compile_is_a_problem(installed):
    cupy = fake_cupy()

    def raw_kernel(source, name):
        raise RuntimeError("cannot open libnvrtc.so.12\nand more")

    cupy.RawKernel = raw_kernel
    assert gpu_problem(cupy, 1) == "CuPy 99.1 (cupy-cuda12x), driver for CUDA 12.4: cannot open libnvrtc.so.12"


@pytest.mark.parametrize(("count", "index"), [(1, 1), (2, 2)])
def test_only_gpus_that_are_there_are_tried(count, index):
    said = "there is 1 GPU" if count == 1 else f"there are {count} GPUs"
    assert gpu_problem(fake_cupy(count), index) == f"{said}, counted from 0"


def test_the_name_says_how_much_memory_there_is_and_which_cupy_runs_it(installed):
    found = "CuPy 99.1 (cupy-cuda12x), CUDA 12.9, driver for CUDA 13.2"
    assert gpu_name(fake_cupy(), 1) == f"Fake K40, 12.0 GiB, {found}"


@pytest.mark.parametrize(
    ("text", "line"),
    [("first\nsecond", "first"), ("\n\n  a\n", "a"), ("x\nOriginal error:\n  why\nmore", "why"), ("", "RuntimeError")],
)
def test_the_line_that_says_why_is_picked(text, line):
    assert one_line(RuntimeError(text)) == line
