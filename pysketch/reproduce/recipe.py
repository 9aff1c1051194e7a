"""How the recipe of the shipped nets was chosen, on held out training pairs, for tools/reproduce.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.netdef import Phase
from pysketch.report import Section, Table
from pysketch.reproduce.runner import Cell, Experiment, Row, number
from pysketch.reproduce.training import SCORES, Recipe, Setting, pairs_of, score, scores, train

NET, HELD_OUT, SEED = "small", 18, 1
"""The net that recipes are tried on, how many of the training pairs are held out, and the seed."""

_OPTIONS, _FIELDS = ("batch_size", "mirror", "shift", "light", "colour"), ("base_lr", "momentum2")
_KEYS = ("held_out", "updates", *_OPTIONS, *_FIELDS)
_TRIED = (
    ("random", 600, 4, "true", 3, 0, 0, 0.001, 0.999),
    ("random", 1200, 2, "true", 3, 0, 0, 0.001, 0.999),
    ("random", 2400, 1, "true", 3, 0, 0, 0.001, 0.999),
    ("random", 2400, 1, "true", 0, 0, 0, 0.001, 0.999),
    ("random", 2400, 1, "false", 3, 0, 0, 0.001, 0.999),
    ("random", 4000, 1, "true", 3, 0, 0, 0.001, 0.999),
    ("unusual", 2400, 1, "true", 3, 0, 0, 0.001, 0.999),
    ("unusual", 2400, 1, "true", 0, 0, 0, 0.001, 0.999),
    ("unusual", 2400, 1, "false", 3, 0, 0, 0.001, 0.999),
    ("unusual", 2400, 1, "true", 3, 0, 0, 0.003, 0.999),
    ("unusual", 2400, 1, "true", 3, 0, 0, 0.001, 0.99),
    ("unusual", 2400, 1, "true", 3, 0, 0, 0.003, 0.99),
    ("unusual", 4000, 1, "true", 3, 0, 0, 0.001, 0.999),
    ("unusual", 8000, 1, "true", 3, 0, 0, 0.001, 0.999),
    ("unusual", 8000, 1, "true", 3, 0, 0, 0.001, 0.99),
    ("unusual", 8000, 1, "true", 3, 0.1, 0.03, 0.001, 0.999),
)
"""The recipes, each a row in the columns of _KEYS."""


def recipe(setting: Setting) -> Experiment:
    """Small nets that learn from 70 of the 88 training pairs by different recipes, scored on the other 18."""
    held_out = 2 if setting.quick else HELD_OUT

    def made(cell: Cell) -> Recipe:
        options = {"hold_out": str(held_out), "held_out": f'"{cell["held_out"]}"'}
        options |= {name: str(cell[name]) for name in _OPTIONS}
        fields = {name: str(cell[name]) for name in _FIELDS}
        return Recipe(NET, setting.iterations(int(cell["updates"])), SEED, options, fields)

    def compute(cell: Cell) -> Mapping[str, Any]:
        path = train(setting, made(cell))
        learned, held = (pairs_of(setting, made(cell), phase) for phase in (Phase.TRAIN, Phase.TEST))
        fitted = float(score(setting, path, learned).rmses.mean())
        return {"learned_rmse": fitted, **scores(score(setting, path, held))}

    cells: list[Cell] = [dict(zip(_KEYS, each, strict=True)) for each in _TRIED]
    cells = [{**cell, "recipe": made(cell).digest} for cell in (cells[::6] if setting.quick else cells)]
    return Experiment("recipe", (*_KEYS, "recipe"), ("learned_rmse", *SCORES), cells, compute, _show)


def _show(rows: Sequence[Row], folder: Path) -> Section:
    lines = [[*(row[key] for key in _KEYS), *(number(row, name) for name in ("learned_rmse", "rmse"))] for row in rows]
    header = ["held out", "updates", "pairs in a batch", "mirrored", "shifted by", "light", "colour", "rate"]
    header += ["momentum2", "RMSE of those learned", "RMSE of those held out"]
    texts = [
        f"The {NET} net learns from the training pairs but {HELD_OUT}, one seed, and is scored on these; no test pair "
        "has a part in it. random: the seed chooses them. unusual: those whose photos are the least like any other.",
        *_best(rows),
    ]
    return Section("The recipe", texts, [Table(header, lines)])


def _best(rows: Sequence[Row]) -> list[str]:
    """For each way of holding out: the lowest and the highest RMSE, and by what recipe."""
    texts = []
    for way in dict.fromkeys(row["held_out"] for row in rows):
        found = [row for row in rows if row["held_out"] == way]
        order = np.argsort([number(row, "rmse") for row in found], kind="stable")
        low, high = found[order[0]], found[order[-1]]
        if len(found) > 1:
            texts.append(
                f"{way}: from {number(low, 'rmse'):.2f} ({_words(low)}) to {number(high, 'rmse'):.2f} ({_words(high)})."
            )
    return texts


def _words(row: Row) -> str:
    mirrored = "mirrored" if row["mirror"] == "true" else "not mirrored"
    pairs = f"{row['updates']} updates by batches of {row['batch_size']}, {mirrored}, shifts up to {row['shift']}"
    light = f"light changed by {row['light']} and {row['colour']}"
    return f"{pairs}, {light}, rate {row['base_lr']}, momentum2 {row['momentum2']}"
