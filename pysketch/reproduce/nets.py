"""Figures 3 to 6, for tools/reproduce.py: samples, the number of training pairs, the nets, the coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.benchmark import NETS
from pysketch.images import crop_centre
from pysketch.report import PICTURES, SKETCH_CROP, Picture, Section, Table, figures
from pysketch.reproduce.child import TONE, tone
from pysketch.reproduce.paper import MPRL, PAIRS, RANK1_BY_PAIRS, RANKS
from pysketch.reproduce.runner import Cell, Experiment, Row, number
from pysketch.reproduce.tables import OURS, net_digest, net_file
from pysketch.reproduce.training import SCORES, Recipe, Setting, net_path, score, scores, trained_scores

STRONG = "3e8"
"""The regularizer's weight where it is "on": with the paper's 1e4 it changes nothing (see `regularizer`)."""

NET, BATCH, ITERATIONS, SEEDS = "small", 2, 240, (1, 2, 3)
"""Figure 4's trainings: the small net (four times cheaper than the medium), batches of two pairs, of which the
regularizer needs at least two, and as many updates as fit 54 trainings into an hour on two cores."""

XY_NET, XY_ITERATIONS, XY_SEEDS = "medium", 500, (1, 2)
"""Figure 6's trainings, with batches of one."""

ADAM = {"base_lr": "0.001", "momentum2": "0.999"}
"""Fields of the trainings of figures 4 and 6 and of the regularizer, whatever the shipped nets' solver files say."""

STEADY = {"light": "0", "colour": "0"}
"""Options of the same trainings: the photos' light stays as it is, as its change is of use in long ones only."""

_SAMPLES = 4
_FIG3 = (OURS, "mrf", "mrf_plus", "svr", "sns_sre")


def recipe(pairs: int, alpha: str, seed: int, iterations: int) -> Recipe:
    """A training of Figure 4: on `pairs` pairs, chosen by the seed, with the regularizer's weight alpha."""
    options = {"batch_size": str(min(BATCH, pairs)), "pairs": str(pairs), "choose": '"random"', "alpha": alpha}
    return Recipe(NET, iterations, seed, options | STEADY, ADAM)


def fig3(setting: Setting) -> Experiment:
    """Samples of what the methods of Table 1 have drawn; nothing is computed here."""

    def show(rows: Sequence[Row], folder: Path) -> Section:
        files = {method: folder / "drawn" / f"{method}.npz" for method in _FIG3}
        there = {method: _read_drawn(path) for method, path in files.items() if path.is_file()}
        absent = [method for method in files if method not in there]
        texts = [f"Missing until table1 has drawn them: {', '.join(absent)}."] if absent else []
        return Section("Figure 3: samples", texts, pictures=_samples(setting, folder, "fig3.png", there))

    return Experiment("fig3", ("sample",), (), [], lambda cell: {}, show)


def fig4(setting: Setting) -> Experiment:
    """Rank 1 and RMSE over the number of training pairs, with and without the regularizer."""

    def made(cell: Cell) -> Recipe:
        return recipe(cell["pairs"], cell["alpha"], cell["seed"], setting.iterations(ITERATIONS))

    def compute(cell: Cell) -> Mapping[str, Any]:
        return trained_scores(setting, made(cell))

    cells = [
        {"pairs": pairs, "alpha": alpha, "seed": seed} for seed in SEEDS for pairs in PAIRS for alpha in ("0", STRONG)
    ]
    cells = [cell for cell in cells if not setting.quick or (cell["pairs"] in (1, 5) and cell["seed"] < 3)]
    cells = [{**cell, "recipe": made(cell).digest} for cell in cells]
    return Experiment("fig4", ("pairs", "alpha", "seed", "recipe"), SCORES, cells, compute, _show_fig4)


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
    texts = [
        f"The {NET} net, {ITERATIONS} updates by batches of {BATCH}; a seed chooses the pairs and the first weights, "
        f"and is the same with and without the regularizer. With the regularizer means alpha = {STRONG}, lambda = 1e9: "
        "the paper's 1e4 changes nothing that can be measured, see the section on the regularizer. With one pair "
        "there is no other person to be told from, and both are the same training.",
        *_regularizer_change(rows),
    ]
    header = ["", "training pairs", "score", "seeds", "mean", "lowest", "highest"]
    return Section("Figure 4: the number of training pairs", texts, [Table(header, table)], pictures)


def _regularizer_change(rows: Sequence[Row]) -> list[str]:
    """How often the regularizer helps: trainings of equal pairs and seed compared, those with one pair left out."""
    found = {(row["pairs"], row["seed"], row["alpha"]): row for row in rows if int(row["pairs"]) > 1}
    strong = {key[:2]: row for key, row in found.items() if key[2] == STRONG}
    both = [(row, strong[key[:2]]) for key, row in found.items() if key[2] == "0" and key[:2] in strong]
    if not both:
        return []
    texts = []
    for column, label in (("rank1", "rank 1"), ("rmse", "RMSE")):
        changes = np.array([number(with_it, column) - number(without, column) for without, with_it in both])
        up, down = int((changes > 0).sum()), int((changes < 0).sum())
        texts.append(f"{label} is higher in {up} and lower in {down} of {len(both)}, {changes.mean():+.2f} on average")
    return [f"With the regularizer beside without it, same pairs and seed: {'; '.join(texts)}."]


