"""What the regularizer's printed weight does, and what others do, for tools/reproduce.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.drawing import Sketcher
from pysketch.images import crop_centre
from pysketch.layers import Context
from pysketch.net import Net
from pysketch.netdef import Phase, parse_netdef
from pysketch.report import PHOTO_CROP, PICTURES, SKETCH_CROP, Picture, Section, Table, figures
from pysketch.reproduce.nets import ITERATIONS, recipe
from pysketch.reproduce.paper import ALPHA, LAMBDA
from pysketch.reproduce.runner import Cell, Experiment, Row, number
from pysketch.reproduce.training import SCORES, Recipe, Setting, pairs_of, score, scores, train

ALPHAS = ("0", "1e4", "1e6", "1e7", "1e8", "3e8", "1e9")
PAIRS = (10, 88)
START = 190.0
"""The grey level that the practical recipe's nets draw before they have learned."""


def regularizer(setting: Setting) -> Experiment:
    """How large the regularizer's gradient is beside the generative one, and what it does to the scores."""

    def made(cell: Cell) -> Recipe:
        return recipe(cell["pairs"], cell["alpha"], 1, setting.iterations(ITERATIONS))

    def compute(cell: Cell) -> Mapping[str, Any]:
        path = train(setting, made(cell))
        sketcher, pairs = Sketcher(path, setting.context()), pairs_of(setting, made(cell), Phase.TRAIN)
        sketches = np.stack([crop_centre(pair.sketch, *SKETCH_CROP) for pair in pairs]).astype(np.float64)
        drawn = [sketcher.predict(crop_centre(pair.photo, *PHOTO_CROP)) for pair in pairs]
        drawn = np.stack([crop_centre(sketch, *SKETCH_CROP) for sketch in drawn]).astype(np.float64)
        alpha = float(cell["alpha"])
        ratios = gradient_ratio(drawn, sketches, alpha), gradient_ratio(np.full_like(drawn, START), sketches, alpha)
        return {
            "ratio_trained": ratios[0],
            "ratio_start": ratios[1],
            **scores(score(setting, path, setting.test_pairs())),
        }

    cells = [{"pairs": pairs, "alpha": alpha} for pairs in PAIRS for alpha in ALPHAS]
    cells = [{**cell, "pairs": 5} for cell in cells[:3]] if setting.quick else cells
    cells = [{**cell, "recipe": made(cell).digest} for cell in cells]
    columns = ("ratio_trained", "ratio_start", *SCORES)
    return Experiment("regularizer", ("pairs", "alpha", "recipe"), columns, cells, compute, _show_regularizer)


def gradient_ratio(drawn: np.ndarray, sketches: np.ndarray, alpha: float) -> float:
    """||gradient of alpha L_discrim|| / ||gradient of L_gen|| to the drawn sketches (N, H, W), by the loss layer.

    All N pairs are one batch; lambda is the paper's 1e9. In float64, as the ratio may be 1e-6.
    """
    shape = " ".join(f"dim: {n}" for n in (len(drawn), 1, *drawn.shape[1:]))
    text = f"""
        layer {{ name: "input" type: "Input" top: "prediction" top: "label"
                 input_param {{ shape {{ {shape} }} shape {{ {shape} }} }} }}
        layer {{ name: "loss" type: "Python" bottom: "prediction" bottom: "label" top: "L" top: "L_gen" top: "L_dis"
                 python_param {{ module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss"
                                 param_str: '{{ "alpha": {alpha or 1.0}, "lambda": {LAMBDA} }}' }} }}
    """
    net = Net(parse_netdef(f"force_backward: true {text}"), Phase.TRAIN, Context(dtype=np.float64))
    net.blobs["prediction"].data[...] = drawn[:, None]
    net.blobs["label"].data[...] = sketches[:, None]
    net.forward()
    layer, bottom, top = net.layers[-1], net.bottoms[-1], net.tops[-1]
    norms = []
    for weights in ((0, 1, 0), (0, 0, alpha)):
        for blob, weight in zip(top, weights, strict=True):
            blob.diff[...] = weight
        layer.backward(top, [True, False], bottom)
        norms.append(float(np.linalg.norm(bottom[0].diff)))
    return norms[1] / norms[0]


def _show_regularizer(rows: Sequence[Row], folder: Path) -> Section:
    names = ("ratio_trained", "ratio_start", "rmse", "ssim", "rank1", "rank3")
    lines = [[row["pairs"], row["alpha"], *(number(row, name) for name in names)] for row in rows]
    header = ["training pairs", "alpha", "gradient ratio, trained", "at the start", "RMSE", "SSIM", "rank 1", "rank 3"]
    pictures = []
    for column, label in (("rmse", "RMSE"), ("rank1", "rank 1, %")):
        curve = {}
        for pairs in dict.fromkeys(row["pairs"] for row in rows):
            chosen = [row for row in rows if row["pairs"] == pairs]
            y = [number(row, column) for row in chosen]
            curve[f"{pairs} pairs"] = ([float(row["alpha"]) for row in chosen], y, y, y)
        if curve:
            path = f"{PICTURES}/regularizer_{column}.png"
            figures.curves(folder / path, curve, "alpha", label, log_x=True)
            pictures.append(Picture(path, f"{label} over the regularizer's weight, lambda = 1e9; one seed"))
    texts = [
        f"The gradient ratio is that of the regularizer's gradient to the generative one, with respect to the drawn "
        f"sketches of the pairs learned from, as one batch: of the trained net, and of the even grey of {START:g} it "
        f"starts from. lambda = {LAMBDA:g}.",
        *_printed_constants(rows),
        *_best(rows),
    ]
    return Section("The regularizer", texts, [Table(header, lines)], pictures)


def _printed_constants(rows: Sequence[Row]) -> list[str]:
    """What the paper's alpha does, as measured beside alpha = 0."""
    texts = []
    for row in rows:
        none = next((each for each in rows if each["pairs"] == row["pairs"] and each["alpha"] == "0"), None)
        if none is not None and float(row["alpha"]) == ALPHA:
            rmse, rank = (number(row, name) - number(none, name) for name in ("rmse", "rank1"))
            texts.append(
                f"The paper's alpha = {ALPHA:g} on {row['pairs']} pairs: its gradient is "
                f"{number(row, 'ratio_trained'):.2g} of the generative one; beside alpha = 0, same seed, RMSE changes "
                f"by {rmse:+.4f} and rank 1 by {rank:+g}."
            )
    return texts


def _best(rows: Sequence[Row]) -> list[str]:
    """For each number of pairs: which alpha has the best RMSE and rank 1, beside alpha = 0."""
    texts = []
    for pairs in dict.fromkeys(row["pairs"] for row in rows):
        chosen = [row for row in rows if row["pairs"] == pairs]
        none = next((row for row in chosen if row["alpha"] == "0"), None)
        if none is None or len(chosen) < 2:
            continue
        low = min(chosen, key=lambda row: number(row, "rmse"))
        high = max(chosen, key=lambda row: number(row, "rank1"))
        texts.append(
            f"{pairs} pairs: RMSE {number(none, 'rmse'):.2f} and rank 1 = {number(none, 'rank1'):g} without it; the "
            f"lowest RMSE is {number(low, 'rmse'):.2f} at alpha = {low['alpha']}, the highest rank 1 "
            f"{number(high, 'rank1'):g} at alpha = {high['alpha']} (the first of equals). One seed each."
        )
    return texts
