"""Which compiled kernels there are, and which are taken."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

from pysketch.errors import DeviceError, did_you_mean

logger = logging.getLogger(__name__)

VARIABLE = "PYSKETCH_KERNELS"
"""The environment variable that chooses: none, or one of `SETS`."""

SETS = {"avx512": "AVX-512", "avx2": "AVX2", "generic": "generic"}
"""Instruction sets, the best first: the module without its underscore -> its name in texts."""

_HERE = Path(__file__).parent


def kernels() -> ModuleType | None:
    """The best compiled kernels that were built and that this CPU runs, or those that `VARIABLE` says; else None.

    Found once in a process. DeviceError if the variable says what is no choice, was not built or does not run here.
    What was built and cannot be used, such as modules of other sources than lie here now, is no error without the
    variable: the log says so in one line, and there are none.
    """
    return _found()[0]


def describe() -> str:
    """What `kernels` has found, in a few words: "compiled kernels (AVX-512, gcc 12.2)", or why there are none."""
    return _found()[1]


def sources(folder: Path = _HERE) -> str | None:
    """The digest of the C that lies in the folder, which a module keeps from when it was built; None if none does."""
    paths = sorted([*folder.glob("*.c"), *folder.glob("*.h")])
    content = b"".join(path.name.encode() + b"\0" + path.read_bytes() + b"\0" for path in paths)
    return hashlib.sha256(content).hexdigest()[:16] if paths else None


@functools.cache
def _found() -> tuple[ModuleType | None, str]:
    """The module, and how it is described."""
    choice = os.environ.get(VARIABLE, "")
    if choice not in ("", "none", *SETS):
        hint = did_you_mean(choice, ["none", *SETS])
        raise DeviceError(f"{VARIABLE}={choice}: expected none, {', '.join(SETS)} or nothing{hint}")
    if choice == "none":
        return None, f"no compiled kernels ({VARIABLE}=none)"
    try:
        generic = _built("generic")
        runs = generic.sets if generic else ()
        for name in [choice] if choice else SETS:
            module = _built(name) if name in runs else None
            if module:
                return module, f"compiled kernels ({SETS[name]}, {module.compiler})"
    except DeviceError as error:
        if choice:
            raise DeviceError(f"{VARIABLE}={choice}: {error}") from None
        logger.warning("no compiled kernels: %s", error)
        return None, f"no compiled kernels: {error}"
    if choice:
        why = f"this CPU has no {SETS[choice]}" if generic and choice not in runs else f"not built; {_how()}"
        raise DeviceError(f"{VARIABLE}={choice}: {why}")
    return None, f"no compiled kernels: this install has none; {_how()}"


def _how() -> str:
    """What kernels are built with, and how."""
    if os.name == "nt":
        return "there are none for Windows"
    return f"they need GCC or Clang and Python's headers: {_again()}"


def _again() -> str:
    """How to install again, from the folder where the sources are, or from a wheel."""
    return "pip install -e . again" if sources() else "install pysketch again from its folder"


def _built(name: str) -> ModuleType | None:
    """The module of a set, None if it was not built; DeviceError if it was and cannot be used."""
    module = f"_{name}"
    try:
        found = import_module(f"pysketch.native.{module}")
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        raise DeviceError(f"{module} cannot be loaded: {error}") from None
    if sources() not in (None, found.sources):
        raise DeviceError(f"{module} was built from other sources than lie here now; {_again()}")
    return found
