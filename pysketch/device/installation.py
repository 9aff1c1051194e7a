"""Which CuPy is installed, for which CUDA, and whether the NVIDIA driver can serve it: for one line about a GPU.

CuPy comes in packages for one major version of CUDA each, `cupy-cuda12x` and `cupy-cuda13x`, all of which are imported
as ``cupy``. A driver serves its own version of CUDA and older ones. Without a driver, or with one too old, CuPy is
imported all the same, and says of both only that the "driver version is insufficient".
"""

from __future__ import annotations

import ctypes
import re
import sys
from types import ModuleType
from typing import Any

from pysketch.shipped import how_to_install

EXTRAS = {12: "gpu", 13: "gpu13"}
"""The extra of pyproject.toml with the CuPy for a major version of CUDA."""

_DRIVER = {"win32": "nvcuda.dll"}.get(sys.platform, "libcuda.so.1")


def packages() -> list[str]:
    """The installed packages that bring the module cupy, such as "cupy-cuda13x"; "cupy" is built from source."""
    from importlib.metadata import distributions  # 20 ms, which most commands need not wait for

    names = {(each.metadata["Name"] or "").lower() for each in distributions()}
    return sorted(name for name in names if re.fullmatch(r"cupy(-cuda\w+|-rocm[\w-]+)?", name))


def driver_cuda() -> int | None:
    """The newest CUDA that the NVIDIA driver serves, as CUDA counts: 13020 is 13.2; None without a driver."""
    try:
        library = ctypes.CDLL(_DRIVER)
        version = ctypes.c_int(0)
        failed = library.cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return None
    return None if failed or not version.value else version.value


def dotted(version: int) -> str:
    """CUDA's number as people write it: 12040 -> 12.4."""
    return f"{version // 1000}.{version % 1000 // 10}"


def not_installed() -> str:
    """In one line, that there is no CuPy, and which one to install for the driver that there is."""
    driver = driver_cuda()
    if driver is None:
        both = " or ".join(f"{how_to_install(extra)} (CUDA {major})" for major, extra in EXTRAS.items())
        return f"CuPy is not installed, and no NVIDIA driver ({_DRIVER}) is found; for a card: {both}"
    major = min(max(driver // 1000, min(EXTRAS)), max(EXTRAS))
    return f"CuPy is not installed; the driver serves CUDA {dotted(driver)}: {how_to_install(EXTRAS[major])}"


def what_is_found(cupy: ModuleType) -> str:
    """CuPy's version, its package, and the versions of CUDA that it and the driver have, in one line."""
    text = f"CuPy {cupy.__version__}{_of_packages()}"
    runtime = cupy.cuda.runtime
    if runtime.is_hip:
        return f"{text}, HIP {runtime.runtimeGetVersion()}"
    return f"{text}, CUDA {dotted(runtime.runtimeGetVersion())}, driver for CUDA {dotted(runtime.driverGetVersion())}"


def versions(cupy: ModuleType) -> dict[str, Any]:
    """In numbers: CUDA's `runtime` and `driver`, as CUDA counts; `libraries`: by name, as each counts itself."""
    from cupy_backends.cuda.libs import cublas, nvrtc

    runtime = cupy.cuda.runtime
    return {
        "runtime": runtime.runtimeGetVersion(),
        "driver": runtime.driverGetVersion(),
        "libraries": {
            "runtime": dotted(runtime.runtimeGetVersion()),
            "driver": dotted(runtime.driverGetVersion()),
            "NVRTC": ".".join(map(str, nvrtc.getVersion())),
            "cuBLAS": cublas.getVersion(cupy.cuda.device.get_cublas_handle()),
        },
    }


def why_not(cupy: ModuleType, error: str) -> str:
    """What an error of CuPy's means here, in one line: no driver, one for an older CUDA, missing libraries, or itself.

    error: one line. Several packages at once are named as well: they overwrite each other's files.
    """
    found, names, driver = f"CuPy {cupy.__version__}{_of_packages()}", packages(), driver_cuda()
    major = next((int(number) for name in names for number in re.findall(r"cuda(\d\d)", name)), None)
    if len(names) > 1:
        return f"{error}; {' and '.join(names)} are both installed and overwrite each other: uninstall all, install one"
    if cupy.cuda.runtime.is_hip:
        return f"{found}: {error}"
    if driver is None:
        return f"{found} finds no NVIDIA driver ({_DRIVER})"
    if major and driver // 1000 < major:
        other = EXTRAS.get(driver // 1000)
        hint = f"; pip uninstall {names[0]}, then {how_to_install(other)}" if other else ""
        return f"{found} is for CUDA {major}, the driver serves CUDA {dotted(driver)} at most{hint}"
    if re.search(r"No such file|cannot open shared object|Failure finding|not found", error) and names:
        return f'{found}: {error}; pip install "{names[0]}[ctk]" brings CUDA\'s libraries'
    return f"{found}, driver for CUDA {dotted(driver)}: {error}"


def _of_packages() -> str:
    names = packages()
    return f" ({' and '.join(names)})" if names else ""
