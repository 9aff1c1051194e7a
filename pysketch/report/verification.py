"""Same person or not: how often a distance accepts the right person, and how often a wrong one.

Identification asks "who of these is it", verification "is it him". A threshold T on the distance answers: accepted is
whoever is at most as far as T. A comparison of a query with its own person is genuine, one with another person an
impostor's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pysketch.errors import DataError
from pysketch.report.evaluation import Evaluation
from pysketch.report.meanings import CONFIDENCE

RATES = (0.01, 0.001)
"""The false-accept rates at which the share of true accepts is told."""
RESAMPLES = 1000
"""How often the people are drawn anew for an interval."""

_POINTS = 60  # of the curve, at most


class Estimate(NamedTuple):
    """A share, 0 to 1, and the ends of its interval; an end is NaN where nothing can be said."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, resampled: Sequence[float], trials: int) -> Estimate:
        """The interval holds CONFIDENCE of what resamples say.

        Of a share of 0 or 1 no resample differs. There the other end is Clopper and Pearson's (Biometrika 26, 1934):
        the rate at which so many independent trials without an error, or without a success, are as unlikely as what
        lies beyond an interval's end.
        """
        _, low, high = interval(value, resampled)
        surely = ((1 - CONFIDENCE) / 2) ** (1 / trials)
        return cls(value, min(low, surely) if value == 1 else low, max(high, 1 - surely) if value == 0 else high)

    def told(self, form: str = "{:.1%}") -> str:
        """As text, "97.0 (93.5-99.2)"; in percent without a sign, unless form says otherwise."""
        value, low, high = (form.format(each).rstrip("%") for each in self)
        return value if np.isnan(self.low) else f"{value} ({low}-{high})"


@dataclass(frozen=True)
class Roc:
    """The curve of true over false accepts, from a threshold below all distances to one above them.

    false, true: (K,) integers that grow: how many impostors, and how many genuine ones, are accepted at the threshold
    of each point. The first are 0, the last are all. Equal distances are accepted together, at one point.
    """

    false: np.ndarray
    true: np.ndarray

    @property
    def area(self) -> float:
        """The area under the curve, its points joined by straight lines.

        That is the chance that a genuine distance is smaller than an impostor's, where a tie counts half (Mann and
        Whitney's statistic over the number of all such pairs of comparisons).
        """
        x, y = self._shares()
        return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))

    @property
    def equal_error_rate(self) -> float:
        """The error where as large a share of impostors is accepted as of genuine ones is refused.

        Read off the straight line between the two points where the one overtakes the other: seldom does a threshold
        give both alike.
        """
        x, y = self._shares()
        excess = x - (1 - y)
        after = int(np.argmax(excess >= 0))
        before = after - 1
        along = excess[before] / (excess[before] - excess[after])
        return float(x[before] + along * (x[after] - x[before]))

    def true_accept_rates(self, rates: np.ndarray) -> np.ndarray:
        """The share of genuine ones accepted at the largest threshold that accepts at most these shares of impostors.

        As NIST reads its curves (Face Recognition Vendor Test, part 1: a false match is a score at the threshold or
        beyond it): impostors as near as the threshold are false accepts, all of them, and nothing is interpolated.
        """
        allowed = np.floor(np.asarray(rates) * self.false[-1] * (1 + 1e-12))
        return self.true[np.searchsorted(self.false, allowed, side="right") - 1] / self.true[-1]

    def _shares(self) -> tuple[np.ndarray, np.ndarray]:
        return self.false / self.false[-1], self.true / self.true[-1]


