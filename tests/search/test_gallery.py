"""A gallery: its pictures, whatever it keeps of them; what is damaged or a stranger's is not shown."""

import os
from dataclasses import replace
from hashlib import sha256

import gallery_makers
import numpy as np
import pytest
from gallery_makers import make_gallery, portrait
from helpers import refused

from pysketch.drawing import choice
from pysketch.errors import DataError, GalleryError
from pysketch.images import synthetic
from pysketch.images.alignment import FRAME_EYES, align
from pysketch.images.eye_finder import Face
from pysketch.images.pictures import decode_picture, encode_picture, read_photo, write_image
from pysketch.search import gallery as gallery_module
from pysketch.search import indexed
from pysketch.search.confidence import Confidence
from pysketch.search.describe import DESCRIPTION, DETAIL, OUTLINE, describe
from pysketch.search.gallery import Gallery, aligned_sketch
from pysketch.search.gallery_file import Identity


@pytest.fixture(scope="module")
def sketch():
    """A drawing of somebody."""
    return synthetic.face_pair(71)[1]


@pytest.fixture
def faces(sketch):
    """Three portraits; the second has a drawing of the true size."""
    return [portrait(0), replace(portrait(1), sketch=encode_picture(sketch, ".png")), portrait(2)]


@pytest.fixture
def path(faces, tmp_path):
    make_gallery(tmp_path / "g.h5", faces)
    return tmp_path / "g.h5"


class Quick:
    """In place of a query: the first is nearest."""

    def __init__(self, sketch):
        self.outlines = np.zeros((1, gallery_makers.OUTLINE), np.float32)

    def outline_distances(self, others):
        """0, 1, 2 ..."""
        return np.arange(len(others), dtype=np.float32)

    distances = outline_distances


@pytest.fixture
def quick(monkeypatch):
    """Queries that take no time, of descriptions that are short."""
    monkeypatch.setattr(gallery_module, "DESCRIPTION", gallery_makers.IDENTITY.description)
    monkeypatch.setattr(gallery_module, "OUTLINE", gallery_makers.OUTLINE)
    monkeypatch.setattr(gallery_module, "DETAIL", gallery_makers.DETAIL)
    monkeypatch.setattr(gallery_module, "Query", Quick)


def spoil(path, piece):
    """Change a byte of a piece of the file."""
    content = path.read_bytes()
    assert content.count(piece) == 1
    path.write_bytes(content.replace(piece, bytes([piece[0] ^ 1]) + piece[1:]))


@pytest.mark.slow
def test_a_persons_own_drawing_is_nearest(tmp_path):
    portraits = []
    for k in range(3):
        outline, detail = describe(synthetic.face_pair(70 + k)[1])
        portraits.append(replace(portrait(k), outline=outline, detail=detail))
    make_gallery(tmp_path / "g.h5", portraits, Identity("5e" * 32, DESCRIPTION))
    gallery = Gallery(tmp_path / "g.h5")
    assert (len(gallery), gallery.people) == (3, 3)
    match = gallery.find(synthetic.face_pair(71)[1], n=2, align="none")[0]
    assert (match.name, match.path, match.row) == ("person-1", "photos/of-1.jpg", 1)
    assert abs(match.distance) < 0.05


def test_people_are_ranked_by_the_nearest_of_their_photos(faces, sketch, tmp_path, quick):
    photos = [replace(each, person=name) for each, name in zip((*faces, *faces), "aabcad", strict=True)]
    make_gallery(tmp_path / "g.h5", photos)
    matches = Gallery(tmp_path / "g.h5").find_aligned(sketch, n=3)
    assert [(match.name, match.row, match.distance) for match in matches] == [("a", 0, 0), ("b", 2, 2), ("c", 3, 3)]


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", None])
def test_a_count_that_is_none_is_refused_before_the_sketch_is_looked_at(path, sketch, n, quick):
    for find, given in ((Gallery(path).find, "no such file.png"), (Gallery(path).find_aligned, sketch)):
        message = refused(ValueError, find, given, n=n)
        assert message == f"n, how many people: expected a whole number of 1 or more, found {n!r}"
    assert len(Gallery(path).find_aligned(sketch, n=np.int64(2))) == 2


def test_blank_paper_finds_nobody(path, quick):
    blank = np.full((250, 200), 240, np.uint8)
    half = np.full((400, 400), 240, np.uint8)
    half[300:, 300:] = 0  # outside the frame around these eyes
    for find, given, options in (
        (Gallery(path).find_aligned, blank, {}),
        (Gallery(path).find, blank, {"align": "none"}),
        (Gallery(path).find, np.full((300, 400, 3), (9, 8, 7), np.uint8), {}),
        (Gallery(path).find, half, {"eyes": [80, 130, 120, 130]}),
    ):
        assert refused(DataError, find, given, **options) == "no lines in it: every pixel is of the same grey"


