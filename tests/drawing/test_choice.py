"""Which faces are drawn: an aligned photo is left alone, any other is searched, and what is done is said."""

import numpy as np
import pytest
from helpers import refused

from pysketch.drawing import choice
from pysketch.drawing.choice import choose_faces
from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.alignment import FRAME_EYES
from pysketch.images.eye_finder import Face

LARGE = np.zeros((600, 800, 3), np.uint8)
FRAME = np.zeros((250, 200, 3), np.uint8)
NO_EYES, NOT_ALIGNED = "no eyes where the nets expect them", "not an aligned face of 200x250 pixels"
AWAY = np.array([[300.0, 200.0], [400.0, 200.0]])


@pytest.fixture
def finder(monkeypatch):
    """Sets the faces that will be found; None: the library is missing."""

    def set_faces(faces, turns=0):
        monkeypatch.setattr(choice, "can_find_faces", lambda: faces is not None)
        monkeypatch.setattr(choice, "find_faces", lambda photo: faces)
        monkeypatch.setattr(choice, "quarter_turns", lambda photo, found: turns)

    return set_faces


def test_an_aligned_photo_and_one_with_align_none_are_not_searched(monkeypatch):
    monkeypatch.setattr(choice, "find_faces", None)
    assert choose_faces(synthetic.face_pair(3)[0], None) == (None, "")
    assert choose_faces(LARGE, "none") == (None, "")


def test_given_eyes_are_taken_as_they_are(monkeypatch):
    monkeypatch.setattr(choice, "find_faces", None)
    ((eyes,), remark) = choose_faces(LARGE, None, [1, 2, 30, 4])
    np.testing.assert_array_equal(eyes, [[1, 2], [30, 4]])
    assert remark == ""


@pytest.mark.parametrize("align", ["foo", "eyes", 3, (950, 750, 1050, 750), np.zeros(4)])
def test_another_way_to_align_is_refused_by_name_even_with_eyes(align):
    for eyes in (None, [1, 2, 30, 4]):
        message = refused(ValueError, choose_faces, LARGE, align, eyes)
        assert message == f"align: expected auto, none or None, found {align!r}; eyes= says where the eyes are"


@pytest.mark.parametrize("eyes", [(1, 2), "left", [[1, 2], [3]], 7, [1, 2, 3, 4, 5], ["a", "b", "c", "d"]])
def test_eyes_that_are_not_four_numbers_are_refused(eyes):
    message = refused(ValueError, choose_faces, LARGE, None, eyes)
    assert message == f"eyes: expected four numbers, x and y of the left eye and of the right, found {eyes!r}"


@pytest.mark.parametrize("photo, what", [(LARGE, NOT_ALIGNED), (FRAME, NO_EYES)])
def test_without_the_library_a_photo_that_is_not_aligned_is_drawn_as_it_is_with_a_word(finder, photo, what):
    finder(None)
    faces, remark = choose_faces(photo, None)
    assert faces is None
    assert remark == f'{what}: drawn as it is; --align auto finds faces (pip install -e ".[align]")'


def test_faces_that_are_elsewhere_are_aligned_and_that_is_said(finder):
    finder([Face(AWAY, 240.0, 1.2), Face(AWAY + 150, 240.0, 0.2), Face(AWAY + 90, 60.0, 0.02)])
    faces, remark = choose_faces(LARGE, None)
    np.testing.assert_array_equal(faces, [AWAY, AWAY + 150])
    assert remark.startswith(f"{NOT_ALIGNED}: 2 faces found and aligned, 1 left out that hardly looks like one")
    assert remark.endswith("; --align none draws the photo as it is")


def test_no_face_is_said_and_the_photo_drawn_as_it_is_unless_auto_asked_for_one(finder):
    finder([Face(AWAY, 240.0, 0.02)])
    faces, remark = choose_faces(LARGE, None)
    assert faces is None
    assert remark.startswith(f"{NOT_ALIGNED}, no face found in it, 1 left out")
    assert remark.endswith(": drawn as it is; --align eyes X1 Y1 X2 Y2 says where a face is")
    with pytest.raises(
        DataError, match=r"no face found in it, 1 left out .*; give the eyes' positions with --align eyes"
    ):
        choose_faces(LARGE, "auto")


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (1, "it lies on its side: turn it left"),
        (2, "it is upside down: turn it"),
        (3, "it lies on its side: turn it right"),
    ],
)
def test_a_face_that_is_only_believed_because_the_photo_lies_is_not_drawn(finder, turns, message):
    finder([Face(AWAY, 240.0, 0.7)], turns)
    assert choose_faces(LARGE, None) == (None, f"{message}; drawn as it is")
    with pytest.raises(DataError, match=f"^{message}; --align none draws it as it is"):
        choose_faces(LARGE, "auto")


def test_auto_says_how_many_only_where_it_is_not_one(finder):
    finder([Face(AWAY, 240.0, 1.0)])
    assert choose_faces(LARGE, "auto").remark == ""
    finder([Face(AWAY, 240.0, 1.0), Face(AWAY + 100, 240.0, 1.0)])
    assert choose_faces(LARGE, "auto").remark == "2 faces found"


def test_a_face_with_an_eye_outside_the_photo_is_left_out(finder):
    finder([Face(AWAY - np.array([350, 0]), 240.0, 1.0), Face(AWAY, 240.0, 1.0)])
    faces, remark = choose_faces(LARGE, "auto")
    assert len(faces) == 1
    assert "1 face found, 1 left out" in remark


@pytest.mark.parametrize("off, aligned", [(6, False), (14, True)])
def test_a_photo_of_the_frames_size_is_aligned_only_if_its_eyes_are_far_from_their_places(finder, off, aligned):
    finder([Face(FRAME_EYES + off, 120.0, 1.0), Face(FRAME_EYES - 70, 30.0, 1.0)])
    faces, remark = choose_faces(FRAME, None)
    assert (faces is not None) == aligned == bool(remark)


def test_remarks_speak_of_what_is_done_with_the_picture(finder):
    words = choice.Words("sketch", "compared", "compares")
    said = []
    for faces, turns in ((None, 0), ([], 0), ([Face(AWAY, 240.0, 1.2)], 0), ([Face(AWAY, 240.0, 0.7)], 1)):
        finder(faces, turns)
        said.append(choose_faces(LARGE, None, words=words).remark)
    assert all("draw" not in remark and "photo" not in remark for remark in said)
    assert [remark.count("compare") for remark in said] == [1, 1, 1, 1]
