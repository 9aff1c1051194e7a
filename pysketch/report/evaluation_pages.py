"""The report of tools/evaluate.py: a page with scores, curves, the drawn sketches and the confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pysketch.errors import counted
from pysketch.images import PHOTO_TO_SKETCH, SKETCH_TO_PHOTO, Pair, crop_centre, side_by_side, write_image
from pysketch.report import figures
from pysketch.report import pages as report
from pysketch.report.evaluation import CSV_HEADER, Evaluation, csv_rows
from pysketch.report.matches import PIXELS
from pysketch.report.pages import PICTURES, Picture, Section, Table, write_csv, write_page
from pysketch.report.verification import Verification

RANKS = (1, 3, 5, 10)
SCORES = ("method", "RMSE", "RMSE at .5", "RMSE at 2", "bias", "PSNR", "SSIM", *(f"rank {n}" for n in RANKS), "s/photo")
_EXTREMES = 5  # how many best and worst pairs are shown


class Words(NamedTuple):
    """What a direction's pictures are called: what is drawn from, what is drawn, and what that is compared with."""

    given: str
    drawn: str
    truth: str


WORDS = {
    PHOTO_TO_SKETCH: Words("photo", "sketch", "artist's sketch"),
    SKETCH_TO_PHOTO: Words("artist's sketch", "photo", "photo"),
}


def scores(evaluation: Evaluation) -> list[str | float]:
    """A method's means over all pairs, in the columns of SCORES: grey levels, decibels, percent, median seconds."""
    half, one, two = evaluation.rescaled_rmses.mean(axis=0).tolist()
    ranks = [evaluation.matched(n) for n in RANKS]
    seconds = float(np.median(evaluation.seconds))
    means = [float(each.mean()) for each in (evaluation.biases, evaluation.psnrs, evaluation.ssims)]
    return [evaluation.method, one, half, two, *means, *ranks, seconds]


def check_library() -> None:
    """DataError, before anything is computed, if what a report needs is not installed."""
    figures.library()
    report.library()


def write_pairs(
    path: Path, evaluations: Sequence[Evaluation], measured: Sequence[Mapping[str, Sequence[float]]] = ()
) -> None:
    """A CSV with every pair's scores, a line for each pair and method; folders that are missing are made.

    measured: of each evaluation further columns, the same ones, by their names (`measures.Measured.pairs`).
    """
    columns = [list(each.values()) for each in measured] or [[] for _ in evaluations]
    rows = [
        (*row, *(column[k] for column in more))
        for evaluation, more in zip(evaluations, columns, strict=True)
        for k, row in enumerate(csv_rows(evaluation))
    ]
    write_csv(path, (*CSV_HEADER, *(measured[0] if measured else ())), rows)


def write_report(
    folder: Path,
    evaluations: Sequence[Evaluation],
    pairs: Sequence[Pair],
    more: Sequence[Section] = (),
    direction: str = PHOTO_TO_SKETCH,
    measured: Sequence[Mapping[str, Sequence[float]]] = (),
    verified: Sequence[Verification] = (),
) -> Path:
    """Write folder/index.html, its pictures and pairs.csv; the first method's extremes are shown. Returns the page.

    more: sections that follow the scores. direction: what was drawn of what, for the words. measured: as `write_pairs`.
    verified: curves of true over false accepts, to stand beside the cumulative match score, and in roc.csv.
    """
    words, page = WORDS[direction], folder / "index.html"
    strips = [_strip(folder, evaluations, pair, k) for k, pair in enumerate(pairs)]
    sections = [_table(folder, evaluations, words, verified), *more, _by_pair(folder, evaluations)]
    sections.append(_extremes(evaluations, strips, words))
    sections += [_confusions(folder, evaluation, words) for evaluation in evaluations]
    sections.append(Section("All pairs", [_order(evaluations, words)], pictures=strips))
    write_pairs(folder / "pairs.csv", evaluations, measured)
    write_page(page, f"{', '.join(each.method for each in evaluations)}: {counted(len(pairs), 'pair')}", sections)
    return page


def _table(folder: Path, evaluations: Sequence[Evaluation], words: Words, verified: Sequence[Verification]) -> Section:
    first = evaluations[0]
    text = (
        f"All scores are of the centre {first.crop[0]}x{first.crop[1]} of a {words.drawn}. RMSE is on grey levels 0 to "
        "255, averaged over the pairs; at .5 and at 2 both pictures are rescaled (the paper's MPRL). bias is the mean "
        f"difference in grey levels: above 0, what is drawn is lighter than the {words.truth}. PSNR is in decibels. "
        f"Rank n: every {words.truth} is compared, by {first.match}, with all that was drawn; the share, in percent, "
        "whose own person is among the n nearest; who is equally near counts against us. s/photo is the median. Every "
        "pair is in pairs.csv."
    )
    highest = min(15, len(first.names))
    curve = {each.method: [each.matched(n) for n in range(1, highest + 1)] for each in evaluations}
    figures.cumulative_match(folder / PICTURES / "cms.png", curve)
    pictures = [Picture(f"{PICTURES}/cms.png", "Cumulative match score"), *_roc(folder, verified)]
    return Section("Scores", [text], [Table(SCORES, [scores(each) for each in evaluations])], pictures)