@pytest.fixture
def finder(monkeypatch):
    """Sets the faces that will be found, and by how many quarter turns the sketch lies."""

    def set_faces(faces, turns=0):
        monkeypatch.setattr(choice, "can_find_faces", lambda: True)
        monkeypatch.setattr(choice, "seems_aligned", lambda photo: False)
        monkeypatch.setattr(choice, "find_faces", lambda photo: faces)
        monkeypatch.setattr(choice, "quarter_turns", lambda photo, found: turns)

    return set_faces


def test_what_is_said_of_a_sketch_warns_in_the_log_or_goes_where_one_says(
    path, sketch, tmp_path, quick, finder, caplog
):
    write_image(tmp_path / "anna.png", sketch)
    finder([], turns=2)
    Gallery(path).find(tmp_path / "anna.png")
    assert [each.getMessage() for each in caplog.records] == [
        "the sketch: it is upside down: turn it; compared as it is"
    ]
    said = []
    Gallery(path).find(tmp_path / "anna.png", say=said.append)
    assert said == ["it is upside down: turn it; compared as it is"]
    assert len(caplog.records) == 1


def test_that_a_found_face_was_aligned_is_said_unless_it_was_asked_for(sketch, finder):
    sheet = np.pad(sketch, 150, constant_values=230)
    eyes = FRAME_EYES + 150
    finder([Face(eyes, 130.0, 1.5)])
    said = []
    aligned_sketch(sheet, say=said.append)
    assert said == ["not an aligned face of 200x250 pixels: 1 face found, aligned by its eyes"]
    aligned_sketch(sheet, "auto", say=said.append)
    aligned_sketch(sheet, eyes=eyes, say=said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"eyes": FRAME_EYES / 4}, ["small: enlarged 4.0 times, which makes it no finer"]),
        ({"eyes": FRAME_EYES / 1.9}, []),
        ({"align": "none"}, ["small, 90x120 pixels: put at the middle of 200x250, not enlarged"]),
    ],
)
def test_that_a_sketch_is_far_smaller_than_the_frame_is_said(sketch, options, words):
    said = []
    aligned_sketch(sketch[60:180, 50:140], say=said.append, **options)
    assert said == words


def test_how_one_searches_is_refused_by_name_if_it_is_none(path, sketch, quick):
    find = Gallery(path).find
    assert refused(ValueError, find, sketch, align="foo").startswith("align: expected auto, none or None, found 'foo'")
    assert refused(ValueError, find, sketch, eyes=(1, 2)).startswith("eyes: expected four numbers")
    assert refused(ValueError, find, sketch, align="none", match="foo") == "expected views, inner or pixels, found foo"


def test_of_what_looks_like_a_photo_no_false_accept_rate_is_known(path, sketch, quick, monkeypatch):
    monkeypatch.setattr(Confidence, "rate", lambda self, distance: 1 / 5000)
    photo = synthetic.face_pair(71)[0]
    rates = [Gallery(path).find(each, 1, align="none")[0].false_accept_rate for each in (sketch, photo)]
    assert rates == [1 / 5000, None]


def test_a_gallery_is_shown_by_its_file_and_how_much_it_holds(faces, path, tmp_path):
    assert repr(Gallery(path)) == f"<Gallery {path}: 3 photos of 3 people>"
    make_gallery(tmp_path / "one.h5", faces[:1])
    assert repr(Gallery(tmp_path / "one.h5")) == f"<Gallery {tmp_path / 'one.h5'}: 1 photo of 1 person>"


@pytest.mark.skipif(not indexed.can_index(), reason="FAISS is not installed")
def test_which_way_candidates_are_found_is_told(path, sketch, quick):
    ways = {index: Gallery(path, index=index) for index in (None, True, False)}
    assert {index: each.shortlist for index, each in ways.items()} == {
        None: "exhaustive",
        True: "FAISS",
        False: "exhaustive",
    }
    found = [each.find_aligned(sketch) for each in ways.values()]
    assert len(found[0]) == 3
    assert found[1] == found[2] == found[0]


def test_an_index_without_faiss_is_a_line_and_a_gallery_without_one_is_searched(path, sketch, quick, monkeypatch):
    monkeypatch.setattr(indexed, "can_index", lambda: False)
    monkeypatch.setattr(indexed, "WORTH", 1)
    assert "FAISS is not installed" in refused(GalleryError, Gallery(path, index=True).find_aligned, sketch)
    assert Gallery(path).shortlist == "exhaustive"


@pytest.mark.skipif(not indexed.can_index(), reason="FAISS is not installed")
def test_a_large_gallery_is_indexed_where_faiss_is_installed(path, quick, monkeypatch):
    monkeypatch.setattr(indexed, "WORTH", 3)
    assert Gallery(path).shortlist == "FAISS"
    assert Gallery(path, index=False).shortlist == "exhaustive"


def test_descriptions_of_another_version_or_length_are_not_compared(path, faces, sketch, tmp_path):
    message = refused(GalleryError, Gallery(path).find_aligned, sketch)
    assert f"described as of version 3, this pysketch describes as of version {DESCRIPTION}; enrol it anew" in message
    make_gallery(tmp_path / "short.h5", faces, Identity("5e" * 32, DESCRIPTION))
    message = refused(GalleryError, Gallery(tmp_path / "short.h5").find_aligned, sketch)
    assert f"expected descriptions of {OUTLINE} and {DETAIL} numbers" in message


