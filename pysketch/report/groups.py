"""Who is taken for somebody else, and who is not found, by skin, hair and glasses: made people, the same in each group.

How often a search errs is no one number: where all of a group have something in common, they are more like each other,
and their drawn sketches may be worse. Vendor tests look at it alike (Grother, Ngan, Hanaoka, "Face recognition vendor
test, part 3: demographic effects", NISTIR 8280, 2019): one distance for all, the rates of each group at that distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from pysketch.images import MONK_TONES, own_ranks, synthetic_pairs
from pysketch.report.meanings import RATE
from pysketch.report.table import Rows
from pysketch.report.varied import Trial
from pysketch.report.verification import RESAMPLES, Estimate, resampled_people

_MIXED = "as they come"
_HAIRS = {"black": (26, 22, 24), "brown": (92, 58, 36), "blond": (190, 148, 92), "white": (230, 228, 224)}
_STYLES = ("receding", "curly", "long", "fringe")

GROUPS: dict[str, dict[str, Any]] = {
    _MIXED: {},
    **{f"skin {tone}": {"skin": tuple(MONK_TONES[tone - 1].tolist())} for tone in (1, 4, 7, 10)},
    **{f"{name} hair": {"hair": colour} for name, colour in _HAIRS.items()},
    **{f"{style} hair": {"hair_style": style} for style in _STYLES},
    **{f"glasses: {kind}": {"glasses": kind} for kind in ("none", "round", "square")},
}
"""What all people of a group have in common, as parameters of a synthetic face; the first group is as chance has it."""


class Errors(NamedTuple):
    """What goes wrong in a group, shares from 0 to 1.

    not_first: of the queries, those that do not find their own person first among the group; others: of different
    people in the group, those that are taken for one at the distance that is the limit for all; own: of own persons,
    those refused there.
    """

    not_first: Estimate
    others: Estimate
    own: Estimate


def group_trials(people: int) -> Iterator[Trial]:
    """So many made people in each of GROUPS, the same ones but for what the group has in common, in the photo and in
    the artist's sketch; made one group after the other."""
    for name, changes in GROUPS.items():
        yield Trial(name, synthetic_pairs(n=people, **changes))


def limit(distances: np.ndarray, rate: float = RATE) -> float:
    """The distance below which at most this share of (N, N) different people are; one's own are on the diagonal."""
    others = np.sort(distances[~np.eye(len(distances), dtype=bool)])
    return float(others[int(rate * len(others) * (1 + 1e-12))])


def errors_below(distances: np.ndarray, limit: float, seed: int = 0, resamples: int = RESAMPLES) -> Errors:
    """What goes wrong among N people, (N, N), query by drawn sketch, if whoever is nearer than the limit is accepted.

    Intervals are of resamples of the people, who are never their own impostors. Where no two are taken for each other
    the other end is that of N / 2 pairs of people who have nobody in common.
    """
    people = len(distances)
    times = resampled_people(people, resamples, np.random.default_rng(seed))
    accepted, same = distances < limit, np.eye(people, dtype=bool)
    taken = accepted & ~same
    pairs = people**2 - (times**2).sum(axis=1)
    others = ((times @ taken) * times).sum(axis=1) / pairs
    refused, behind = ~accepted[same], own_ranks(distances) > 1
    return Errors(
        Estimate.of(float(behind.mean()), times @ behind / people, people),
        Estimate.of(float(taken.sum() / (people * (people - 1))), others, people // 2),
        Estimate.of(float(refused.mean()), times @ refused / people, people),
    )


def error_rows(errors: Sequence[tuple[str, str, Errors]]) -> Rows:
    """The cells of the table, in percent; a method, a group and its errors each."""
    head = ["method", "group", "not first", "others taken for one", "own refused"]
    return [head, *([method, group, *(share.told() for share in each)] for method, group, each in errors)]
