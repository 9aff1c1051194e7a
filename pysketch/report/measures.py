"""How a method's sketches measure up to the artist's beyond pixel by pixel: a column of a table for each measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pysketch.baselines import Progress, silent
from pysketch.errors import DataError
from pysketch.images import Pair, crop_centre, cumulative_match_score, measures, own_ranks
from pysketch.report.evaluation import Evaluation
from pysketch.report.meanings import MEASURED
from pysketch.report.table import Rows

Describe = Callable[[Sequence[np.ndarray]], np.ndarray]
"""N pictures -> (N, D)."""


class Surroundings:
    """What drawn sketches are compared with: the photos, the artists' sketches, and those of other people.

    pairs: those that were drawn; training: others, by the same artists, whose sketches stand in the gallery as
    distractors, unless they are among the pairs' too. All are cropped to their centre, `crop` (width, height). What
    describes them is computed once.
    """

    def __init__(self, pairs: Sequence[Pair], training: Sequence[Pair], crop: tuple[int, int]) -> None:
        own = {pair.sketch.tobytes() for pair in pairs}
        self._training = [pair for pair in training if pair.sketch.tobytes() not in own]
        self._pairs, self._crop = pairs, crop
        self._described: dict[Describe, np.ndarray] = {}

    def gallery(self, describe: Describe) -> np.ndarray:
        """(N + M, D): the artists' sketches, first those of the pairs, then the distractors."""
        if describe not in self._described:
            sketches = [crop_centre(pair.sketch, *self._crop) for pair in (*self._pairs, *self._training)]
            self._described[describe] = describe(sketches)
        return self._described[describe]

    @cached_property
    def faces(self) -> np.ndarray:
        """(N, 128): dlib's descriptors of the photos."""
        return measures.face_descriptors([pair.photo for pair in self._pairs])


Each = Callable[[Evaluation, Surroundings], list[float]]
"""A measure of every pair, in the pairs' order."""

Whole = Callable[[Evaluation, list[float]], float]
"""A method's value, of all that it drew or of what `Each` says."""


def _mean(_: Evaluation, each: list[float]) -> float:
    return float(np.mean(each))


@dataclass(frozen=True)
class Measure:
    """A column: its head, what it means, how a value is written, how it is measured.

    each: of every pair, None if a pair alone tells nothing; whole: of the method. column: what the pairs' own values
    are called in a CSV file. of_artists: whether the artists' own value tells anything; else it is 0, 1 or 100.
    distractors: whether it takes other people's sketches. check: DataError if a library is missing.
    """

    head: str
    meaning: str
    form: str
    each: Each | None = None
    whole: Whole = _mean
    column: str = ""
    of_artists: bool = False
    distractors: bool = False
    check: Callable[[], None] = lambda: None


class Measured(NamedTuple):
    """What measures say of a method: a value for each name, and a column of every pair's values where there is one."""

    values: list[float]
    pairs: dict[str, list[float]]


def _of_pairs(measure: Callable[[np.ndarray, np.ndarray], float]) -> Each:
    return lambda scored, _: [float(measure(*images)) for images in zip(scored.drawn, scored.sketches, strict=True)]


def _of_sets(measure: Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float]) -> Whole:
    """Of all that was drawn and all that the artists drew."""
    return lambda scored, _: measure(scored.drawn, scored.sketches)


