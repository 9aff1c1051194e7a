"""The table of tools/evaluate.py: a line of scores for each method."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.report.evaluation import Evaluation
from pysketch.report.evaluation_pages import RANKS, SCORES, scores

SCORING = (
    "photos are drawn from their centre 155x200 (whole by baselines, and by nets whose sketches are as large as "
    "photos), and all scores are of the centre 143x188 of the sketch; with --whole both are whole. RMSE is on grey "
    'levels 0..255, averaged over the pairs; "at .5" and "at 2" is that of both rescaled: the paper\'s MPRL. bias: '
    "the mean difference in grey levels; above 0, what is drawn is lighter than the artist's. PSNR is in decibels. "
    "rank n: the share of the artist's sketches whose own person is among the n nearest of all drawn sketches, in "
    "percent; who is equally near counts against us. s/photo: the median time of drawing one. A net from sketch to "
    "photo is scored, and baselines beside it learn, the other way: what is drawn is compared with the photo's luma."
)
"""What the columns are, and of what."""


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
