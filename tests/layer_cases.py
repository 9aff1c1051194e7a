"""The cases of every layer, collected from the layers' own test files: for the contract that all keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers import Case, SingleLayer, collected

CASES: dict[str, Case] = collected("layers", "CONTRACT")
"""Name -> case: what the test files of tests/layers/ have in CONTRACT. test_base.py holds the contract itself."""
WITH_BOTTOMS = [name for name, case in CASES.items() if case.bottoms]
WITHOUT_BOTTOMS = [name for name, case in CASES.items() if not case.bottoms]


def build(name: str, folder: Path, bottoms: tuple[tuple[int, ...], ...] | None = None, **options: Any) -> SingleLayer:
    """`Case.build` of the case of this name."""
    return CASES[name].build(folder, bottoms, **options)
