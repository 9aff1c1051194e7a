"""The tables of other skins and backgrounds: which lines they have, and that levels are measured where they say."""

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic
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


@pytest.fixture(scope="module")
def two_pairs():
    return [Pair(*values) for values in synthetic.test_pairs(2)]


def test_sketches_out_of_place_are_as_far_as_said_and_photos_stay(two_pairs):
    assert varied.with_moved_sketches(two_pairs, None, 0) is two_pairs
    moved = varied.with_moved_sketches(two_pairs, (1.5, 1.5, 0.02), 0)
    for before, after in zip(two_pairs, moved, strict=True):
        assert after.photo is before.photo
        assert (after.sketch.shape, after.sketch.dtype) == (before.sketch.shape, np.uint8)
        assert 0 < np.abs(after.sketch.astype(int) - before.sketch).mean() < 40
    again, other = (varied.with_moved_sketches(two_pairs, (1.5, 1.5, 0.02), seed) for seed in (0, 1))
    np.testing.assert_array_equal(moved[1].sketch, again[1].sketch)
    assert (moved[1].sketch != other[1].sketch).any()
    for still in varied.with_moved_sketches(two_pairs, (0, 0, 0), 0):
        np.testing.assert_array_equal(still.sketch, {each.name: each.sketch for each in two_pairs}[still.name])


@pytest.mark.parametrize(
    ("moves", "place", "deviation"),
    [((2.0, 0, 0), (99.5, 124.5), 2), ((0, 3.0, 0), (199, 124.5), 5.21), ((0, 0, 0.05), (99.5, 24.5), 5)],
)
def test_a_move_is_a_shift_a_turn_or_a_size_about_the_middle(moves, place, deviation):
    """Of a ramp, whose grey level says where each pixel came from; a turn moves what lies far off up or down."""
    along = 1 if moves[0] else 0
    ramp = np.indices(SHAPE)[along].astype(np.uint8)
    rng, x, y = np.random.default_rng(0), *np.rint(place).astype(int)
    found = [float(varied._misplaced(ramp, moves, rng)[y, x]) - float(ramp[y, x]) for _ in range(150)]
    assert np.std(found) == pytest.approx(deviation, rel=0.2)


def test_pairs_are_brought_back_by_their_eyes_and_who_has_none_is_named(two_pairs, monkeypatch):
    seen = []

    def eyes(picture):  # where they are in the frame: of the last picture none
        seen.append(picture)
        return [] if len(seen) == 4 else [np.array([[75.0, 125.0], [125.0, 125.0]])]

    monkeypatch.setattr(varied, "find_eyes", eyes)
    found, lost = varied.brought_back(two_pairs, (8, 5, 0.08), 3)
    assert [each.name for each in found] == [two_pairs[0].name]
    assert lost == [two_pairs[1].name]
    np.testing.assert_array_equal(found[0].photo, seen[0])  # as it was moved: the eyes are said to be in their place
    np.testing.assert_array_equal(found[0].sketch, seen[1])
    assert (seen[0] != two_pairs[0].photo).any()
    assert (seen[1] != two_pairs[0].sketch).any()


def test_if_no_eyes_are_found_at_all_it_is_one_line(two_pairs, monkeypatch):
    monkeypatch.setattr(varied, "find_eyes", lambda picture: [])
    with pytest.raises(DataError, match="of 2 pairs moved so far there is none with one face in its photo and its"):
        varied.brought_back(two_pairs, (8, 5, 0.08), 0)
