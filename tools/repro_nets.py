"""Figures 3 to 6, for tools/reproduce.py: samples, the number of training pairs, the nets, the coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench_growth import NETS
from repro_paper import MPRL, PAIRS, RANK1_BY_PAIRS, RANKS
from repro_runner import Cell, Experiment, Row, number
from repro_tables import OURS, net_file
from repro_training import SCORES, Recipe, Setting, score, scores, train, trained_scores

from pysketch import figures
from pysketch.evaluation import SKETCH_CROP
from pysketch.preprocessing import crop_centre
from pysketch.report import PICTURES, Picture, Section, Table

STRONG = "3e8"
"""The regularizer's weight where it is "on": with the paper's 1e4 it changes nothing (see `regularizer`)."""

NET, BATCH, ITERATIONS, SEEDS = "small", 2, 240, (1, 2, 3)
"""Figure 4's trainings: the small net (four times cheaper than the medium), batches of two pairs, of which the
regularizer needs at least two, and as many updates as fit 54 trainings into an hour on two cores."""

XY_NET, XY_ITERATIONS, XY_SEEDS = "medium", 500, (1, 2)
"""Figure 6's trainings, with batches of one."""

_SAMPLES = 4
_FIG3 = (OURS, "mrf", "mrf_plus", "svr", "sns_sre")


def recipe(pairs: int, alpha: str, seed: int, iterations: int) -> Recipe:
    """A training of Figure 4: on `pairs` pairs, chosen by the seed, with the regularizer's weight alpha."""
    options = {"batch_size": str(min(BATCH, pairs)), "pairs": str(pairs), "choose": '"random"', "alpha": alpha}
    return Recipe(NET, iterations, seed, options)


def fig3(setting: Setting) -> Experiment:
    """Samples of what the methods of Table 1 have drawn; nothing is computed here."""

    def show(rows: Sequence[Row], folder: Path) -> Section:
        files = {method: folder / "drawn" / f"{method}.npz" for method in _FIG3}
        there = {method: _drawn(path) for method, path in files.items() if path.is_file()}
        texts = [] if len(there) == len(files) else ["Missing until table1 has drawn them: "]
        texts = [text + ", ".join(method for method in files if method not in there) for text in texts]
        return Section("Figure 3: samples", texts, pictures=_samples(setting, folder, "fig3.png", there))

    return Experiment("fig3", ("sample",), (), [], lambda cell: {}, show)


def fig4(setting: Setting) -> Experiment:
    """Rank 1 and RMSE over the number of training pairs, with and without the regularizer."""

    def compute(cell: Cell) -> Mapping[str, Any]:
        made = recipe(cell["pairs"], cell["alpha"], cell["seed"], setting.iterations(ITERATIONS))
        return trained_scores(setting, made)

    cells = [
        {"pairs": pairs, "alpha": alpha, "seed": seed} for seed in SEEDS for pairs in PAIRS for alpha in ("0", STRONG)
    ]
    cells = [cell for cell in cells if not setting.quick or (cell["pairs"] in (1, 5) and cell["seed"] < 3)]
    return Experiment("fig4", ("pairs", "alpha", "seed"), SCORES, cells, compute, _show_fig4)


def _show_fig4(rows: Sequence[Row], folder: Path) -> Section:
    names = {"0": "without the regularizer", STRONG: f"with it, alpha = {STRONG}"}
    table, pictures = [], []
    for column, label in (("rank1", "rank 1, %"), ("rmse", "RMSE")):
        lines = {}
        for alpha, name in names.items():
            found = [row for row in rows if row["alpha"] == alpha]
            points = [(pairs, [number(row, column) for row in found if int(row["pairs"]) == pairs]) for pairs in PAIRS]
            points = [(pairs, values) for pairs, values in points if values]
            if points:
                columns = [(x, np.mean(v), min(v), max(v)) for x, v in points]
                lines[name] = tuple(zip(*columns, strict=True))
                table += [[name, x, label, len(v), np.mean(v), min(v), max(v)] for x, v in points]
        if lines:
            printed = {"the paper's text": RANK1_BY_PAIRS} if column == "rank1" else {}
            path = f"{PICTURES}/fig4_{column}.png"
            figures.curves(folder / path, lines, "training pairs", label, log_x=True, printed=printed)
            pictures.append(Picture(path, f"{label}: mean, lowest and highest of the seeds"))
    text = (
        f"The {NET} net, {ITERATIONS} updates by batches of {BATCH}; a seed chooses the pairs and the first weights, "
        f"and is the same with and without the regularizer. With the regularizer means alpha = {STRONG}, lambda = 1e9: "
        "the paper's 1e4 changes nothing that can be measured, see the section on the regularizer. With one pair "
        "there is no other person to be told from, and both are the same training."
    )
    header = ["", "training pairs", "score", "seeds", "mean", "lowest", "highest"]
    return Section("Figure 4: the number of training pairs", [text], [Table(header, table)], pictures)


