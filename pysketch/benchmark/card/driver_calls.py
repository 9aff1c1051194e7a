"""Counts what a process asks of the CUDA driver, by CUPTI, NVIDIA's library for profilers: launches, copies, waits.

CUPTI calls back whenever a function of the driver is entered, whoever calls it: CuPy, cuBLAS or CUDA's runtime. The
layout of what it hands over is that of `CUpti_CallbackData` in cupti_callbacks.h. It comes with CUDA and with PyTorch.
No card has been counted on yet: the callbacks are proved with a library that calls back as CUPTI does.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections import Counter
from pathlib import Path

from pysketch.benchmark.race import BenchmarkError

KINDS = {
    "launches": r"cuLaunch|cuGraphLaunch",
    "copies to the card": r"cuMemcpyHtoD|cuMemcpyHtoA",
    "copies from the card": r"cuMemcpyDtoH|cuMemcpyAtoH",
    "other copies": r"cuMemcpy",
    "fills": r"cuMemset",
    "waits": r"cu(Ctx|Stream|Event)Synchronize",
    "allocations": r"cuMem(Alloc|HostAlloc|HostRegister|Create)",
    "frees": r"cuMem(Free|Release|HostUnregister)",
}
"""What is counted under which name: the first pattern with which a function's name begins; others are only named."""

_ENTER, _DRIVER = 0, 1  # CUPTI_API_ENTER, CUPTI_CB_DOMAIN_DRIVER_API


class _CallbackData(ctypes.Structure):
    """The first fields of CUpti_CallbackData."""

    _fields_ = [("site", ctypes.c_int), ("function", ctypes.c_char_p)]


_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.POINTER(_CallbackData))


class DriverCalls:
    """Counts while it is open: ``with DriverCalls(major) as calls: ...``, then `calls.kinds()`.

    major: CUDA's, whose CUPTI is looked for first. library: of CUPTI; None: found. BenchmarkError if there is none, or
    it cannot be used. One can be open at a time in a process.
    """

    def __init__(self, major: int = 13, library: Path | None = None) -> None:
        self.cupti = _load([library] if library else candidates(major))
        self.names: Counter[str] = Counter()
        self._callback = _Callback(self._called)
        self._subscriber = ctypes.c_void_p()

    def __enter__(self) -> DriverCalls:
        self._must(self.cupti.cuptiSubscribe(ctypes.byref(self._subscriber), self._callback, None))
        self._must(self.cupti.cuptiEnableDomain(1, self._subscriber, _DRIVER))
        return self

    def __exit__(self, *exception: object) -> None:
        self.cupti.cuptiUnsubscribe(self._subscriber)

    def kinds(self) -> dict[str, int]:
        """How often functions of each of KINDS were called; 0 if never."""
        counts = dict.fromkeys(KINDS, 0)
        for name, number in self.names.items():
            kind = next((kind for kind, pattern in KINDS.items() if re.match(pattern, name)), None)
            if kind:
                counts[kind] += number
        return counts

    def _called(self, user: object, domain: int, function: int, data: ctypes.POINTER) -> None:
        if data.contents.site == _ENTER:
            self.names[data.contents.function.decode()] += 1

    def _must(self, status: int) -> None:
        if status:
            said = ctypes.c_char_p()
            self.cupti.cuptiGetResultString(status, ctypes.byref(said))
            raise BenchmarkError(f"CUPTI cannot count: {(said.value or b'?').decode()} ({status})")


def candidates(major: int) -> list[Path]:
    """Where CUPTI may be: with PyTorch or CUDA's wheels, with CUDA itself, or wherever the loader looks."""
    names = [f"libcupti.so.{major}", *(f"libcupti.so.{other}" for other in (13, 12) if other != major)]
    wheels = [Path(folder, "nvidia") for folder in sys.path if folder]
    homes = sorted(Path("/usr/local").glob("cuda*"), reverse=True)
    found = []
    for name in names:
        for folder in wheels:
            found += sorted(folder.glob(f"*/lib/{name}*"))
        for home in homes:
            found += [home / part / name for part in ("extras/CUPTI/lib64", "lib64", "lib")]
        found.append(Path(name))
    return [path for path in found if path.is_absolute() is False or path.exists()]


def _load(paths: list[Path]) -> ctypes.CDLL:
    problems = []
    for path in paths:
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:
            problems.append(str(error))
    raise BenchmarkError(f"CUPTI, which counts the driver's calls, is not found: {'; '.join(problems) or 'no library'}")
