"""What the printed constants do, for tools/reproduce.py: the regularizer's weight, and the literal recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from repro_nets import ITERATIONS, recipe
from repro_paper import ALPHA, LAMBDA, RATE
from repro_runner import Cell, Experiment, Row, number
from repro_training import ROOT, SCORES, Setting, score, scores, train

from pysketch import figures
from pysketch.evaluation import SKETCH_CROP
from pysketch.net import Net
from pysketch.netdef import Phase, parse_netdef
from pysketch.preprocessing import crop_centre
from pysketch.report import PICTURES, Picture, Section, Table
from pysketch.sketcher import Sketcher
from pysketch.solver import Solver
from pysketch.solver_def import load_solver

ALPHAS = ("0", "1e4", "1e6", "1e7", "1e8", "3e8", "1e9")
PAIRS = (10, 88)
START = 190.0
"""The grey level that the practical recipe's nets draw before they have learned."""

LITERAL, LITERAL_UPDATES = "small", 40
"""The literal recipe's net, and how many updates, each of all pairs, are made of it."""

_TARGET = 35.0  # RMSE of the paper's small net
_K40_SECONDS = 88 * 3 * 8.6e-3  # an update of all pairs: forward and twice as much backward, at the paper's 8.6 ms


def regularizer(setting: Setting) -> Experiment:
    """How large the regularizer's gradient is beside the generative one, and what it does to the scores."""

    def compute(cell: Cell) -> Mapping[str, Any]:
        made = recipe(cell["pairs"], cell["alpha"], 1, setting.iterations(ITERATIONS))
        path = train(setting, made)
        sketcher, pairs = Sketcher(path, workers=setting.workers()), setting.training_pairs()[: cell["pairs"]]
        sketches = np.stack([crop_centre(pair.sketch, *SKETCH_CROP) for pair in pairs]).astype(np.float64)
        drawn = np.stack([sketcher.predict(crop_centre(pair.photo, 155, 200)) for pair in pairs]).astype(np.float64)
        alpha = float(cell["alpha"])
        ratios = gradient_ratio(drawn, sketches, alpha), gradient_ratio(np.full_like(drawn, START), sketches, alpha)
        return {
            "ratio_trained": ratios[0],
            "ratio_start": ratios[1],
            **scores(score(setting, path, setting.test_pairs())),
        }

    cells = [{"pairs": pairs, "alpha": alpha} for pairs in PAIRS for alpha in ALPHAS]
    cells = [{**cell, "pairs": 5} for cell in cells[:3]] if setting.quick else cells
    columns = ("ratio_trained", "ratio_start", *SCORES)
    return Experiment("regularizer", ("pairs", "alpha"), columns, cells, compute, _show_regularizer)


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
    net = Net(parse_netdef(f"force_backward: true {text}"), Phase.TRAIN, dtype=np.float64)
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
        f"sketches of all training pairs: of the trained net, and of the even grey of {START:g} it starts from. At the "
        f"paper's alpha = {ALPHA:g} and lambda = {LAMBDA:g} it is some millionths: the printed constants do nothing.",
        *_best(rows),
    ]
    return Section("The regularizer", texts, [Table(header, lines)], pictures)


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


def literal(setting: Setting) -> Experiment:
    """The literal recipe, update by update: plain gradient descent at 1e-11 on all pairs, weights of deviation 0.01."""
    solver: list[Solver] = []

    def snapshot(update: int) -> Path:
        return setting.out / "nets" / f"literal_iter_{update}.solverstate.h5"

    def compute(cell: Cell) -> Mapping[str, Any]:
        update = cell["update"]
        if not solver:
            solver.append(_literal_solver(setting))
            if update:
                solver[0].restore(snapshot(update))
        solver[0].step(1)
        solver[0].snapshot()
        for old in (snapshot(update), snapshot(update).with_name(f"literal_iter_{update}.caffemodel.h5")):
            old.unlink(missing_ok=True)
        pixels = math.prod(SKETCH_CROP)
        loss = solver[0].loss
        return {"loss": loss, "rmse": math.sqrt(loss / pixels)}

    cells = [{"update": update} for update in range(3 if setting.quick else LITERAL_UPDATES)]
    return Experiment("literal", ("update",), ("loss", "rmse"), cells, compute, _show_literal)


def _literal_solver(setting: Setting) -> Solver:
    definition = load_solver(ROOT / "solver" / f"{LITERAL}_paper_solver.txt")
    options = definition.options
    options.net = str(ROOT / "netdefs" / f"{LITERAL}_paper.prototxt")
    options.snapshot_prefix = str(setting.out / "nets" / "literal")
    options.display, options.test_interval, options.test_iter = 0, 0, ()
    return Solver(definition, data_source=setting.data, workers=setting.workers())


def estimate(updates: Sequence[int], rmses: Sequence[float]) -> tuple[float, float]:
    """(RMSE lost per update at the end of the curve, updates from there to _TARGET if it went on so).

    The loss falls ever more slowly in the long run, so this is a lower bound; infinite if it does not fall.
    The slope is the least squares line's over the last half.
    """
    half = len(updates) // 2
    slope = -float(np.polyfit(updates[half:], rmses[half:], 1)[0]) if len(updates) - half >= 2 else 0.0
    return slope, (rmses[-1] - _TARGET) / slope if slope > 0 else math.inf


def _show_literal(rows: Sequence[Row], folder: Path) -> Section:
    updates, rmses = [int(row["update"]) for row in rows], [number(row, "rmse") for row in rows]
    heading = "The literal recipe"
    if len(rows) < 2:
        return Section(heading, ["Not computed yet."])
    path = f"{PICTURES}/literal.png"
    figures.curves(folder / path, {f"{LITERAL} net": (updates, rmses, rmses, rmses)}, "update", "RMSE, training")
    slope, needed = estimate(updates, rmses)
    hours = needed * _K40_SECONDS / 3600
    texts = [
        f"Gradient descent at {RATE:g} on sums over pixels, weights of standard deviation 0.01, raw pixels, all "
        f"training pairs in one batch. The RMSE of the {LITERAL} net on its training pairs goes from {rmses[0]:.1f} to "
        f"{rmses[-1]:.1f} in {updates[-1]} updates.",
        f"At the end it loses {slope:.3g} per update. If it went on so, RMSE {_TARGET:g} would be reached after "
        f"{needed:.3g} further updates, or {hours:.3g} hours of a K40 at the paper's own 8.6 ms for a photo, "
        "three times that for learning from it. An extrapolation from the first updates, and a lower bound, as a loss "
        "falls ever more slowly; the paper says several hours.",
    ]
    return Section(heading, texts, pictures=[Picture(path, "Training error, update by update")])