class Comparisons:
    """All comparisons of N people with each other, sorted once: curves of them, and of resamples of the people.

    distances: (N, N), query by drawn sketch, genuine on the diagonal. DataError if there is nobody to confuse.
    """

    def __init__(self, distances: np.ndarray) -> None:
        if len(distances) < 2:
            raise DataError(f"verification compares different people: expected two or more, found {len(distances)}")
        order = np.argsort(distances, axis=None, kind="stable")
        ordered = np.ravel(distances)[order]
        self.people = len(distances)
        self._query, self._drawn = np.divmod(order, self.people)
        self._own = self._query == self._drawn
        self._last = np.flatnonzero(np.append(ordered[1:] > ordered[:-1], True))  # of those as near as each other

    @property
    def impostors(self) -> int:
        """How many comparisons are of different people."""
        return self.people * (self.people - 1)

    def roc(self, times: np.ndarray | None = None) -> Roc:
        """The curve where person k is there times[k] times, an integer; once each if nothing is said.

        A person's copies are compared with other people's copies, each with each, and with their own sketch once
        each. They are never compared with one another: that would make a person his own impostor.
        """
        if times is None:
            times = np.ones(self.people, np.int64)
        query, drawn = times[self._query], times[self._drawn]
        false, true = (
            np.concatenate([[0], np.cumsum(counts)[self._last]])
            for counts in (np.where(self._own, 0, query * drawn), np.where(self._own, query, 0))
        )
        return Roc(false, true)

    def resamples(self, count: int, rng: np.random.Generator) -> list[Roc]:
        """Curves of N people drawn with replacement, `count` times.

        The bootstrap over people and not over comparisons, which are no independent draws: a person who is like
        many spoils many comparisons at once (Bolle, Ratha, Pankanti, "Error analysis of pattern recognition systems:
        the subsets bootstrap", CVIU 93(1), 2004).
        """
        return [self.roc(times) for times in resampled_people(self.people, count, rng)]


def resampled_people(people: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, people) int64: how often each is there when so many are drawn with replacement, two or more of them."""
    found: list[np.ndarray] = []
    while len(found) < count:
        times = np.bincount(rng.integers(people, size=people), minlength=people)
        if times.max() < people:
            found.append(times)
    return np.stack(found)


@dataclass(frozen=True)
class Verification:
    """How well a method tells whether two sketches are of one person.

    method: its name; people, impostors: how many people, and how many comparisons of different ones, it rests on;
    area, equal_error_rate: of `Roc`; true_accept_rates: at each of RATES, None where no comparison of so few is that
    share; curve: (4, K), the points of a figure: shares of false accepts, of true ones, the ends of the latter's
    intervals; pairs: columns of a table of the pairs, by their names: the distance of the query to its own drawn
    sketch, and the share of all impostors that are as near.
    """

    method: str
    people: int
    impostors: int
    area: Estimate
    equal_error_rate: Estimate
    true_accept_rates: dict[float, Estimate | None]
    curve: np.ndarray
    pairs: dict[str, list[float]]


def verify(evaluation: Evaluation, seed: int = 0, resamples: int = RESAMPLES) -> Verification:
    """Verify every query against every drawn sketch; the intervals are of resamples of the people."""
    distances = evaluation.distances
    comparisons = Comparisons(distances)
    whole, drawn_anew = comparisons.roc(), comparisons.resamples(resamples, np.random.default_rng(seed))
    people, impostors = comparisons.people, comparisons.impostors

    area = Estimate(*interval(whole.area, [each.area for each in drawn_anew]))
    equal = Estimate.of(whole.equal_error_rate, [each.equal_error_rate for each in drawn_anew], people)
    rates = np.array(RATES)
    accepted = np.stack([each.true_accept_rates(rates) for each in drawn_anew])
    told = zip(RATES, whole.true_accept_rates(rates).tolist(), accepted.T, strict=True)
    shares = np.unique(np.rint(np.geomspace(1, impostors, _POINTS))) / impostors
    band = interval(whole.true_accept_rates(shares), [each.true_accept_rates(shares) for each in drawn_anew])
    own = np.diagonal(distances)
    as_near = np.searchsorted(np.sort(distances[~np.eye(people, dtype=bool)]), own, side="right") / impostors
    return Verification(
        evaluation.method,
        people,
        impostors,
        area if area.value < 1 else Estimate(1.0, np.nan, np.nan),
        equal,
        {rate: Estimate.of(value, each, people) if rate * impostors >= 1 else None for rate, value, each in told},
        np.stack([shares, *band]),
        {"own_distance": own.tolist(), "false_accept_rate": as_near.tolist()},
    )


def interval(value: float | np.ndarray, resampled: Sequence[float] | Sequence[np.ndarray]) -> np.ndarray:
    """(3, ...): the value, and the ends of the interval that holds CONFIDENCE of what the resamples say."""
    beyond = 50 * (1 - CONFIDENCE)
    return np.stack([value, *np.percentile(resampled, (beyond, 100 - beyond), axis=0)])