def _roc(folder: Path, verified: Sequence[Verification]) -> list[Picture]:
    """The curves of true over false accepts, in percent, as a figure and in roc.csv; none if nothing was verified."""
    if not verified:
        return []
    path, lines = f"{PICTURES}/roc.png", {each.method: tuple(100 * each.curve) for each in verified}
    figures.curves(folder / path, lines, "different people accepted, %", "own person accepted, %", log_x=True)
    rows = [(method, *point) for method, curve in lines.items() for point in zip(*curve, strict=True)]
    write_csv(folder / "roc.csv", ("method", "false_accepts", "true_accepts", "low", "high"), rows)
    return [Picture(path, "ROC: true over false accepts, in bands of what resamples of the people say")]


def _by_pair(folder: Path, evaluations: Sequence[Evaluation]) -> Section:
    """RMSE and bias over the pairs: where a run of neighbours stands out, another hand or scanner was at work."""
    path = f"{PICTURES}/by_pair.png"
    place = range(1, 1 + len(evaluations[0].names))
    panels = [
        figures.Panel("RMSE", {each.method: (place, each.rmses.tolist()) for each in evaluations}),
        figures.Panel("bias", {each.method: (place, each.biases.tolist()) for each in evaluations}),
    ]
    figures.stacked(folder / path, panels, "pair")
    text = (
        "RMSE and bias of every pair, in the order of their names. Neighbours that all stand out tell of a group of "
        "sketches from another artist, sitting or scanner than those learned from."
    )
    return Section("Pair by pair", [text], pictures=[Picture(path, "RMSE and bias, in grey levels")])


def _extremes(evaluations: Sequence[Evaluation], strips: Sequence[Picture], words: Words) -> Section:
    first = evaluations[0]
    order = np.argsort(first.rmses, kind="stable")
    count = min(_EXTREMES, len(order) // 2)
    chosen = [*order[:count], *order[len(order) - count :]]
    text = (
        f"By the RMSE of {first.method}: the {count} best pairs, then the {count} worst. {_order(evaluations, words)}"
    )
    return Section("Best and worst", [text], pictures=[strips[k] for k in chosen])


def _confusions(folder: Path, evaluation: Evaluation, words: Words) -> Section:
    """Every query whose own person is not the first: the query, the one wrongly ranked first, the true one."""
    names, ranks, by_pixels = evaluation.names, evaluation.ranks, evaluation.match == PIXELS
    distances, digits = (np.sqrt(evaluation.distances), 0) if by_pixels else (evaluation.distances, 3)
    wrong = [(k, names.index(first)) for k, first in enumerate(evaluation.first()) if names[k] != first]
    pictures = []
    for query, first in wrong:
        path = f"{PICTURES}/confused_{evaluation.method}_{query + 1:03d}.png"
        seen = evaluation.sketches[query], evaluation.drawn[first], evaluation.drawn[query]
        write_image(folder / path, side_by_side(*seen))
        caption = (
            f"query {names[query]}; ranked first {names[first]}, distance {distances[query, first]:.{digits}f}; "
            f"the true one, distance {distances[query, query]:.{digits}f}, has rank {ranks[query]}"
        )
        pictures.append(Picture(path, caption))
    what = "roots of the sum of squared differences of grey levels" if by_pixels else f"by {evaluation.match}"
    text = (
        f"{len(wrong)} of {len(names)} queries find another person first. From the left: the {words.truth} (the "
        f"query), the drawn {words.drawn} that is wrongly the nearest, the drawn {words.drawn} of the query's own "
        f"person. Distances are {what}."
    )
    return Section(f"Confusions of {evaluation.method}", [text], pictures=pictures)


def _order(evaluations: Sequence[Evaluation], words: Words) -> str:
    methods = ", ".join(each.method for each in evaluations)
    return f"From the left: the {words.given}, {methods}, the {words.truth}."


def _strip(folder: Path, evaluations: Sequence[Evaluation], pair: Pair, k: int) -> Picture:
    """A pair's photo, what each method drew of it, and the artist's sketch, in one picture."""
    path = f"{PICTURES}/pair_{k + 1:03d}.png"
    photo = crop_centre(pair.photo, *evaluations[0].crop)
    drawn = [each.drawn[k] for each in evaluations]
    write_image(folder / path, side_by_side(photo, *drawn, evaluations[0].sketches[k]))
    rmses = ", ".join(f"{each.method} {each.rmses[k]:.1f}" for each in evaluations)
    return Picture(path, f"{pair.name}: RMSE {rmses}")
