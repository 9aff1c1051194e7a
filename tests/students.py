"""The CUHK student set, which numbers of the paper are about; not part of the repository."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pysketch.baselines import Baseline
from pysketch.images.pairs import Pair, load_pairs
from pysketch.report.evaluation import evaluate

STUDENTS = Path(__file__).parents[1].parent / "shared" / "data" / "cuhk_student"


def needs_students(test: Callable[..., None]) -> Callable[..., None]:
    """A test that reads the set: slow, and skipped where the set is not."""
    there = pytest.mark.skipif(
        not STUDENTS.is_dir(), reason="the CUHK student set is not in ../shared/data/cuhk_student"
    )
    return pytest.mark.slow(there(test))


@cache
def students(split: str) -> list[Pair]:
    """The 88 training or the 100 test pairs."""
    return load_pairs(STUDENTS, split)


def assert_recognised(baseline: Baseline, rmse: float, train_every: int = 1, test_every: int = 20) -> None:
    """Fitted to each so many-th training pair, it draws each so many-th test person as no other, below this RMSE."""
    baseline.fit(students("train")[::train_every])
    scores = evaluate(baseline.name, baseline.sketch, students("test")[::test_every])
    assert scores.matched(1) == 100
    assert scores.rmses.mean() < rmse
