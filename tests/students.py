"""The CUHK student set, which numbers of the paper are about; not part of the repository."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from pysketch.images.pairs import Pair, load_pairs

STUDENTS = Path(__file__).parents[1].parent / "shared" / "data" / "cuhk_student"

needs_students = pytest.mark.skipif(
    not STUDENTS.is_dir(), reason="the CUHK student set is not in ../shared/data/cuhk_student"
)


@cache
def students(split: str) -> list[Pair]:
    """The 88 training or the 100 test pairs."""
    return load_pairs(STUDENTS, split)
