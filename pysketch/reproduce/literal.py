"""The paper's own recipe, update by update, for tools/reproduce.py: how long it stays where it starts, what then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.benchmark import PAPER_MS
from pysketch.report import PICTURES, SKETCH_CROP, Picture, Section, Table, figures
from pysketch.reproduce.paper import MPRL, RATE
from pysketch.reproduce.runner import Cell, Experiment, Row, number
from pysketch.reproduce.training import Recipe, Setting, definition, net_path
from pysketch.solver import Solver

NET = "small"

WHOLE_UPDATES = 10
"""Updates by all pairs, as the paper says: seconds each on a CPU, far from the end of the plateau."""

WINDOW = 16, 20
"""Width and height of the sketches of the stand-in, which makes an update hundreds of times cheaper."""

WINDOW_UPDATES, WINDOW_STEP, SEEDS = 9000, 100, (1, 2)

_NO_END = 10**6  # as max_iter, which a fixed rate does not depend on: a longer curve goes on with a shorter one

PAIRS = 88
_K40_SECONDS = PAIRS * 3 * PAPER_MS[NET] / 1000
"""An update by all pairs on the paper's card: drawing each, and twice as much for the gradient."""


def recipe(images: str, seed: int) -> Recipe:
    """The literal recipe on whole images, or its stand-in on windows.

    A batch of the stand-in is two windows, anywhere in the faces. The rate is larger by as much as a window has fewer
    pixels, so that an update is on average that of all pairs: the loss is a sum over pixels and a mean over pairs.
    X and Y are scaled to have the variance that they have over a whole image.
    """
    if images == "whole":
        return Recipe(f"{NET}_paper", _NO_END, seed, {})
    w, h = WINDOW
    options = {"batch_size": 2, "photo_width": w + 12, "photo_height": h + 12, "sketch_width": w, "sketch_height": h}
    options |= {"shift": 60, "xy_scale": 5.9}
    rate = RATE * math.prod(SKETCH_CROP) / (w * h)
    texts = {name: str(value) for name, value in options.items()}
    return Recipe(f"{NET}_paper", _NO_END, seed, texts, {"base_lr": f"{rate:.4g}"})


class Descent:
    """A training, update by update, that goes on from its last snapshot, or from one before it."""

    def __init__(self, setting: Setting, recipe: Recipe) -> None:
        self._setting, self._recipe = setting, recipe
        self._stem = net_path(setting, recipe).with_name(recipe.name)
        self._solver: Solver | None = None

    def losses(self, first: int, last: int) -> list[float]:
        """The losses of the updates first + 1 to last, each before it; DivergenceError if there is none."""
        if self._solver is None or self._solver.iter != first:
            self._solver = self._open(first)
        solver, found = self._solver, []
        for _ in range(first, last):
            solver.step(1)
            found.append(solver.loss)
        solver.snapshot()
        self._keep_only({first, last})
        return found

    def _open(self, update: int) -> Solver:
        made = definition(self._recipe, net_path(self._setting, self._recipe))
        made.options.snapshot_prefix = str(self._stem)
        solver = Solver(made, self._setting.context(made), keep_blobs=False)
        state = Path(f"{self._stem}_iter_{update}.solverstate.h5")
        if state.is_file():
            solver.restore(state)
        else:
            solver.step(update)
        return solver

    def _keep_only(self, updates: set[int]) -> None:
        """Delete older snapshots. The last but one stays: this one's results are not in the CSV yet."""
        kept = {f"{self._stem.name}_iter_{n}.{kind}.h5" for n in updates for kind in ("solverstate", "caffemodel")}
        for path in self._stem.parent.iterdir():
            if path.name.startswith(f"{self._stem.name}_iter_") and path.name not in kept:
                with suppress(OSError):
                    path.unlink()


def literal(setting: Setting) -> Experiment:
    """Plain gradient descent at 1e-11, weights of deviation 0.01: a few whole updates, then windows."""
    descents: dict[tuple[str, int], Descent] = {}

    def compute(cell: Cell) -> Mapping[str, Any]:
        images, seed = key = cell["images"], cell["seed"]
        if key not in descents:
            descents[key] = Descent(setting, recipe(images, seed))
        losses = descents[key].losses(cell["update"] - _step(images), cell["update"])
        pixels = math.prod(SKETCH_CROP if images == "whole" else WINDOW)
        return {"rmse": math.sqrt(np.mean(losses) / pixels)}

    runs = [("windows", seed, 2 * WINDOW_STEP if setting.quick else WINDOW_UPDATES) for seed in SEEDS]
    runs.insert(1, ("whole", 1, 2 if setting.quick else WHOLE_UPDATES))
    cells = [
        {"images": images, "seed": seed, "update": update, "recipe": recipe(images, seed).digest}
        for images, seed, last in (runs[:2] if setting.quick else runs)
        for update in range(_step(images), last + 1, _step(images))
    ]
    return Experiment("literal", ("images", "seed", "update", "recipe"), ("rmse",), cells, compute, _show_literal)


