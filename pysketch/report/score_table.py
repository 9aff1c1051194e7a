"""The table of tools/evaluate.py: a line of scores for each method."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.report.evaluation import Evaluation
from pysketch.report.evaluation_pages import RANKS, SCORES, scores


def score_table(evaluations: Sequence[Evaluation]) -> list[str]:
    """The lines of the table: a method each, the first line the heads of the columns."""
    width = max(6, *(len(each.method) for each in evaluations))
    head, *heads = SCORES
    formats = ["8.2f"] * 3 + ["+8.2f", "8.2f", "8.3f"] + ["9.1f"] * len(RANKS) + ["10.4f"]
    short = [name.removeprefix("RMSE ") for name in heads]
    lines = [
        f"{head:<{width}}" + "".join(f"{n:>{f.lstrip('+').split('.')[0]}}" for n, f in zip(short, formats, strict=True))
    ]
    for each in evaluations:
        method, *values = scores(each)
        lines.append(f"{method:<{width}}" + "".join(f"{v:{f}}" for v, f in zip(values, formats, strict=True)))
    return lines
