"""Verification against loops over all comparisons, and where people are drawn anew."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.report.evaluation import Evaluation
from pysketch.report.verification import RATES, Comparisons, verify


def evaluation(distances):
    """A method with these distances, query by drawn sketch."""
    names = [f"p{number}" for number in range(len(distances))]
    made = Evaluation("m", (1, 1), names, [], [], [0.5] * len(distances))
    vars(made)["distances"] = np.asarray(distances, float)
    return made


def random_distances(people, levels, seed):
    """Whole numbers, so few that many are alike; one's own tend to be smaller."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, levels, (people, people)) - np.eye(people, dtype=int) * levels // 3).astype(float)


class Naive:
    """All that a curve says, of people as a list of indices in which one may stand twice: loops, and no roundings."""

    def __init__(self, distances, people):
        self.own = [distances[each][each] for each in people]
        self.others = [distances[query][drawn] for query in people for drawn in people if query != drawn]

    def accepted(self, threshold):
        """(share of impostors, share of genuine ones) at most so far."""
        return tuple(Fraction(sum(d <= threshold for d in all), len(all)) for all in (self.others, self.own))

    def area(self):
        wins = sum((own < other) + Fraction(own == other, 2) for own in self.own for other in self.others)
        return float(Fraction(wins, len(self.own) * len(self.others)))

    def points(self):
        return [(Fraction(0), Fraction(0)), *(self.accepted(t) for t in sorted({*self.own, *self.others}))]

    def equal_error_rate(self):
        points = self.points()
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            if x1 >= 1 - y1:
                return float(x0 + (x1 - x0) * (1 - y0 - x0) / (x1 - x0 + y1 - y0))
        raise AssertionError("at the last point all are accepted")

    def true_accept_rate(self, rate):
        return float(max(true for false, true in self.points() if false <= rate))


@pytest.mark.parametrize(("people", "levels"), [(2, 3), (5, 4), (7, 1000), (6, 1)])
def test_a_curve_is_what_loops_over_all_comparisons_say_ties_and_all(people, levels):
    for seed in range(3):
        distances = random_distances(people, levels, seed)
        comparisons, rng = Comparisons(distances), np.random.default_rng(seed)
        for drawn in (np.arange(people), rng.integers(people, size=people)):
            if len(set(drawn)) == 1:
                continue
            roc = comparisons.roc(np.bincount(drawn, minlength=people))
            naive = Naive(distances.tolist(), drawn.tolist())
            assert roc.area == pytest.approx(naive.area(), abs=1e-12)
            assert roc.equal_error_rate == pytest.approx(naive.equal_error_rate(), abs=1e-12)
            rates = [Fraction(1, 1000), Fraction(1, 100), Fraction(1, len(naive.others)), Fraction(1, 3), Fraction(1)]
            expected = [naive.true_accept_rate(rate) for rate in rates]
            np.testing.assert_allclose(roc.true_accept_rates(np.array(rates, float)), expected, rtol=1e-12)


def test_an_impostor_as_near_as_the_threshold_is_a_false_accept():
    roc = Comparisons(np.array([[3.0, 3.0], [9.0, 1.0]])).roc()
    assert roc.false.tolist() == [0, 0, 1, 2]
    assert roc.true.tolist() == [0, 1, 2, 2]
    assert roc.true_accept_rates(np.array([0.49, 0.5])).tolist() == [0.5, 1]


def test_where_all_are_as_near_as_each_other_nothing_is_known():
    roc = Comparisons(np.zeros((4, 4))).roc()
    assert (roc.area, roc.equal_error_rate) == (0.5, 0.5)
    assert roc.true_accept_rates(np.array([0.5, 1])).tolist() == [0, 1]


def test_a_person_who_is_drawn_twice_is_not_his_own_impostor():
    distances = np.full((3, 3), 5.0) - 5 * np.eye(3)
    roc = Comparisons(distances).roc(np.array([2, 1, 0]))
    assert roc.true.tolist() == [0, 3, 3]
    assert roc.false.tolist() == [0, 0, 2 * 1 * 2]
    assert roc.equal_error_rate == 0


def test_resamples_have_as_many_people_and_never_but_one():
    curves = Comparisons(random_distances(2, 9, 0)).resamples(40, np.random.default_rng(0))
    assert len(curves) == 40
    assert {(curve.true[-1], curve.false[-1]) for curve in curves} == {(2, 2)}


def test_an_interval_holds_the_value_and_the_seed_decides_its_ends():
    distances = evaluation(random_distances(30, 1000, 4))
    found = verify(distances, 0, 40)
    for each in (found.area, found.equal_error_rate, found.true_accept_rates[0.01]):
        assert each.low < each.value < each.high
    assert verify(distances, 0, 40).area == found.area
    assert verify(distances, 1, 40).area != found.area


@pytest.mark.slow
def test_an_interval_is_as_wide_as_different_samples_of_people_differ():
    """One quality of each person moves all of his comparisons: resampled comparisons would not see it."""
    rng = np.random.default_rng(0)

    def sample():
        alike = rng.standard_normal(40)
        distances = 2 * alike[:, None] + 2 * alike + rng.standard_normal((40, 40)) + 5
        np.fill_diagonal(distances, rng.standard_normal(40) + 2)
        return evaluation(distances)

    spread = np.std([Comparisons(sample().distances).roc().area for _ in range(200)])
    widths = [(found.high - found.low) / 3.92 for found in (verify(sample(), 0, 100).area for _ in range(8))]
    assert np.mean(widths) == pytest.approx(spread, rel=0.25)


def test_who_never_errs_is_vouched_for_as_far_as_so_many_people_can():
    distances = evaluation(1 - np.eye(40))
    found = verify(distances, 0, 20)
    assert found.true_accept_rates[0.01] == pytest.approx((1, 0.025 ** (1 / 40), 1))
    assert found.equal_error_rate == pytest.approx((0, 0, 1 - 0.025 ** (1 / 40)))
    assert found.area[0] == 1
    assert np.isnan(found.area[1:]).all()


def test_a_rate_that_is_less_than_one_comparison_is_not_told():
    found = [verify(evaluation(1 - np.eye(people)), 0, 2) for people in (10, 11, 32, 33)]
    assert [[each.true_accept_rates[rate] is None for rate in RATES] for each in found] == [
        [True, True],
        [False, True],
        [False, True],
        [False, False],
    ]
    assert [each.impostors for each in found] == [90, 110, 992, 1056]


def test_every_pair_has_its_distance_and_the_share_of_impostors_that_are_as_near():
    found = verify(evaluation([[2, 3, 4], [2, 5, 6], [9, 9, 1]]), 0, 2)
    assert found.pairs == {"own_distance": [2, 5, 1], "false_accept_rate": [1 / 6, 3 / 6, 0]}


def test_the_curve_of_a_figure_goes_from_one_false_accept_to_all():
    false, true, low, high = verify(evaluation(random_distances(9, 50, 2)), 0, 50).curve
    np.testing.assert_allclose(false[[0, -1]], [1 / 72, 1])
    assert (np.diff(false) > 0).all()
    assert (np.diff(true) >= 0).all()
    assert (low <= high).all()
    assert true[-1] == low[-1] == 1


def test_one_person_alone_cannot_be_confused():
    with pytest.raises(DataError, match="verification compares different people: expected two or more, found 1"):
        verify(evaluation([[0.0]]))