def _step(images: str) -> int:
    return 1 if images == "whole" else WINDOW_STEP


def plateau_end(updates: Sequence[int], rmses: Sequence[float]) -> int | None:
    """After how many updates the RMSE is less than half of what it began with; None if it never is."""
    return next((update for update, rmse in zip(updates, rmses, strict=True) if rmse < rmses[0] / 2), None)


def further_updates(updates: Sequence[int], rmses: Sequence[float], target: float) -> tuple[float, float]:
    """Between how many and how many updates after the plateau's end the target is reached, by a power law.

    The law is the least squares line of y = log RMSE over x = log updates since then, through the means of both; the
    bounds are those of its slope, two standard errors to either side, infinite where it does not fall.
    """
    end = plateau_end(updates, rmses)
    after = [(update - end, rmse) for update, rmse in zip(updates, rmses, strict=True) if end and update > end]
    if len(after) < 3:
        return 0.0, math.inf
    x, y = np.log(after).T
    x_mean, y_mean = x.mean(), y.mean()
    spread = ((x - x_mean) ** 2).sum()
    slope = ((x - x_mean) * (y - y_mean)).sum() / spread
    residuals = y - y_mean - slope * (x - x_mean)
    error = math.sqrt((residuals**2).sum() / (len(x) - 2) / spread)
    bounds = []
    for bound in (slope - 2 * error, slope + 2 * error):
        reached = x_mean + (math.log(target) - y_mean) / bound if bound < 0 else math.inf
        bounds.append(math.exp(reached) if reached < 700 else math.inf)
    return min(bounds), max(bounds)


def _show_literal(rows: Sequence[Row], folder: Path) -> Section:
    runs: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        runs.setdefault((row["images"], row["seed"]), []).append(row)
    lines, table = {}, []
    for (images, seed), found in runs.items():
        updates, rmses = [int(row["update"]) for row in found], [number(row, "rmse") for row in found]
        lines[f"{images}, seed {seed}"] = (updates, rmses, rmses, rmses)
        end = plateau_end(updates, rmses)
        cells: list[Any] = [images, seed, updates[-1], rmses[0], rmses[-1], end]
        if end:
            low, high = further_updates(updates, rmses, MPRL[NET][1])
            cells += [end * _K40_SECONDS / 3600, f"{low:.2g} to {high:.2g}"]
            cells.append(f"{(end + low) * _K40_SECONDS / 3600:.2g} to {(end + high) * _K40_SECONDS / 3600:.2g}")
        table.append(cells + [None] * (9 - len(cells)))
    header = ["images", "seed", "updates", "RMSE at first", "at last", "plateau ends", "K40 hours"]
    header += [f"more to RMSE {MPRL[NET][1]:g}", "K40 hours in all"]
    pictures = []
    if lines:
        path = f"{PICTURES}/literal.png"
        figures.curves(folder / path, lines, "update", "RMSE, training", log_x=True)
        pictures = [Picture(path, "Training error over the updates")]
    return Section("The literal recipe", _texts(), [Table(header, table)], pictures)


def _texts() -> list[str]:
    return [
        f"Gradient descent at {RATE:g} on sums over pixels, weights of standard deviation 0.01, raw pixels, the {NET} "
        "net. It draws black at first, and as the weights of all layers are small, so are all gradients but that of "
        "the last bias: for long the error stays where it is, while the weights grow ever faster.",
        f"An update by all pairs takes seconds on a CPU; the first {WHOLE_UPDATES} are measured. The whole way is that "
        f"of a stand-in: batches of two windows of {WINDOW[0]}x{WINDOW[1]} pixels, and a rate larger by as much as "
        "they are smaller, so that an update is on average the same. Its error is that of windows in training.",
        f"K40 hours: {_K40_SECONDS:.2f} s for an update by all {PAIRS} pairs, at the paper's {PAPER_MS[NET]:g} ms for "
        "a photo, three times that for learning from it. An estimate: the paper does not say how many pairs an update "
        "takes, and with fewer the same way is as much shorter in time. How many more updates the paper's error needs "
        "is a power law's word, fitted to the curve after the plateau, between two standard errors of its slope; that "
        "error is of windows in training, the paper's of whole images in the test.",
    ]