def fig5(setting: Setting) -> Experiment:
    """MPRL of the four shipped nets."""

    def compute(cell: Cell) -> Mapping[str, Any]:
        return scores(score(setting, net_file(cell["net"]), setting.test_pairs()))

    def show(rows: Sequence[Row], folder: Path) -> Section:
        missing = [net for net in NETS if not net_file(net).is_file()]
        drawn = {row["net"]: _draw(setting, net_file(row["net"])) for row in rows}
        pictures = _mprl(folder, "fig5.png", {row["net"]: row for row in rows}, MPRL)
        pictures += _samples(setting, folder, "fig5_samples.png", drawn)
        texts = ["MPRL: the RMSE of the pair rescaled by 0.5, 1 and 2, averaged over the test pairs."]
        texts += [f"No net file, so no row: {', '.join(missing)}."] if missing else []
        return Section("Figure 5: the nets", texts, [_score_table(rows, "net", MPRL)], pictures)

    cells = [{"net": net} for net in NETS if net_file(net).is_file()]
    return Experiment("fig5", ("net",), SCORES, cells, compute, show)


def fig6(setting: Setting) -> Experiment:
    """With and without the coordinates X and Y."""

    def made(cell: Cell) -> Recipe:
        options = {"batch_size": "1", "xy": cell["xy"]}
        return Recipe(XY_NET, setting.iterations(XY_ITERATIONS), int(cell["seed"]), options)

    def show(rows: Sequence[Row], folder: Path) -> Section:
        names = {"false": "without XY", "true": "with XY"}
        means = {name: _mean_row([row for row in rows if row["xy"] == xy]) for xy, name in names.items()}
        means = {name: row for name, row in means.items() if row}
        first = [row for row in rows if int(row["seed"]) == XY_SEEDS[0]]
        drawn = {names[row["xy"]]: _draw(setting, train(setting, made(row))) for row in first}
        pictures = _mprl(folder, "fig6.png", means, {}) + _samples(setting, folder, "fig6_samples.png", drawn)
        text = f"The {XY_NET} net, {XY_ITERATIONS} updates by single pairs; the bars are means over the seeds."
        return Section("Figure 6: the coordinates", [text], [_score_table(rows, "xy", {}, ("seed",))], pictures)

    def compute(cell: Cell) -> Mapping[str, Any]:
        return trained_scores(setting, made(cell))

    cells = [{"xy": xy, "seed": seed} for seed in XY_SEEDS for xy in ("true", "false")]
    cells = cells[: 2 if setting.quick else None]
    return Experiment("fig6", ("xy", "seed"), SCORES, cells, compute, show)


def _mean_row(rows: Sequence[Row]) -> Row:
    return {name: str(np.mean([number(row, name) for row in rows])) for name in SCORES} if rows else {}


def _score_table(
    rows: Sequence[Row], key: str, printed: Mapping[str, Sequence[float]], more: Sequence[str] = ()
) -> Table:
    header = [key, *more, "MPRL at .5", "1", "2", *(["the paper's"] if printed else []), "PSNR", "SSIM"]
    header += [f"rank {n}" for n in RANKS]
    lines = []
    for row in rows:
        values = [number(row, name) for name in ("rmse_0.5", "rmse", "rmse_2")]
        paper = [" / ".join(map(str, printed[row[key]]))] if printed else []
        rest = [number(row, name) for name in ("psnr", "ssim", *(f"rank{n}" for n in RANKS))]
        lines.append([row[key], *(row[name] for name in more), *values, *paper, *rest])
    return Table(header, lines)


def _mprl(folder: Path, name: str, rows: Mapping[str, Row], printed: Mapping[str, Sequence[float]]) -> list[Picture]:
    """Bars of MPRL at the three scales, for each row, ours and the paper's."""
    if not rows:
        return []
    groups = {}
    for label, row in rows.items():
        for k, (column, scale) in enumerate((("rmse_0.5", "0.5"), ("rmse", "1"), ("rmse_2", "2"))):
            group = {"ours": number(row, column)}
            if label in printed:
                group["the paper's"] = printed[label][k]
            groups[f"{label}\n{scale}"] = group
    figures.bars(folder / PICTURES / name, groups, "MPRL", lowest=25)
    return [Picture(f"{PICTURES}/{name}", "MPRL at the scales 0.5, 1 and 2")]


def _samples(setting: Setting, folder: Path, name: str, drawn: Mapping[str, np.ndarray]) -> list[Picture]:
    """A sheet: photo, what each method drew, the artist's sketch, of a few test persons spread over the set."""
    if not drawn:
        return []
    pairs = setting.test_pairs()
    chosen = np.linspace(0, len(pairs) - 1, _SAMPLES).astype(int)
    rows = []
    for k in chosen:
        photo, sketch = (crop_centre(image, *SKETCH_CROP) for image in (pairs[k].photo, pairs[k].sketch))
        rows.append([photo, *(crops[k] for crops in drawn.values()), sketch])
    columns = ["photo", *drawn, "artist"]
    figures.sheet(folder / PICTURES / name, rows, [pairs[k].name for k in chosen], columns)
    return [Picture(f"{PICTURES}/{name}", ", ".join(columns))]


def _drawn(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as file:
        return file["drawn"]


def _draw(setting: Setting, path: Path) -> np.ndarray:
    return np.stack(score(setting, path, setting.test_pairs()).drawn)
