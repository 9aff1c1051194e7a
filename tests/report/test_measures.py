"""The second table: which measures can be had, what they are measured on, how the table looks."""

from dataclasses import replace

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import measures as image_measures
from pysketch.images.pairs import Pair
from pysketch.report.evaluation import evaluate
from pysketch.report.measures import (
    MEASURES,
    Surroundings,
    _rank_1,
    _ranks,
    explain,
    measure,
    measure_artists,
    measure_rows,
    usable_measures,
)

RNG = np.random.default_rng(9)
CHEAP = ["fsim", "gradient", "fine", "dark"]


@pytest.fixture(scope="module")
def pairs():
    sketches = RNG.integers(0, 256, (5, 34, 30)).astype(np.uint8)
    return [Pair(f"p{k}", np.repeat(sketch[..., None], 3, axis=2), sketch) for k, sketch in enumerate(sketches)]


def scored(pairs, draw=lambda photo: photo[..., 0]):
    return evaluate("m", draw, pairs, crop=(26, 28))


def test_a_method_that_draws_what_the_artists_drew_is_their_equal(pairs):
    pytest.importorskip("skimage", reason='some measures need pip install -e ".[measures]"')
    names = [name for name in MEASURES if name != "face"]
    made = scored(pairs[:3])
    values = dict(zip(names, measure(made, Surroundings(pairs[:3], pairs[3:], (26, 28)), names).values, strict=True))
    black = values.pop("dark")
    expected = {"fsim": 1, "scoot": 1, "gradient": 1, "fine": 1, "texture": 0, "hog": 100, "lbp": 100}
    assert values == pytest.approx(expected, abs=1e-6)
    assert black == pytest.approx(100 * np.mean(np.stack(made.sketches) < 64))


def test_a_distractor_that_is_nearer_than_the_own_person_counts_against_the_method(pairs):
    def first_pixels(pictures):
        return np.array([picture.ravel()[:5].astype(float) for picture in pictures])

    other = replace(pairs[3], sketch=pairs[0].sketch)
    made = scored(pairs[:3])
    ranks = _ranks(first_pixels, image_measures.euclidean)

    def rank(made, around):
        return _rank_1(made, ranks(made, around))

    assert rank(made, Surroundings(pairs[:3], pairs[3:], (26, 28))) == 100
    assert rank(made, Surroundings(pairs[:3], [other], (26, 28))) == 100  # the same sketch is no other person's
    almost = other.sketch.copy()
    almost[0, 0] ^= 1  # outside the crop
    assert rank(made, Surroundings(pairs[:3], [replace(other, sketch=almost)], (26, 28))) == pytest.approx(200 / 3)


def test_drawn_sketches_search_the_photos_by_face(pairs, monkeypatch):
    def describe(pictures):
        middles = [picture[(len(picture) - 1) // 2, (picture.shape[1] - 1) // 2] for picture in pictures]
        return np.array([[float(np.mean(middle))] for middle in middles])

    monkeypatch.setattr(image_measures, "face_descriptors", describe)
    made = scored(pairs, lambda photo: photo[..., 0])
    around = Surroundings(pairs, [], (26, 28))
    assert measure(made, around, ["face"]) == ([100], {"face_rank": [1] * 5})
    backwards = measure(replace(made, drawn=made.drawn[::-1]), around, ["face"])
    assert backwards.values == [20]
    assert backwards.pairs["face_rank"][2] == 1 < min(backwards.pairs["face_rank"][:2])
    assert measure_artists(made, around, ["face", "fsim"]) == [100, pytest.approx(np.nan, nan_ok=True)]


def test_every_pair_has_a_value_of_its_own_but_of_a_set(pairs):
    pytest.importorskip("skimage", reason='some measures need pip install -e ".[measures]"')
    made = scored(pairs, lambda photo: 255 - photo[..., 0] // 2)
    names = [name for name in MEASURES if name != "face"]
    values, columns = measure(made, Surroundings(pairs, [], (26, 28)), names)
    assert list(columns) == ["fsim", "scoot", "gradient", "fine", "dark", "hog_rank", "lbp_rank"]
    assert all(len(column) == 5 for column in columns.values())
    assert columns["fsim"] == [image_measures.fsim(*each) for each in zip(made.drawn, made.sketches, strict=True)]
    assert columns["gradient"] == pytest.approx([0.5] * 5, abs=0.02)
    whole = dict(zip(names, values, strict=True))
    for name in ("fsim", "scoot", "dark"):
        assert whole[name] == pytest.approx(np.mean(columns[name]))
    assert whole["hog"] == 100 * np.mean(np.array(columns["hog_rank"]) == 1)
    assert whole["gradient"] == image_measures.gradient_ratio(made.drawn, made.sketches)


def test_progress_is_told_after_each_measure(pairs):
    calls = []
    measure(scored(pairs), Surroundings(pairs, [], (26, 28)), ["fine", "dark"], lambda *each: calls.append(each))
    assert calls == [(1, 2), (2, 2)]


def test_a_missing_library_leaves_its_columns_out_and_says_so(monkeypatch):
    def missing():
        raise DataError("needs something")

    monkeypatch.setitem(MEASURES, "scoot", replace(MEASURES["scoot"], check=missing))
    assert usable_measures(["dark", "scoot", "fsim"]) == (["fsim", "dark"], ["Scoot is left out: needs something"])


def test_the_table_has_a_line_for_each_method_and_a_dash_where_nothing_is_told():
    values = [("a-name", [0.7219, 0.44]), ("artists", [np.nan, 10.5])]
    assert measure_rows(["fsim", "dark"], values) == [
        ["method", "FSIM", "dark %"],
        ["a-name", "0.722", "0.4"],
        ["artists", "-", "10.5"],
    ]


def test_each_column_is_explained():
    text = explain(["dark", "hog"])
    assert text.startswith("dark %: pixels below 64")
    assert "HOG 1: rank 1" in text
