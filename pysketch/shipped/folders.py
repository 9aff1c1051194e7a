"""Where the shipped folders are: beside pysketch in a checkout, in this folder where pysketch is installed."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def in_checkout() -> bool:
    """Whether this is a checkout, with the shipped folders beside pysketch, and not an installed wheel."""
    return not (_HERE / "tools").is_dir()


def folder(name: str) -> Path:
    """The shipped folder of that name: netdefs, solver or tools."""
    return (_HERE.parents[1] if in_checkout() else _HERE) / name
