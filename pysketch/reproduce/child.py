"""One method on the test pairs, in a process of its own, so that its memory can be measured: for tools/reproduce.py.

Not for calling by hand: `tables.child` starts it. OUT.npz holds the drawn crops, uint8.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.baselines import baseline_class
from pysketch.benchmark import peak_bytes
from pysketch.device import Workers
from pysketch.drawing import Sketcher
from pysketch.errors import PysketchError
from pysketch.files import atomic_path
from pysketch.images import load_pairs
from pysketch.layers import Context
from pysketch.report import Evaluation, evaluate, fit_seconds, net_draw

CURVE = 10
"""Cumulative match scores are kept up to this rank."""

TONE = ("bias", "unbiased_rmse")
"""Columns that say how much of an error is one tone: see Evaluation.biases and unbiased_rmses."""


def answer(method: str, out: str, data: str, *numbers: str) -> str:
    """One line, a JSON object: what `measure` gives, or {"error": why there is nothing}."""
    try:
        return json.dumps(measure(method, Path(out), data, *map(int, numbers)))
    except PysketchError as error:
        return json.dumps({"error": str(error)})


def measure(method: str, out: Path, data: str, pairs: int, photos: int, threads: int) -> dict[str, Any]:
    """Scores on the first `photos` test pairs, having learned from the first `pairs` training pairs; 0: all.

    Grey levels, decibels, percent; seconds: the median of drawing a photo; learn_seconds; peak_mib of this process.
    """
    test = load_pairs(data, "test")[: photos or None]
    learn_seconds = 0.0
    if method.endswith(".h5"):
        draw = net_draw(Sketcher(method, Context(workers=Workers(threads or None))))
        draw(test[0].photo)  # the first photo is slower: memory is taken, threads start
    else:
        training = load_pairs(data, "train")
        baseline = baseline_class(method)()
        learn_seconds = fit_seconds(baseline, training[: pairs or None], test, lambda done, total: None)
        draw = baseline.sketch
    found = evaluate(method, draw, test)
    with atomic_path(out) as temporary:
        np.savez_compressed(temporary, drawn=np.stack(found.drawn))
    peak = peak_bytes()
    half, one, two = found.rescaled_rmses.mean(axis=0).tolist()
    values = {"rmse_0.5": half, "rmse": one, "rmse_2": two}
    values |= tone(found)
    values |= {"psnr": float(found.psnrs.mean()), "ssim": float(found.ssims.mean())}
    values |= {f"rank{n}": found.matched(n) for n in range(1, CURVE + 1)}
    values |= {"seconds": float(np.median(found.seconds)), "learn_seconds": learn_seconds}
    return values | {"peak_mib": round(peak / 2**20) if peak else None}


def tone(evaluation: Evaluation) -> dict[str, float]:
    """The columns of TONE."""
    return dict(zip(TONE, (float(evaluation.biases.mean()), float(evaluation.unbiased_rmses.mean())), strict=True))
