"""The tables of other skins and backgrounds: which lines they have, and that levels are measured where they say."""

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.pairs import Pair
from pysketch.images.variation.parts import find_parts
from pysketch.report import varied
from pysketch.report.evaluation import evaluate

SHAPE = (250, 200)


def test_there_is_a_line_for_each_tone_that_is_asked_for_and_all_are_ten(monkeypatch):
    monkeypatch.setattr(varied, "synthetic_in_tone", lambda tone: [tone])
    found = varied.skin_trials([], "synthetic", ["3", "10"])
    assert [(each.label, each.pairs) for each in found] == [("3", [3]), ("10", [10])]
    assert [each.label for each in varied.skin_trials([], "synthetic", ["all"])] == [str(n) for n in range(1, 11)]


def test_all_backgrounds_are_those_with_names_after_the_screen_itself(monkeypatch):
    monkeypatch.setattr(varied, "with_screen", lambda pairs, source: [])
    labels = [each.label for each in varied.background_trials([], "folder", ["all"])]
    assert labels == ["screen", "black", "brown", "grey", "white", "stripes", "noise"]


@pytest.mark.parametrize("tone", ["0", "11", "dark", "1.5"])
def test_an_unknown_tone_is_one_line(tone):
    with pytest.raises(DataError, match=rf'^unknown skin tone "{tone}": expected a Monk tone from 1 .* to 10'):
        varied.skin_trials([], "synthetic", ["1", tone])


def test_a_photo_without_a_screen_has_no_tone():
    grey = Pair("grey", np.full((*SHAPE, 3), 99, np.uint8), np.full(SHAPE, 99, np.uint8))
    with pytest.raises(DataError, match="none of the 1 photos has a blue screen"):
        varied.skin_trials([grey], "a folder", ["1"])


def test_levels_are_those_of_the_skin_and_of_what_was_behind_the_person(few_faces):
    """A method that draws the artist's sketch, with the screen's place, or the skin's, in another tone."""
    trials = varied.background_trials([], "synthetic", ["black"])
    screens = [find_parts(pair.photo, pair.sketch).screen > 0.9 for pair in trials[0].pairs]
    drawings = iter([np.where(where, 40, pair.sketch) for pair, where in zip(trials[1].pairs, screens, strict=True)])
    scored = [
        evaluate("m", lambda photo: np.full(SHAPE, 7), trials[0].pairs),
        evaluate("m", lambda photo: next(drawings), trials[1].pairs),
    ]
    plain, black = varied.background_outcomes(trials, scored)
    assert (plain.label, plain.level, black.label, black.level) == ("screen", 7, "black", 40)
    assert plain.inner_rmse > 100 > 1 > black.inner_rmse
    assert (plain.rank_1, black.rank_1) == (0, 100)
    grey = np.where(varied.skin_places(SHAPE), 99, 255)
    assert varied.skin_outcome(trials[0], evaluate("m", lambda photo: grey, trials[0].pairs)).level == 99


def test_the_table_has_a_line_for_each_outcome():
    outcomes = [("net", varied.Outcome("10", 96.4, 116.654, 100)), ("other", varied.Outcome("1", 250, 3, 0))]
    assert varied.outcome_rows(("skin", "drawn"), outcomes) == [
        ["method", "skin", "drawn", "inner RMSE", "rank 1"],
        ["net", "10", "96", "116.65", "100.0"],
        ["other", "1", "250", "3.00", "0.0"],
    ]
