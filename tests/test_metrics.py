"""Scores on pictures small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pysketch.metrics import cumulative_match_score, own_ranks, rmse


def picture(*values):
    return np.array([values], np.uint8)


def test_rmse_is_the_root_of_the_mean_squared_difference():
    assert rmse(picture(10, 20, 30, 40), picture(13, 16, 30, 40)) == pytest.approx(np.sqrt((9 + 16) / 4))


def test_rmse_does_not_wrap_around_where_uint8_would():
    assert rmse(picture(0), picture(255)) == 255
    assert rmse(picture(255), picture(0)) == 255


def test_rmse_keeps_parts_of_grey_levels():
    assert rmse(np.float32([[10.5]]), picture(10)) == 0.5


def test_the_rank_counts_who_is_as_near_as_the_own_person():
    sketches = [picture(0, 0), picture(10, 0), picture(30, 0)]
    drawn = [picture(1, 0), picture(28, 0), picture(25, 0)]
    # from sketch 0: 1, 28, 25; from sketch 1: 9, 18, 15; from sketch 2: 29, 2, 5
    assert own_ranks(drawn, sketches).tolist() == [1, 3, 2]


def test_a_tie_counts_against_us():
    same = [picture(7, 7)] * 3
    assert own_ranks(same, same).tolist() == [3, 3, 3]


def test_queries_are_the_sketches_and_not_the_drawn():
    sketches = [picture(0), picture(100)]
    drawn = [picture(90), picture(110)]  # both are nearest to sketch 1; of the drawn, 90 is nearest to both
    assert own_ranks(drawn, sketches).tolist() == [1, 2]


def test_pictures_keep_all_their_pixels():
    sketches = [np.zeros((2, 3), np.uint8), np.eye(2, 3, dtype=np.uint8) * 200]
    assert own_ranks(sketches, sketches).tolist() == [1, 1]
    assert own_ranks(sketches[::-1], sketches).tolist() == [2, 2]


@pytest.mark.parametrize(("n", "score"), [(1, 25), (2, 75), (3, 75), (4, 75), (5, 100)])
def test_the_cumulative_match_score_is_the_share_within_the_first_n_in_percent(n, score):
    assert cumulative_match_score(np.array([2, 1, 5, 2]), n) == score