def fig5(setting: Setting) -> Experiment:
    """MPRL of the four shipped nets."""

    def compute(cell: Cell) -> Mapping[str, Any]:
        found = score(setting, net_file(cell["net"]), setting.test_pairs())
        return scores(found) | tone(found)

    def show(rows: Sequence[Row], folder: Path) -> Section:
        missing = [net for net in NETS if not net_file(net).is_file()]
        drawn = {row["net"]: _draw(setting, net_file(row["net"])) for row in rows}
        pictures = _mprl(folder, "fig5.png", {row["net"]: row for row in rows}, MPRL)
        pictures += _samples(setting, folder, "fig5_samples.png", drawn)
        texts = ["MPRL: the RMSE of the pair rescaled by 0.5, 1 and 2, averaged over the test pairs.", *_tone(rows)]
        texts += [f"No net file, so no row: {', '.join(missing)}."] if missing else []
        return Section("Figure 5: the nets", texts, [_score_table(rows, "net", MPRL)], pictures)

    cells = [{"net": net, "file": net_digest(net)} for net in NETS if net_file(net).is_file()]
    return Experiment("fig5", ("net", "file"), (*SCORES, *TONE), cells, compute, show)


def _tone(rows: Sequence[Row]) -> list[str]:
    """By how much each net draws lighter than the artists, and what its RMSE would be without that."""
    each = [f"{row['net']} by {number(row, TONE[0]):+.1f}, without it {number(row, TONE[1]):.2f}" for row in rows]
    text = "Grey levels by which the nets draw lighter than the artists, and the RMSE without this one number"
    return [f"{text}: {'; '.join(each)}."] if each else []


def fig6(setting: Setting) -> Experiment:
    """With and without the coordinates X and Y."""

    def made(cell: Cell) -> Recipe:
        options = {"batch_size": "1", "xy": cell["xy"]}
        return Recipe(XY_NET, setting.iterations(XY_ITERATIONS), int(cell["seed"]), options | STEADY, ADAM)

    def show(rows: Sequence[Row], folder: Path) -> Section:
        names = {"false": "without XY", "true": "with XY"}
        means = {name: _mean_row([row for row in rows if row["xy"] == xy]) for xy, name in names.items()}
        means = {name: row for name, row in means.items() if row}
        nets = {row["xy"]: net_path(setting, made(row)) for row in rows if int(row["seed"]) == XY_SEEDS[0]}
        drawn = {names[xy]: _draw(setting, path) for xy, path in nets.items() if path.is_file()}
        pictures = _mprl(folder, "fig6.png", means, {}) + _samples(setting, folder, "fig6_samples.png", drawn)
        text = f"The {XY_NET} net, {XY_ITERATIONS} updates by single pairs; the bars are means over the seeds."
        return Section(
            "Figure 6: the coordinates", [text, *_xy_change(rows)], [_score_table(rows, "xy", {}, ("seed",))], pictures
        )

    def compute(cell: Cell) -> Mapping[str, Any]:
        return trained_scores(setting, made(cell))

    cells = [{"xy": xy, "seed": seed} for seed in XY_SEEDS for xy in ("true", "false")]
    cells = [{**cell, "recipe": made(cell).digest} for cell in cells[: 2 if setting.quick else None]]
    return Experiment("fig6", ("xy", "seed", "recipe"), SCORES, cells, compute, show)


def _xy_change(rows: Sequence[Row]) -> list[str]:
    """What leaving out X and Y changes, seed by seed."""
    mprl = {(row["xy"], row["seed"]): np.mean([number(row, name) for name in SCORES[:3]]) for row in rows}
    changes = [
        mprl["false", seed] - value for (xy, seed), value in mprl.items() if xy == "true" and ("false", seed) in mprl
    ]
    if not changes:
        return []
    each = ", ".join(f"{change:+.2f}" for change in changes)
    return [f"Without X and Y the MPRL, averaged over the scales, changes by {each} (one number for each seed)."]


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


def _samples(setting: Setting, folder: Path, name: str, drawn: Mapping[str, Sequence[np.ndarray]]) -> list[Picture]:
    """A sheet: photo, what each method drew of the chosen test persons, the artist's sketch."""
    if not drawn:
        return []
    pairs = _chosen(setting.test_pairs())
    rows = []
    for pair, *crops in zip(pairs, *drawn.values(), strict=True):
        photo, sketch = (crop_centre(image, *SKETCH_CROP) for image in (pair.photo, pair.sketch))
        rows.append([photo, *crops, sketch])
    columns = ["photo", *drawn, "artist"]
    figures.sheet(folder / PICTURES / name, rows, [pair.name for pair in pairs], columns)
    return [Picture(f"{PICTURES}/{name}", ", ".join(columns))]


def _chosen(persons: Sequence[Any]) -> list[Any]:
    """A few of the test persons, spread over the set; the same for every sheet."""
    return [persons[k] for k in np.linspace(0, len(persons) - 1, _SAMPLES).astype(int)]


def _read_drawn(path: Path) -> list[np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return _chosen(file["drawn"])


def _draw(setting: Setting, path: Path) -> list[np.ndarray]:
    return score(setting, path, _chosen(setting.test_pairs())).drawn
