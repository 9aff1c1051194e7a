"""Where the shipped folders are: beside pysketch in a checkout, in this folder where pysketch is installed."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def folder(name: str) -> Path:
    """The shipped folder of that name: netdefs, solver or tools."""
    installed = _HERE / name
    return installed if installed.is_dir() else _HERE.parents[1] / name
