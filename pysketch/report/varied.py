"""Test pairs with one thing changed, the light, the place, the skin, the background, and what a method makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pysketch.errors import DataError
from pysketch.images import (
    BACKGROUNDS,
    SYNTHETIC,
    Pair,
    align,
    before_background,
    crop_centre,
    find_background,
    find_eyes,
    find_parts,
    in_other_light,
    in_tone,
    inner_face,
    rmse,
    skin_places,
    synthetic_in_tone,
    warp,
    with_screen,
)
from pysketch.report.evaluation import Evaluation
from pysketch.report.table import Rows

ALL = "all"
TONES = range(1, 11)


@dataclass(frozen=True)
class Trial:
    """One line: its name and the pairs with their photos so changed."""

    label: str
    pairs: list[Pair]


@dataclass(frozen=True)
class Outcome:
    """What a method scored in a trial, grey levels 0..255: the mean level that it drew where the table says, the inner
    face's RMSE to the artist's sketch, rank 1 in percent."""

    label: str
    level: float
    inner_rmse: float
    rank_1: float


def in_light(pairs: Sequence[Pair], light: Sequence[float] | None, seed: int) -> Sequence[Pair]:
    """The pairs with their photos in other light by chance, as `in_other_light` says; None: as they are.

    light: its deviations light and colour. The same seed gives the same light.
    """
    if not light:
        return pairs
    rng = np.random.default_rng(seed)
    return [replace(pair, photo=in_other_light(pair.photo, rng, *light)) for pair in pairs]


def with_moved_sketches(pairs: Sequence[Pair], moves: Sequence[float] | None, seed: int) -> Sequence[Pair]:
    """The pairs with their sketches out of place by chance, as if their eyes had been marked badly; None: as they are.

    moves: deviations of a shift across and down, in pixels, of a turn, in degrees, and of the ln of a size; about the
    picture's middle, the border continued. The same seed gives the same.
    """
    if not moves:
        return pairs
    rng = np.random.default_rng(seed)
    return [replace(pair, sketch=_misplaced(pair.sketch, moves, rng)) for pair in pairs]


def brought_back(pairs: Sequence[Pair], moves: Sequence[float], seed: int) -> tuple[list[Pair], list[str]]:
    """The pairs with photos and sketches out of place by chance, then aligned by the eyes that are found in them.

    moves, seed: as of `with_moved_sketches`. Returned beside them: the names of those left out, in whose photo or
    sketch not one face is found. DataError if eyes cannot be found here, or in nobody.
    """
    rng = np.random.default_rng(seed)
    found, lost = [], []
    for pair in pairs:
        pictures = [_misplaced(each, moves, rng) for each in (pair.photo, pair.sketch)]
        faces = [find_eyes(each) for each in pictures]
        if any(len(each) != 1 for each in faces):
            lost.append(pair.name)
            continue
        photo, sketch = (align(picture, eyes[0]) for picture, eyes in zip(pictures, faces, strict=True))
        found.append(replace(pair, photo=photo, sketch=sketch))
    if not found:
        raise DataError(f"of {len(pairs)} pairs moved so far there is none with one face in its photo and its sketch")
    return found, lost


def _misplaced(picture: np.ndarray, moves: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    shift, turn, size = moves
    height, width = picture.shape[:2]
    angle, scale = np.radians(rng.normal(0, turn)), np.exp(rng.normal(0, size))
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    middle = np.array([width - 1, height - 1]) / 2
    offset = middle - linear @ (middle + rng.normal(0, shift, 2))
    return warp(picture, np.column_stack([linear, offset]), (width, height))


def skin_trials(pairs: Sequence[Pair], source: str, tones: Sequence[str]) -> list[Trial]:
    """The pairs in each of these Monk tones, "1" to "10", or "all"; DataError if a tone is unknown."""
    for tone in tones:
        if tone not in (ALL, *map(str, TONES)):
            raise DataError(f'unknown skin tone "{tone}": expected a Monk tone from 1 (light) to 10 (dark), or {ALL}')
    chosen = TONES if ALL in tones else [int(tone) for tone in tones]
    if source == SYNTHETIC:
        return [Trial(str(tone), synthetic_in_tone(tone)) for tone in chosen]
    studio = with_screen(pairs, source)
    return [Trial(str(tone), [in_tone(*each, tone) for each in studio]) for tone in chosen]


def background_trials(pairs: Sequence[Pair], source: str, names: Sequence[str]) -> list[Trial]:
    """The pairs before the blue screen, then before each of these backgrounds: BACKGROUNDS, files, or "all"."""
    chosen = BACKGROUNDS if ALL in names else names
    pictures = [find_background(name) for name in chosen]
    studio = with_screen(pairs, source)
    trials = [Trial("screen", [pair for pair, _ in studio])]
    for name, picture in zip(chosen, pictures, strict=True):
        trials.append(Trial(name, [before_background(*each, picture) for each in studio]))
    return trials


def skin_outcome(trial: Trial, scored: Evaluation) -> Outcome:
    """The level is that of forehead and cheeks: paper white is 255, whatever the skin."""
    places = crop_centre(skin_places(trial.pairs[0].photo.shape), *scored.crop)
    return _outcome(trial, scored, [drawn[places].mean() for drawn in scored.drawn])


def background_outcomes(trials: Sequence[Trial], scored: Sequence[Evaluation]) -> list[Outcome]:
    """Of `background_trials`; the level is that behind the person, where the screen was: paper white is 255."""
    behind = [
        crop_centre(find_parts(pair.photo, pair.sketch).screen, *scored[0].crop) > 0.99 for pair in trials[0].pairs
    ]
    return [
        _outcome(trial, each, [drawn[where].mean() for drawn, where in zip(each.drawn, behind, strict=True)])
        for trial, each in zip(trials, scored, strict=True)
    ]


def outcome_rows(heads: tuple[str, str], outcomes: Sequence[tuple[str, Outcome]]) -> Rows:
    """The cells of the table; heads: of the trials' names and of the level. A method and its outcome each."""
    body = [
        [method, each.label, f"{each.level:.0f}", f"{each.inner_rmse:.2f}", f"{each.rank_1:.1f}"]
        for method, each in outcomes
    ]
    return [["method", *heads, "inner RMSE", "rank 1"], *body]


def _outcome(trial: Trial, scored: Evaluation, levels: Sequence[float]) -> Outcome:
    inner = crop_centre(inner_face(trial.pairs[0].photo.shape), *scored.crop)
    errors = [rmse(drawn[inner], sketch[inner]) for drawn, sketch in zip(scored.drawn, scored.sketches, strict=True)]
    return Outcome(trial.label, float(np.mean(levels)), float(np.mean(errors)), scored.matched(1))
