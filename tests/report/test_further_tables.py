"""Further tables: a line for each method and what it was tried with, as text and as a section alike."""

import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.metrics import own_ranks, squared_distances
from pysketch.images.pairs import SYNTHETIC, Pair
from pysketch.report.further_tables import (
    BACKGROUND,
    GROUPS,
    MATCHING,
    SKIN,
    VERIFICATION,
    tell_backgrounds,
    tell_groups,
    tell_matching,
    tell_measures,
    tell_skins,
    tell_verification,
)
from pysketch.report.groups import errors_below, limit
from pysketch.report.matches import MATCHES
from pysketch.report.measures import Surroundings
from pysketch.report.methods import Method
from pysketch.report.varied import Trial, background_trials, skin_trials

GREEN, WHITE = (Method("green", lambda photo: photo[..., 1]), Method("white", lambda photo: 0 * photo[..., 0] + 255))


@pytest.fixture(scope="module")
def pairs():
    return [Pair(*values) for values in synthetic.test_pairs(2)]


@pytest.fixture
def two_faces(monkeypatch):
    make = synthetic.test_pairs
    monkeypatch.setattr(synthetic, "test_pairs", lambda **changes: make(2, **changes))


def check_same(told):
    """The lines of the terminal hold the section's cells."""
    (table,) = told.section.tables
    assert told.lines[0] == ""
    assert [line.split() for line in told.lines[-len(table.rows) :]] == [" ".join(row).split() for row in table.rows]


def test_measures_have_a_line_for_each_method_and_one_for_the_artists(pairs):
    evaluations = [method.evaluate(pairs) for method in (GREEN, WHITE)]
    around = Surroundings(pairs, [], evaluations[0].crop)
    told, measured = tell_measures(["gradient", "dark"], ["Scoot is left out: why"], evaluations, around)
    check_same(told)
    assert told.lines[1] == "Scoot is left out: why"
    assert [row[0] for row in told.section.tables[0].rows] == ["green", "white", "artists"]
    assert told.section.paragraphs[0].endswith("Scoot is left out: why")
    assert measured[1].values == [0, 0]
    assert measured[1].pairs == {"gradient": [0, 0], "dark": [0, 0]}


def test_verification_has_a_line_for_each_method_with_intervals_where_they_say_anything(pairs):
    evaluations = [method.evaluate(pairs) for method in (GREEN, WHITE)]
    told, verified = tell_verification(evaluations, seed=1, resamples=9)
    check_same(told)
    assert told.lines[1] == "2 comparisons of one person, 2 of two, by pixels."
    assert told.section.paragraphs == [f"{VERIFICATION} {told.lines[1]}"]
    (table,) = told.section.tables
    assert table.header == ["method", "area", "equal error", "at 1 %", "at 0.1 %"]
    area = verified[1].area
    assert table.rows[1] == [
        "white",
        f"{area.value:.4f} ({area.low:.4f}-{area.high:.4f})",
        "{:.1f} ({:.1f}-{:.1f})".format(*100 * np.array(verified[1].equal_error_rate)),
        "-",
        "-",
    ]


def test_groups_have_a_line_for_each_method_and_group_by_the_distance_of_the_first(pairs):
    swapped = [Pair(one.name, one.photo, other.sketch) for one, other in zip(pairs, pairs[::-1], strict=True)]
    told = tell_groups([GREEN, WHITE], [Trial("mixed", pairs), Trial("swapped", swapped)], seed=1, resamples=9)
    check_same(told)
    assert told.section.paragraphs == [f"{GROUPS} By pixels."]
    assert told.lines[1] == "By pixels."
    rows = told.section.tables[0].rows
    assert [row[:2] for row in rows] == [[name, group] for name in ("green", "white") for group in ("mixed", "swapped")]
    mixed, swap = (GREEN.evaluate(each).distances for each in (pairs, swapped))
    errors = errors_below(swap, limit(mixed), seed=1, resamples=9)
    assert rows[1][2:] == [share.told() for share in errors]
    assert errors != errors_below(swap, limit(swap), seed=1, resamples=9)


def test_skins_have_a_line_for_each_method_and_tone_in_the_light_that_is_asked_for(pairs, two_faces):
    trials = skin_trials(pairs, SYNTHETIC, ["1", "10"])

    def dim(pairs):
        return [Pair(pair.name, pair.photo // 2, pair.sketch) for pair in pairs]

    told, dimmed = tell_skins([GREEN, WHITE], trials), tell_skins([GREEN, WHITE], trials, dim)
    check_same(told)
    assert told.section.paragraphs == [f"{SKIN} Ranks by pixels."]
    assert told.lines[1] == "Ranks by pixels."
    rows = told.section.tables[0].rows
    assert [row[:2] for row in rows] == [["green", "1"], ["green", "10"], ["white", "1"], ["white", "10"]]
    levels, dark = ([float(row[2]) for row in each.section.tables[0].rows] for each in (told, dimmed))
    assert levels[0] > levels[1]
    assert levels[2:] == dark[2:] == [255, 255]
    np.testing.assert_allclose(dark[:2], np.array(levels[:2]) / 2, atol=2)


def test_backgrounds_have_a_line_for_each_method_the_screen_first(pairs, two_faces, monkeypatch):
    monkeypatch.setitem(MATCHES, "views", lambda drawn, sketches: 1 - np.eye(2))
    told = tell_backgrounds([GREEN._replace(match="views")], background_trials(pairs, SYNTHETIC, ["black"]))
    check_same(told)
    assert told.section.paragraphs == [f"{BACKGROUND} Ranks by views."]
    assert told.lines[1] == "Ranks by views."
    assert [row[1] for row in told.section.tables[0].rows] == ["screen", "black"]
    assert told.section.tables[0].rows[1][2] == "0"


def test_matching_has_a_line_for_each_method_each_measure_and_what_of_the_sketches_is_compared(pairs):
    evaluations = [method.evaluate(pairs) for method in (GREEN, WHITE)]
    crowds = [[evaluations[0].sketches[0]], [255 - evaluations[0].sketches[0]]]
    told = tell_matching(evaluations, ["pixels", "views"], inner=True, crowds=crowds)
    check_same(told)
    assert told.section.paragraphs == [MATCHING]
    (table,) = told.section.tables
    assert list(table.header) == ["method", "compared by", "of", "rank 1", "rank 5", "rank 10", "margin"]
    kinds = [
        [name, match, of]
        for name in ("green", "white")
        for of in ("all", "inner face", "with 1 others")
        for match in ("pixels", "views")
    ]
    assert [row[:3] for row in table.rows] == kinds
    green = {(row[1], row[2]): row[3:] for row in table.rows if row[0] == "green"}
    ranks = own_ranks(squared_distances([*evaluations[0].drawn, *crowds[0]], evaluations[0].sketches))
    assert green["pixels", "with 1 others"][:2] == [f"{100 * (ranks <= n).mean():.1f}" for n in (1, 5)]
    assert green["views", "with 1 others"][0] == "50.0"  # the first one's sketch itself is in the crowd
    assert (green["views", "all"][3], green["pixels", "all"][3]) == ("-", "-")  # of two people, each has but one other
    only = tell_matching(evaluations[:1], ["views"])
    assert [row[:3] for row in only.section.tables[0].rows] == [["green", "views", "all"]]
