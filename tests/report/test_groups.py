"""Errors of groups against loops over people; one group's distance is the measure for all."""

import numpy as np
import pytest

from pysketch.report import groups
from pysketch.report.groups import Errors, error_rows, errors_below, group_trials, limit
from pysketch.report.verification import Estimate


def random_distances(people, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(2, 40, (people, people)) - np.eye(people) * 10


def test_below_the_limit_are_at_most_as_many_others_as_is_said():
    distances = random_distances(12, 0)
    others = distances[~np.eye(12, dtype=bool)]
    for rate in (0.01, 0.05, 0.3):
        nearer = limit(distances, rate)
        assert (others < nearer).mean() <= rate < (others <= nearer).mean()


def test_errors_are_what_loops_over_people_say():
    distances = random_distances(9, 1)
    found = errors_below(distances, 12, resamples=2)
    everybody = range(9)
    wrong = [any(distances[a][b] <= distances[a][a] for b in everybody if b != a) for a in everybody]
    taken = [distances[a][b] < 12 for a in everybody for b in everybody if a != b]
    refused = [distances[a][a] >= 12 for a in everybody]
    assert [each.value for each in found] == [np.mean(wrong), np.mean(taken), np.mean(refused)]
    assert 0 < found.others.value < 1


def test_intervals_are_those_of_people_drawn_anew_who_are_not_their_own_impostors():
    distances = random_distances(7, 2)
    found = errors_below(distances, 15, seed=3, resamples=200)
    rng, taken, refused = np.random.default_rng(3), [], []
    while len(taken) < 200:
        drawn = rng.integers(7, size=7)
        if len(set(drawn)) > 1:
            taken.append(np.mean([distances[a][b] < 15 for a in drawn for b in drawn if a != b]))
            refused.append(np.mean([distances[a][a] >= 15 for a in drawn]))
    assert found.others[1:] == pytest.approx(np.percentile(taken, (2.5, 97.5)))
    assert found.own[1:] == pytest.approx(np.percentile(refused, (2.5, 97.5)))


def test_where_nobody_is_mistaken_so_few_people_vouch_for_little():
    found = errors_below(9 - 9 * np.eye(10), 1, resamples=5)
    assert found.not_first == found.own == pytest.approx((0, 0, 1 - 0.025 ** (1 / 10)))
    assert found.others == pytest.approx((0, 0, 1 - 0.025 ** (1 / 5)))


def test_a_group_is_the_same_people_but_for_what_they_have_in_common(monkeypatch):
    asked = []
    monkeypatch.setattr(groups, "synthetic_pairs", lambda **changes: asked.append(changes) or [])
    trials = group_trials(5)
    assert asked == []
    assert [trial.label for trial in trials] == list(groups.GROUPS)
    assert asked == [{"n": 5, **changes} for changes in groups.GROUPS.values()]
    assert asked[0] == {"n": 5}
    assert {key for changes in asked for key in changes} == {"n", "skin", "hair", "hair_style", "glasses"}


def test_the_table_is_in_percent():
    share = Estimate(0.125, 0.05, 0.3)
    assert error_rows([("net", "round", Errors(share, share, share))])[1] == ["net", "round", *["12.5 (5.0-30.0)"] * 3]
