"""How sure a match is: shares counted by hand, and samples by loops over people."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from pysketch.errors import DataError, GalleryError
from pysketch.images.pairs import Pair
from pysketch.search import confidence
from pysketch.search import gallery as search
from pysketch.search.confidence import Artists, Confidence, Impostors, enrolled_impostors
from pysketch.search.describe import DESCRIPTION, DETAIL, OUTLINE, Description
from pysketch.search.gallery import Gallery
from pysketch.search.gallery_file import GalleryFile, Identity, Part, write_gallery
from pysketch.search.portraits import Packed, Portrait, columns_of


def test_a_rate_is_the_share_that_comes_as_near_one_added_to_both():
    sample = Impostors.of(np.array([0.4, 0.1, 0.2, 0.2, 0.3]))
    assert len(sample) == 5
    found = [sample.rate(distance) for distance in (-0.01, 0.1, 0.15, 0.2, 0.3, 0.35, 0.4, 1)]
    assert found == pytest.approx([1 / 6, 2 / 6, 2 / 6, 4 / 6, 5 / 6, 5 / 6, 1, 1])


def test_few_of_a_large_sample_are_kept_and_its_rates_are_never_too_low_nor_6_percent_too_high():
    distances = np.random.default_rng(0).random(5000).astype(np.float32) ** 2
    sample = Impostors.of(distances)
    assert len(sample) == 5000
    assert len(sample.counts) < 150
    assert sample.counts[:20].tolist() == list(range(1, 21))
    for distance in np.quantile(distances, [0, 0.001, 0.01, 0.2, 0.7, 1]).astype(np.float32):
        exact = ((distances <= distance).sum() + 1) / 5001
        assert exact <= sample.rate(distance) <= 1.06 * exact
    assert sample.rate(0) == 1 / 5001


def test_a_rate_never_falls_with_the_distance():
    sample = Impostors.of(np.round(np.random.default_rng(1).random(300), 2))
    assert (np.diff([sample.rate(distance) for distance in np.linspace(0, 1, 500)]) >= 0).all()


@pytest.mark.parametrize(
    ("distances", "counts"),
    [
        ([], []),
        ([0.1, 0.2], [1]),
        ([0.2, 0.1], [1, 2]),
        ([0.1, np.nan], [1, 2]),
        ([0.1, np.inf], [1, 2]),
        ([-2, 0.1], [1, 2]),
        ([0.1, 0.2], [2, 3]),
        ([0.1, 0.2], [1, 1]),
        ([[0.1]], [[1]]),
    ],
)
def test_what_could_be_no_sample_is_known(distances, counts):
    assert not Impostors(np.array(distances, np.float32), np.array(counts, np.int64)).is_sound()
    assert Impostors.of(np.array([0.3, 0.1, 0.2])).is_sound()


def artists(distances=(0.2, 0.3, 0.4)):
    return Artists(Impostors.of(np.array(distances)), 3, "some.h5", DESCRIPTION)


def test_the_larger_share_is_told_and_what_it_rests_on():
    enrolled = Impostors.of(np.linspace(0.1, 1, 600))
    both = Confidence(artists(), enrolled, 25)
    assert both.rate(0.05) == 1 / 4
    assert both.rate(0.99) == 1
    assert both.rate(0.9) == 1 > enrolled.rate(0.9)
    assert both.rests_on == (
        "Measured as the larger of two shares: of 600 comparisons of different people in this gallery with each other, "
        "and of 3 comparisons of artists' sketches of 3 people with what some.h5 draws of others among them."
    )
    alone = Confidence(None, enrolled, 25)
    assert alone.rate(0.05) == 1 / 601
    assert alone.rests_on.startswith("Measured as the share of 600 comparisons of different people in this gallery")


@pytest.mark.parametrize(
    ("people", "why"),
    [
        (1, "1 person is too few"),
        (22, "22 people are too few"),
        (23, "it keeps no drawn sketches, or was written without"),
    ],
)
def test_a_gallery_without_a_sample_of_its_own_says_so(people, why):
    only = Confidence(artists(), None, people)
    assert only.rate(0.25) == 2 / 4
    assert only.rests_on.endswith(f"of others among them. The gallery itself says nothing: {why}.")


def test_where_nothing_was_measured_nothing_is_told():
    nothing = Confidence(None, None, 9)
    assert nothing.rate(0.1) is None
    assert nothing.rests_on == ""


class Level:
    """A query for tests: a sketch is one grey level, a detail another; their distance is the difference's size."""

    def __init__(self, sketch):
        self.level = float(sketch.mean())

    def distances(self, others):
        return np.abs(others[:, 0] - self.level).astype(np.float32) / 256