def test_pictures_come_back(path, faces, sketch):
    gallery = Gallery(path)
    np.testing.assert_array_equal(gallery.sketch(1), sketch)
    np.testing.assert_array_equal(gallery.photo(1), decode_picture(faces[1].photo, "photo"))


def test_nothing_is_found_by_what_is_damaged_nor_is_it_shown(path, faces, sketch, quick):
    spoil(path, faces[1].detail.tobytes())
    spoil(path, faces[2].photo)
    gallery = Gallery(path)
    assert "photo 1 is not what was written" in refused(GalleryError, gallery.find_aligned, sketch)
    assert "the pictures of photo 2" in refused(GalleryError, gallery.photo, 2)
    assert gallery.sketch(1).shape == (250, 200)


def test_damaged_outlines_find_nobody(path, faces, sketch, quick):
    spoil(path, faces[1].outline.tobytes())
    assert "its outlines column is not what was written" in refused(
        GalleryError, lambda: Gallery(path).find_aligned(sketch)
    )


def test_without_a_thumbnail_the_file_itself_is_shown_aligned(tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (280, 260, 3)).astype(np.uint8)
    write_image(tmp_path / "a.png", picture)
    digest = sha256((tmp_path / "a.png").read_bytes()).digest()
    eyes = np.array([[100, 130], [160, 133]], np.float32)
    each = replace(portrait(1), eyes=eyes, path=str(tmp_path / "a.png"), digest=digest, photo=b"")
    as_it_is = replace(each, eyes=np.full((2, 2), np.nan, np.float32))
    make_gallery(tmp_path / "g.h5", [each, as_it_is])
    gallery = Gallery(tmp_path / "g.h5")
    np.testing.assert_array_equal(gallery.photo(0), align(picture, each.eyes))
    np.testing.assert_array_equal(gallery.photo(1), read_photo(tmp_path / "a.png"))


def test_a_file_that_is_not_the_one_that_was_enrolled_is_not_shown(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((9, 8, 3), np.uint8))
    os.mkfifo(tmp_path / "pipe") if hasattr(os, "mkfifo") else (tmp_path / "pipe").mkdir()
    names = ("a.png", "none.png", "pipe", "a\x1b[2Jb.png")
    portraits = [replace(portrait(k), path=str(tmp_path / name), photo=b"") for k, name in enumerate(names)]
    make_gallery(tmp_path / "g.h5", portraits)
    gallery = Gallery(tmp_path / "g.h5")
    assert "is another file than the one that was enrolled" in refused(GalleryError, gallery.photo, 0)
    for row in (1, 2):
        assert "is no longer there" in refused(GalleryError, gallery.photo, row)
    assert "\x1b" not in refused(GalleryError, gallery.photo, 3)


def test_a_strangers_picture_that_is_none_or_too_large_is_a_line(tmp_path):
    large = encode_picture(np.zeros((260, 200), np.uint8), ".png")
    make_gallery(tmp_path / "g.h5", [replace(portrait(1), sketch=b"hello", photo=large)])
    gallery = Gallery(tmp_path / "g.h5")
    assert "the sketch of photo 0" in refused(DataError, gallery.sketch, 0)
    assert "expected a picture of 200x250 pixels, found 200x260" in refused(GalleryError, gallery.photo, 0)


def test_who_is_removed_meanwhile_is_not_found_any_more(path, sketch, quick):
    gallery = Gallery(path)
    with path.open("r+b") as stream:
        stream.write(bytes(path.stat().st_size))
    assert "open it again" in refused(GalleryError, gallery.find_aligned, sketch)
    assert "open it again" in refused(GalleryError, gallery.photo, 0)


def test_by_pixels_all_rows_are_checked_once_and_each_time_whether_the_file_is_there(path, faces, sketch, monkeypatch):
    make_gallery(path, [replace(each, sketch=encode_picture(sketch, ".png")) for each in faces])
    gallery, checked = Gallery(path), []
    check = gallery_module.GalleryFile.check_rows
    monkeypatch.setattr(
        gallery_module.GalleryFile, "check_rows", lambda self, rows: checked.append(len(rows)) or check(self, rows)
    )
    found = [gallery.find_aligned(sketch, match="pixels") for _ in range(2)]
    assert found[0] == found[1]
    assert checked == [3]
    with path.open("r+b") as stream:
        stream.write(bytes(path.stat().st_size))
    assert "open it again" in refused(GalleryError, gallery.find_aligned, sketch, match="pixels")


def test_by_pixels_damage_is_an_error_each_time(path, faces, sketch):
    make_gallery(path, [replace(each, sketch=encode_picture(sketch, ".png")) for each in faces])
    spoil(path, faces[1].detail.tobytes())
    gallery = Gallery(path)
    for _ in range(2):
        assert "photo 1 is not what was written" in refused(GalleryError, gallery.find_aligned, sketch, match="pixels")
