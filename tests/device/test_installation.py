"""One line says which CuPy was found, or why it cannot serve: with every package, driver and error in its place."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest
from fake_cupy import fake_cupy

from pysketch.device import installation
from pysketch.device.installation import dotted, driver_cuda, not_installed, packages, versions, what_is_found, why_not


@pytest.fixture
def machine(monkeypatch):
    """Puts packages and a driver in place; None: there is no driver."""

    def put(driver, *names):
        monkeypatch.setattr(installation, "packages", lambda: list(names))
        monkeypatch.setattr(installation, "driver_cuda", lambda: driver)

    return put


@pytest.fixture
def libcuda(monkeypatch):
    """Puts a driver's library in place: its status and version, or an exception."""

    def put(status, version=0):
        def load(name):
            if isinstance(status, Exception):
                raise status
            return SimpleNamespace(cuDriverGetVersion=answer)

        def answer(pointer):
            pointer._obj.value = version
            return status

        monkeypatch.setattr(ctypes, "CDLL", load)

    return put


def test_cuda_counts_in_thousands_and_tens():
    assert [dotted(number) for number in (12000, 12040, 13020)] == ["12.0", "12.4", "13.2"]


def test_the_drivers_library_says_which_cuda_it_serves(libcuda):
    libcuda(0, 12080)
    assert driver_cuda() == 12080


@pytest.mark.parametrize("status", [OSError("libcuda.so.1: cannot open"), AttributeError("no such symbol"), 3])
def test_a_driver_that_does_not_answer_is_none(libcuda, status):
    libcuda(status, 12080)
    assert driver_cuda() is None


def test_only_packages_that_bring_cupy_itself_are_found(monkeypatch):
    names = ["numpy", "CuPy-CUDA13x", "cupy-cuda12x", "cupy", "cupy-rocm-7-0", "cupyx-tools", "my-cupy", None]
    found = [SimpleNamespace(metadata={"Name": name}) for name in names]
    monkeypatch.setattr("importlib.metadata.distributions", lambda: found)
    assert packages() == ["cupy", "cupy-cuda12x", "cupy-cuda13x", "cupy-rocm-7-0"]


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (
            None,
            "CuPy is not installed, and no NVIDIA driver (libcuda) is found; for a card: "
            'pip install -e ".[gpu]" (CUDA 12) or pip install -e ".[gpu13]" (CUDA 13)',
        ),
        (11080, 'CuPy is not installed; the driver serves CUDA 11.8: pip install -e ".[gpu]"'),
        (12040, 'CuPy is not installed; the driver serves CUDA 12.4: pip install -e ".[gpu]"'),
        (13000, 'CuPy is not installed; the driver serves CUDA 13.0: pip install -e ".[gpu13]"'),
        (14000, 'CuPy is not installed; the driver serves CUDA 14.0: pip install -e ".[gpu13]"'),
    ],
)
def test_without_cupy_the_one_for_the_driver_is_named(machine, monkeypatch, driver, said):
    monkeypatch.setattr(installation, "_DRIVER", "libcuda")
    machine(driver)
    assert not_installed() == said


def test_what_is_found_names_the_package_and_both_versions_of_cuda(machine):
    machine(13020, "cupy-cuda12x")
    assert what_is_found(fake_cupy()) == "CuPy 99.1 (cupy-cuda12x), CUDA 12.9, driver for CUDA 13.2"
    machine(13020)
    assert what_is_found(fake_cupy()) == "CuPy 99.1, CUDA 12.9, driver for CUDA 13.2"


INSUFFICIENT = "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"


@pytest.mark.parametrize(
    ("driver", "names", "error", "said"),
    [
        (None, ["cupy-cuda13x"], INSUFFICIENT, "CuPy 99.1 (cupy-cuda13x) finds no NVIDIA driver (libcuda)"),
        (
            12040,
            ["cupy-cuda13x"],
            INSUFFICIENT,
            "CuPy 99.1 (cupy-cuda13x) is for CUDA 13, the driver serves CUDA 12.4 at most; "
            'pip uninstall cupy-cuda13x, then pip install -e ".[gpu]"',
        ),
        (
            11040,
            ["cupy-cuda12x"],
            INSUFFICIENT,
            "CuPy 99.1 (cupy-cuda12x) is for CUDA 12, the driver serves CUDA 11.4 at most",
        ),
        (
            13020,
            ["cupy-cuda12x"],
            "cudaErrorNoDevice: no CUDA-capable device is detected",
            "CuPy 99.1 (cupy-cuda12x), driver for CUDA 13.2: cudaErrorNoDevice: no CUDA-capable device is detected",
        ),
        (
            13020,
            ["cupy-cuda13x"],
            'Failure finding "libnvrtc.so.13": No such file: libnvrtc.so.13',
            'CuPy 99.1 (cupy-cuda13x): Failure finding "libnvrtc.so.13": No such file: libnvrtc.so.13; '
            'pip install "cupy-cuda13x[ctk]" brings CUDA\'s libraries',
        ),
        (13020, [], "broken", "CuPy 99.1, driver for CUDA 13.2: broken"),
        (
            13020,
            ["cupy-cuda12x", "cupy-cuda13x"],
            "broken",
            "broken; cupy-cuda12x and cupy-cuda13x are both installed and overwrite each other: uninstall all, "
            "install one",
        ),
    ],
)
def test_why_a_card_cannot_be_used(machine, monkeypatch, driver, names, error, said):
    monkeypatch.setattr(installation, "_DRIVER", "libcuda")
    machine(driver, *names)
    assert why_not(fake_cupy(), error) == said


def test_an_amd_cards_errors_stay_as_they_are(machine):
    machine(None, "cupy-rocm-7-0")
    cupy = fake_cupy()
    cupy.cuda.runtime.is_hip = True
    assert why_not(cupy, "hipErrorNoDevice") == "CuPy 99.1 (cupy-rocm-7-0): hipErrorNoDevice"
    assert what_is_found(cupy) == "CuPy 99.1 (cupy-rocm-7-0), HIP 12090"


def test_versions_are_numbers_for_the_report_and_texts_for_people(gpu):
    found = versions(gpu.xp)
    assert found["runtime"] == gpu.xp.cuda.runtime.runtimeGetVersion()
    assert set(found["libraries"]) == {"runtime", "driver", "NVRTC", "cuBLAS"}
