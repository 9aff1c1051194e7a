"""What evaluations tell beside the scores: matching, verification, measures, skins, backgrounds, a table each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pysketch.errors import counted
from pysketch.images import Pair, cumulative_match_score, own_ranks
from pysketch.report.evaluation import Evaluation
from pysketch.report.groups import Errors, error_rows, errors_below, limit
from pysketch.report.matches import MATCHES, inner_only, margins
from pysketch.report.meanings import BACKGROUND, GROUPS, MATCHING, SKIN, VERIFICATION
from pysketch.report.measures import Measured, Surroundings, explain, measure, measure_artists, measure_rows
from pysketch.report.methods import Bar, Method, no_bar
from pysketch.report.pages import Section, Table
from pysketch.report.table import Rows, aligned
from pysketch.report.varied import Trial, background_outcomes, outcome_rows, skin_outcome
from pysketch.report.verification import RATES, RESAMPLES, Verification, verify

Light = Callable[[Sequence[Pair]], Sequence[Pair]]
"""Gives pairs the light that they are to be seen in."""


class Told(NamedTuple):
    """A table twice: as lines for a terminal, the first one empty, and as a section of a report."""

    lines: list[str]
    section: Section


def tell_measures(
    names: Sequence[str],
    missing: Sequence[str],
    evaluations: Sequence[Evaluation],
    around: Surroundings,
    bar: Bar = no_bar,
) -> tuple[Told, list[Measured]]:
    """A line for each method and one for the artists; and what was measured of each method.

    names, missing: of `usable_measures`; the lines of what is missing stand above the table.
    """
    measured = []
    for each in evaluations:
        with bar(f"{each.method} is measured", "measure") as progress:
            measured.append(measure(each, around, names, progress))
    values = [(each.method, of.values) for each, of in zip(evaluations, measured, strict=True)]
    values.append(("artists", measure_artists(evaluations[0], around, names)))
    told = _told("Measures", " ".join([explain(names), *missing]), measure_rows(names, values), 1, missing)
    return told, measured


def tell_matching(
    evaluations: Sequence[Evaluation],
    names: Sequence[str] = tuple(MATCHES),
    inner: bool = False,
    crowds: Sequence[Sequence[np.ndarray]] = (),
) -> Told:
    """For each method a line for each of `names`, of MATCHES; if so wanted, lines for the inner face, and in a crowd.

    crowds: for each evaluation the drawn sketches of others, as large as its crop.
    """
    body = []
    for k, each in enumerate(evaluations):
        kinds = [("all", each.drawn, each.sketches)]
        if inner:
            kinds.append(("inner face", inner_only(each.drawn), inner_only(each.sketches)))
        if crowds:
            kinds.append((f"with {len(crowds[k]):,} others", [*each.drawn, *crowds[k]], each.sketches))
        for kind, drawn, sketches in kinds:
            for name in names:
                distances = MATCHES[name](drawn, sketches)
                ranks = own_ranks(distances)
                found = [f"{cumulative_match_score(ranks, n):.1f}" for n in (1, 5, 10)]
                margin = margins(distances).mean()
                body.append([each.method, name, kind, *found, "-" if np.isnan(margin) else f"{margin:.2f}"])
    heads = ["method", "compared by", "of", "rank 1", "rank 5", "rank 10", "margin"]
    return _told("Matching", MATCHING, [heads, *body], 3)


def tell_verification(
    evaluations: Sequence[Evaluation], seed: int = 0, resamples: int = RESAMPLES
) -> tuple[Told, list[Verification]]:
    """A line for each method: area under the curve, equal error rate, true accepts at RATES; and what was verified.

    seed, resamples: of the intervals.
    """
    verified = [verify(each, seed, resamples) for each in evaluations]
    heads = ["method", "area", "equal error", *(f"at {100 * rate:g} %" for rate in RATES)]
    body = [
        [
            each.method,
            each.area.told("{:.4f}"),
            each.equal_error_rate.told(),
            *(accepted.told() if accepted else "-" for accepted in map(each.true_accept_rates.get, RATES)),
        ]
        for each in verified
    ]
    first = verified[0]
    rests = f"{counted(first.people, 'comparison')} of one person, {first.impostors} of two, by {evaluations[0].match}."
    return _told("Verification", f"{VERIFICATION} {rests}", [heads, *body], 1, [rests]), verified


def tell_groups(
    methods: Sequence[Method],
    trials: Iterable[Trial],
    light: Light = list,
    bar: Bar = no_bar,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Told:
    """A line for each method and each of `group_trials`, of which the first one's distances are the measure for all.

    seed, resamples: of the intervals.
    """
    errors: dict[str, list[tuple[str, str, Errors]]] = {method.name: [] for method in methods}
    nearer: dict[str, float] = {}
    for trial in trials:
        for method in methods:
            distances = method.evaluate(light(trial.pairs), trial, bar).distances
            at = nearer.setdefault(method.name, limit(distances))
            errors[method.name].append((method.name, trial.label, errors_below(distances, at, seed, resamples)))
    rows = error_rows([each for of_method in errors.values() for each in of_method])
    by = f"By {methods[0].match}."
    return _told("Groups", f"{GROUPS} {by}", rows, 2, [by])


def tell_skins(methods: Sequence[Method], trials: Sequence[Trial], light: Light = list, bar: Bar = no_bar) -> Told:
    """A line for each method and each of `skin_trials`."""
    outcomes = [
        (method.name, skin_outcome(trial, method.evaluate(light(trial.pairs), trial, bar)))
        for method in methods
        for trial in trials
    ]
    by = _by(methods)
    return _told("Skin", f"{SKIN} {by}", outcome_rows(("skin", "drawn"), outcomes), 2, [by])


def tell_backgrounds(
    methods: Sequence[Method], trials: Sequence[Trial], light: Light = list, bar: Bar = no_bar
) -> Told:
    """A line for each method and each of `background_trials`."""
    outcomes = []
    for method in methods:
        scored = [method.evaluate(light(trial.pairs), trial, bar) for trial in trials]
        outcomes += [(method.name, outcome) for outcome in background_outcomes(trials, scored)]
    by = _by(methods)
    return _told("Background", f"{BACKGROUND} {by}", outcome_rows(("background", "behind"), outcomes), 2, [by])


def _by(methods: Sequence[Method]) -> str:
    """By what people are recognised, which is the same for all methods."""
    return f"Ranks by {methods[0].match}."


def _told(heading: str, text: str, rows: Rows, numbers_from: int, lines: Sequence[str] = ()) -> Told:
    return Told(["", *lines, *aligned(rows, numbers_from)], Section(heading, [text], [Table(rows[0], rows[1:])]))