def _ranks(describe: Describe, distances: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Each:
    """Drawn sketches search the artists' sketches, the distractors among them: at which rank each finds its person.

    The other way round, artists' sketches as queries, distractors from the artists' hands in a gallery of drawn ones
    are told apart by the hand alone: on the CUHK students the shipped medium net has 1 and 0 percent then.
    """
    return lambda scored, around: own_ranks(distances(describe(scored.drawn), around.gallery(describe))).tolist()


def _face_ranks(scored: Evaluation, around: Surroundings) -> list[float]:
    """Drawn sketches search the photos."""
    return own_ranks(measures.euclidean(measures.face_descriptors(scored.drawn), around.faces)).tolist()


def _rank_1(_: Evaluation, ranks: list[float]) -> float:
    return cumulative_match_score(np.array(ranks), 1)


MEASURES = {
    "fsim": Measure(
        *MEASURED["fsim"],
        ".3f",
        _of_pairs(measures.fsim),
        column="fsim",
    ),
    "scoot": Measure(
        *MEASURED["scoot"],
        ".3f",
        _of_pairs(measures.scoot),
        column="scoot",
        check=measures.check_scikit_image,
    ),
    "gradient": Measure(
        *MEASURED["gradient"],
        ".2f",
        _of_pairs(lambda drawn, sketch: measures.gradient_ratio([drawn], [sketch])),
        _of_sets(measures.gradient_ratio),
        column="gradient",
    ),
    "fine": Measure(
        *MEASURED["fine"],
        ".2f",
        _of_pairs(lambda drawn, sketch: measures.fine_ratio([drawn], [sketch])),
        _of_sets(measures.fine_ratio),
        column="fine",
    ),
    "dark": Measure(
        *MEASURED["dark"],
        ".1f",
        _of_pairs(lambda drawn, _: 100 * measures.dark_share([drawn])),
        column="dark",
        of_artists=True,
    ),
    "texture": Measure(
        *MEASURED["texture"],
        ".1f",
        whole=_of_sets(measures.texture_distance),
        check=measures.check_scikit_image,
    ),
    "hog": Measure(
        *MEASURED["hog"],
        ".0f",
        _ranks(measures.hog_descriptors, measures.euclidean),
        _rank_1,
        column="hog_rank",
        distractors=True,
        check=measures.check_scikit_image,
    ),
    "lbp": Measure(
        *MEASURED["lbp"],
        ".0f",
        _ranks(measures.lbp_descriptors, measures.chi_squared),
        _rank_1,
        column="lbp_rank",
        distractors=True,
        check=measures.check_scikit_image,
    ),
    "face": Measure(
        *MEASURED["face"],
        ".0f",
        _face_ranks,
        _rank_1,
        column="face_rank",
        of_artists=True,
        check=measures.check_dlib,
    ),
}
"""What can be asked for, by name, in the order of the columns."""


def usable_measures(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of the names whose libraries are installed, in the order of MEASURES; and a line for each that is not."""
    usable, missing = [], []
    for name in (name for name in MEASURES if name in names):
        try:
            MEASURES[name].check()
            usable.append(name)
        except DataError as error:
            missing.append(f"{MEASURES[name].head} is left out: {error}")
    return usable, missing


def measure(
    evaluation: Evaluation, around: Surroundings, names: Sequence[str], progress: Progress = silent
) -> Measured:
    """A method's values, in the order of the names, and every pair's."""
    values: list[float] = []
    pairs: dict[str, list[float]] = {}
    for done, name in enumerate(names, 1):
        wanted = MEASURES[name]
        each = wanted.each(evaluation, around) if wanted.each else []
        if wanted.each:
            pairs[wanted.column] = each
        values.append(wanted.whole(evaluation, each))
        progress(done, len(names))
    return Measured(values, pairs)


def measure_artists(evaluation: Evaluation, around: Surroundings, names: Sequence[str]) -> list[float]:
    """The artists' own values, in the order of the names; NaN where they tell nothing."""
    own = replace(evaluation, drawn=evaluation.sketches)
    return [measure(own, around, [name]).values[0] if MEASURES[name].of_artists else math.nan for name in names]


def measure_rows(names: Sequence[str], values: Sequence[tuple[str, Sequence[float]]]) -> Rows:
    """The cells of the table: the heads, then a method and its values each, "-" for NaN."""
    forms = [MEASURES[name].form for name in names]
    body = [
        [method, *("-" if math.isnan(value) else f"{value:{form}}" for value, form in zip(row, forms, strict=True))]
        for method, row in values
    ]
    return [["method", *(MEASURES[name].head for name in names)], *body]


def explain(names: Sequence[str]) -> str:
    """What the columns mean, in a sentence each."""
    return " ".join(f"{MEASURES[name].head}: {MEASURES[name].meaning}." for name in names)