def picture(level):
    stream = io.BytesIO()
    Image.fromarray(np.full((2, 2), level, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def levels(monkeypatch):
    """Three photos of each of 24 people in a random order: (person, level of each)."""
    monkeypatch.setattr(confidence, "Query", Level)
    rng = np.random.default_rng(3)
    return rng.permutation(np.repeat(np.arange(24), 3)), rng.integers(0, 256, 72)


def test_people_are_looked_for_among_all_others_and_the_nearest_photo_of_each_counts(levels):
    person, level = levels
    found = enrolled_impostors(person, Packed.of(map(picture, level)), lambda rows: level[rows, None])
    expected = []
    for each in range(24):
        first = level[person == each][0]
        expected += [min(abs(first - level[person == other])) / 256 for other in range(24) if other != each]
    assert len(found) == 24 * 23
    np.testing.assert_array_equal(found.distances, Impostors.of(np.array(expected)).distances)


def test_no_more_people_and_photos_are_compared_than_is_said(levels, monkeypatch):
    person, level = levels
    for name, value in {"QUERIES": 5, "OTHERS": 7, "PHOTOS": 2, "FEWEST": 30}.items():
        monkeypatch.setattr(confidence, name, value)
    asked = []

    def details(rows):
        asked.append(rows)
        return level[rows, None]

    assert len(enrolled_impostors(person, Packed.of(map(picture, level)), details)) == 5 * 6
    assert [len(rows) for rows in asked] == [7 * 2]
    assert len(set(person[asked[0]])) == 7


def test_a_sketch_that_is_missing_or_damaged_is_not_looked_for(levels):
    person, level = levels
    sketches = [picture(each) for each in level]
    for k in np.flatnonzero(person == 4):
        sketches[k] = b""
    for k in np.flatnonzero(person == 9):
        sketches[k] = sketches[k][:20]
    told = []
    sample = enrolled_impostors(
        person, Packed.of(sketches), lambda rows: level[rows, None], lambda *step: told.append(step)
    )
    assert len(sample) == 22 * 23
    assert told == [(done, 24) for done in range(1, 23)]
    assert enrolled_impostors(person, Packed.of([b""] * 72), lambda rows: level[rows, None]) is None


def test_a_gallery_of_few_people_has_no_sample(levels):
    person, level = levels
    few = np.flatnonzero(person < 22)
    packed = Packed.of(map(picture, level[few]))
    assert enrolled_impostors(person[few], packed, lambda rows: level[few][rows, None]) is None
    assert enrolled_impostors(person[:0], Packed.of([]), lambda rows: level[rows, None]) is None


@pytest.fixture
def gallery(levels, tmp_path):
    """What makes a gallery's file of these people's photos, which are in it by their levels."""
    person, level = levels

    def portrait(k):
        nothing = np.zeros(DETAIL, np.int8)
        nothing[0] = level[k] // 2
        eyes, digest = np.zeros((2, 2), np.float32), bytes([k]) * 32
        return Portrait(f"p{person[k]}", f"{k}.png", digest, eyes, nothing[:OUTLINE], nothing, picture(nothing[0]))

    def write(rows, description=DESCRIPTION):
        columns = columns_of([portrait(k) for k in rows])
        write_gallery(tmp_path / "g.h5", Identity("0" * 64, description), [Part(columns, np.arange(len(rows)))])
        return tmp_path / "g.h5"

    return write


def test_a_gallery_is_written_with_how_near_its_people_come_to_each_other(gallery, levels):
    person, level = levels
    path = gallery(range(72))
    kept, content = GalleryFile(path).impostors, path.read_bytes()
    number = np.unique(person, return_index=True, return_inverse=True)
    first_come = np.argsort(np.argsort(number[1]))[number[2]]  # people are numbered as they first come
    expected = enrolled_impostors(
        first_come, Packed.of(picture(each // 2) for each in level), lambda rows: level[rows, None] // 2
    )
    np.testing.assert_array_equal(kept.distances, expected.distances)
    np.testing.assert_array_equal(kept.counts, expected.counts)
    assert gallery(range(72)).read_bytes() == content


def test_a_gallery_of_few_people_or_of_another_version_is_written_without(gallery, levels):
    few = np.flatnonzero(levels[0] < 22)
    assert GalleryFile(gallery(few)).impostors is None
    assert GalleryFile(gallery(range(72), DESCRIPTION + 1)).impostors is None


def test_whoever_is_found_is_told_with_the_larger_share_and_by_pixels_with_none(gallery, monkeypatch):
    gallery = Gallery(gallery(range(72)))
    told = Confidence(confidence.shipped_artists(), gallery._file.impostors, 24)
    assert gallery.rests_on == told.rests_on != ""

    class Anybody:
        outlines = np.zeros((1, OUTLINE), np.float32)

        def __init__(self, sketch):
            pass

        def distances(self, others):
            return np.linspace(0, 0.5, len(others), dtype=np.float32)

    monkeypatch.setattr(search, "Query", Anybody)
    sketch = np.eye(250, 200, dtype=np.uint8)
    found = gallery.find_aligned(sketch, 24)
    assert [each.false_accept_rate for each in found] == [told.rate(each.distance) for each in found]
    assert found[0].false_accept_rate < found[-1].false_accept_rate
    monkeypatch.setitem(search._OF_KEPT, "pixels", lambda *arguments: np.zeros(72))
    found = gallery.find_aligned(sketch, 3, "pixels")
    assert {each.false_accept_rate for each in found} == {None}


@pytest.mark.parametrize("fault", ["falling", "not counted"])
def test_a_gallery_whose_sample_is_none_is_refused(gallery, monkeypatch, fault):
    def wrong(*arguments):
        distances = np.array([0.2, 0.1] if fault == "falling" else [0.1, 0.2], np.float32)
        return Impostors(distances, np.array([1, 2] if fault == "falling" else [2, 3]))

    monkeypatch.setattr("pysketch.search.gallery_file.enrolled_impostors", wrong)
    with pytest.raises(GalleryError, match="damaged: its columns do not fit together"):
        GalleryFile(gallery(range(3)))


def test_artists_sketches_are_looked_for_among_what_is_drawn_of_others(monkeypatch):
    monkeypatch.setattr(confidence, "Query", Level)
    monkeypatch.setattr(confidence, "describe", lambda drawn: Description(drawn[0], drawn[0]))
    sketches, drawn = ([np.full((2, 3), level, np.uint8) for level in levels] for levels in ((1, 50, 90), (9, 52, 200)))
    found = confidence.artists_impostors(sketches, drawn)
    expected = sorted([51, 199, 50 - 9, 200 - 50, 90 - 9, 90 - 52])
    np.testing.assert_array_equal(found.distances, np.float32(expected) / 256)
    pairs = [Pair("", dark, light) for dark, light in zip(drawn, sketches, strict=True)]
    told = confidence.artists_of(pairs, lambda photo: photo, "some.h5")
    np.testing.assert_array_equal(told.impostors.distances, found.distances)
    assert told[1:] == (3, "some.h5", DESCRIPTION, confidence.learned_digest())


def test_the_shipped_sample_is_of_this_version_and_carries_a_rate_below_1_in_5000():
    shipped = confidence.shipped_artists()
    assert shipped is not None, "describe is of another version: make artists.json anew"
    assert shipped.learned == confidence.learned_digest(), "describe has learned anew: make artists.json anew"
    assert shipped.impostors.rate(-1) < 1 / 5000
    assert shipped.people * (shipped.people - 1) == len(shipped.impostors)


def test_a_sample_is_read_as_it_was_written(tmp_path):
    confidence.write_artists(tmp_path / "a.json", artists())
    read = confidence.read_artists(tmp_path / "a.json")
    assert read[1:] == artists()[1:]
    np.testing.assert_array_equal(read.impostors.distances, artists().impostors.distances)


@pytest.mark.parametrize("damage", [{"counts": [3, 2, 1]}, {"distances": None}, {"people": "many"}, {"counts": [1]}])
def test_a_damaged_sample_is_one_line(tmp_path, damage):
    path = tmp_path / "a.json"
    confidence.write_artists(path, artists())
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(DataError, match=r"a\.json: .*sample of artists' sketches"):
        confidence.read_artists(path)


def test_a_sample_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(DataError, match=r"a\.json: cannot be written: "):
        confidence.write_artists(tmp_path / "a.json", artists())


def test_a_sample_of_another_version_says_nothing(tmp_path, monkeypatch):
    confidence.write_artists(tmp_path / "a.json", artists()._replace(description=DESCRIPTION + 1))
    old = confidence.read_artists(tmp_path / "a.json")
    monkeypatch.setattr(confidence, "read_artists", lambda: old)
    assert confidence.shipped_artists.__wrapped__() is None
