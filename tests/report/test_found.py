"""What is said of matches: numbers in words, tables that hostile names cannot break, records of plain types."""

import json

import galleries
import numpy as np
import pytest

from pysketch.report.found import (
    MEASURES,
    Found,
    as_many,
    distance,
    found_record,
    found_table,
    how_often,
    how_sure,
    how_sure_all,
    others,
    people,
)
from pysketch.search.gallery import INNER, PIXELS, VIEWS, Gallery, Match

SEEN = np.zeros((250, 200), np.uint8)


class Enrolled:
    """A gallery of so many, as far as words need one."""

    people = 812
    rests_on = "Measured somewhere."

    def __len__(self):
        return 900


def found(*matches, match=VIEWS):
    return Found("a.png", SEEN, list(matches), match)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (None, "not known"),
        (0.0, "none known"),
        (1 / 4987, "1 in 5,000"),
        (1 / 17.2, "1 in 17"),
        (1e-6, "1 in 1,000,000"),
        (0.1, "1 in 10"),
        (0.16, "2 in 10"),
        (0.31, "3 in 10"),
        (0.94, "9 in 10"),
        (0.95, "all"),
        (1.0, "all"),
    ],
)
def test_a_rate_is_told_as_one_in_so_many(rate, words):
    assert how_often(rate) == words


@pytest.mark.parametrize(
    ("rate", "number", "words"),
    [
        (None, 812, "-"),
        (1 / 5000, 812, "0.2"),
        (1 / 5000, 101, "0.02"),
        (1 / 5000, 2, "under 0.01"),
        (0.01, 812, "8.1"),
        (0.1, 100_001, "10,000"),
        (0.5, 2, "0.5"),
        (0.5, 1, "-"),
        (0.5, 0, "-"),
        (0.0, 812, "-"),
    ],
)
def test_as_many_are_expected_among_all_the_others(rate, number, words):
    assert as_many(rate, number) == words


def test_how_sure_is_said_in_words_with_what_it_rests_on():
    said = how_sure(Enrolled(), found(Match("p", 0.3, 1 / 5000, "p.png", 0)))
    assert said == (
        "How sure: 1 in 5,000 others come as near to a sketch as the first on the list; of the 811 others in the "
        "gallery that is 0.2. Measured somewhere."
    )


@pytest.mark.parametrize(
    "what",
    [
        found(Match("p", 0.3, None, "p.png", 0)),
        found(Match("p", 3e7, 0.1, "p.png", 0), match=PIXELS),
        found(Match("p", 0.3, 0.1, "p.png", 0), match=INNER),
    ],
)
def test_what_is_not_known_is_called_so_whatever_the_rate_of_other_distances_is(what):
    assert how_sure(Enrolled(), what).startswith("How sure: not known; ")


def test_of_what_looks_like_a_photo_it_is_said_why_nothing_is_known(monkeypatch):
    what = found(Match("p", 0.3, None, "p.png", 0))._replace(of_photo=True)
    said = "How sure: not known; distances are measured on sketches, and this looks like a photo."
    assert how_sure(Enrolled(), what) == said
    assert how_sure(Enrolled(), what._replace(match=PIXELS)).endswith("distances of pixels are not calibrated.")


def test_in_a_gallery_of_one_person_no_others_are_counted(monkeypatch):
    monkeypatch.setattr(Enrolled, "people", 1)
    alone = found(Match("p", 0.3, 1 / 5000, "p.png", 0))
    assert "as the first on the list; nobody else is in the gallery. Measured" in how_sure(Enrolled(), alone)
    assert found_table(Enrolled(), alone)[1].split() == ["1", "p", "0.300", "1", "in", "5,000", "-", "p.png"]


def test_how_sure_several_lists_are_is_said_once(monkeypatch):
    assert how_sure_all(Enrolled(), VIEWS).endswith("of the 811 others in the gallery. Measured somewhere.")
    for match in (INNER, PIXELS):
        assert how_sure_all(Enrolled(), match) == how_sure(Enrolled(), found(Match("p", 3e7, 0.1, "", 0), match=match))
    monkeypatch.setattr(Enrolled, "people", 1)
    assert "in that line; nobody else is in the gallery. Measured" in how_sure_all(Enrolled(), VIEWS)
    monkeypatch.setattr(Enrolled, "rests_on", "")
    assert how_sure_all(Enrolled(), VIEWS) == how_sure(Enrolled(), found(Match("p", 0.3, None, "", 0)))
    monkeypatch.setattr(Enrolled, "people", 0)
    assert how_sure_all(Enrolled(), VIEWS) == how_sure(Enrolled(), found())


def test_the_others_are_all_but_one():
    assert [others(n) for n in (0, 1, 2, 24)] == ["0 others", "0 others", "1 other", "23 others"]


def test_an_empty_gallery_is_called_so(monkeypatch):
    monkeypatch.setattr(Enrolled, "people", 0)
    assert how_sure(Enrolled(), found()) == "The gallery is empty: there is nobody to be found."
    assert len(found_table(Enrolled(), found())) == 1


def test_the_table_has_a_line_for_each_match():
    matches = [Match("anna", 0.25, 1 / 5000, "photos/anna.png", 3), Match("b", 0.5, 0.31, "photos/b.png", 1)]
    assert found_table(Enrolled(), found(*matches)) == [
        "rank  person  distance  others as near  of 811 others here  photo",
        "   1  anna    0.250     1 in 5,000      0.2                 photos/anna.png",
        "   2  b       0.500     3 in 10         250                 photos/b.png",
    ]


def test_names_that_would_steer_a_terminal_are_put_in_words():
    lines = found_table(Enrolled(), found(Match("a\x1b[2J\nb", 0.25, None, "\udcff.png", 0)))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_sums_of_squares_are_told_whole_and_correlations_with_three_digits():
    assert [distance(Match("", d, None, "", 0)) for d in (0.25, 1.99999, 53929073.0)] == [
        "0.250",
        "2.000",
        "53,929,073",
    ]


def test_one_person_is_no_people():
    assert [people(n) for n in (0, 1, 1234)] == ["0 people", "1 person", "1,234 people"]


def test_a_record_holds_plain_types_and_what_the_page_of_the_tools_documents(tmp_path, monkeypatch):
    galleries.few_transforms(monkeypatch)
    gallery = Gallery(galleries.write_people(tmp_path / "g.h5"))
    sketch = galleries.people(3)[1][2]
    record = found_record(gallery, Found("s.png", sketch, gallery.find_aligned(sketch, 2), VIEWS, "a word"))
    assert json.loads(json.dumps(record)) == record
    assert record["sketch"] == "s.png" and record["remark"] == "a word" and record["match"] == "views"
    assert (record["people"], record["photos"], record["net"]) == (3, 3, galleries.NET)
    assert record["shortlist"] == "exhaustive"
    assert found_record(gallery, Found("s.png", sketch, [], PIXELS))["shortlist"] is None
    first, second = record["matches"]
    assert (first["rank"], first["person"], first["row"]) == (1, galleries.people(3)[1][0], 1)
    assert first["photo"] == f"photos/{first['person']}_0.png"
    assert first["distance"] < second["distance"]


def test_every_measure_is_explained():
    assert set(MEASURES) == {VIEWS, INNER, PIXELS}
