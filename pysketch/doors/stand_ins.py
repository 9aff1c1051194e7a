"""What users' code finds under other names, and what was there before: handed in by the front door, opened later."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

STAND_INS: dict[str, str] = {}
"""Name of a module that may not be installed -> the module of ours that stands for it; the front door fills it."""

FIRST_PATH = tuple(sys.path)
"""Where Python looked for modules when pysketch was imported; what a script adds to sys.path later is its own."""


def stand_in(name: str) -> ModuleType:
    """The module that stands for this one of STAND_INS, imported now."""
    return import_module(STAND_INS[name])
