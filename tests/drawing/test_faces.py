import numpy as np
import pytest

from pysketch.drawing.faces import draw_faces
from pysketch.errors import DataError
from pysketch.images.alignment import FRAME_EYES, align
from pysketch.images.pasting import paste
from pysketch.images.pictures import side_by_side

FACES = [np.array([[20.0, 31.0], [33.0, 30.0]]), np.array([[51.0, 40.0], [62.0, 43.0]])]


@pytest.fixture
def photo():
    return np.random.default_rng(4).integers(0, 256, (80, 90, 3)).astype(np.uint8)


def draw(picture, size_as_input):
    """A net that loses one row and column at each border, unless it reflects them."""
    return picture[:, :, 1] if size_as_input else picture[1:-1, 1:-1, 1]


def test_without_faces_the_photo_is_drawn_as_it_is(photo):
    for flag in (False, True):
        (sketch,) = draw_faces(draw, photo, None, size_as_input=flag)
        np.testing.assert_array_equal(sketch, draw(photo, flag))


def test_each_face_is_drawn_in_the_frame_in_their_order(photo):
    sketches = draw_faces(draw, photo, FACES)
    middle = np.s_[60:-60, 60:-60]
    for sketch, eyes in zip(sketches, FACES, strict=True):
        np.testing.assert_array_equal(sketch[middle], draw(align(photo, eyes), False)[middle])


def test_pasted_sketches_are_of_the_frames_size_and_all_in_one_picture(photo):
    (picture,) = draw_faces(draw, photo, FACES, pasted=True)
    expected = paste(photo, [draw(align(photo, eyes), True) for eyes in FACES], FACES)
    np.testing.assert_array_equal(picture, expected)
    assert (picture != photo).any()


@pytest.mark.parametrize("pasted", [False, True])
def test_beside_each_picture_is_what_was_drawn(photo, pasted):
    plain = draw_faces(draw, photo, FACES, pasted=pasted)
    seen = [photo] if pasted else [align(photo, eyes) for eyes in FACES]
    both = draw_faces(draw, photo, FACES, pasted=pasted, beside=True)
    for pair, left, right in zip(both, seen, plain, strict=True):
        shown = side_by_side(left, right)
        assert pair.shape == shown.shape
        middle = np.s_[:] if pasted else np.s_[60:-60, 60:140]
        np.testing.assert_array_equal(pair[middle], shown[middle])
        np.testing.assert_array_equal(pair[:, left.shape[1] :], shown[:, left.shape[1] :])


def test_eyes_outside_the_photo_are_refused(photo):
    with pytest.raises(DataError, match="outside the 90x80 picture"):
        draw_faces(draw, photo, [FACES[0] + 900])


@pytest.mark.parametrize("as_large", [False, True])
def test_what_lies_outside_the_photo_is_paper_not_its_border_going_on(as_large):
    photo = np.full((120, 90, 3), 70, np.uint8)
    eyes = np.array([[20.0, 50.0], [70.0, 50.0]])  # the photo begins at the frame's (55, 75) and ends at (145, 195)
    (both,) = draw_faces(draw, photo, [eyes], beside=True, size_as_input=as_large)
    (sketch,) = draw_faces(draw, photo, [eyes], size_as_input=as_large)
    lost = 0 if as_large else 1
    assert sketch.shape == (250 - 2 * lost, 200 - 2 * lost)
    assert (sketch[75 - lost : 195 - lost, 55 - lost : 145 - lost] == 70).all()
    for outside in (sketch[: 68 - lost], sketch[202 - lost :], sketch[:, : 48 - lost], sketch[:, 152 - lost :]):
        assert (outside == 255).all()
    assert (both[:68, :200] == 255).all()
    assert (both[80:190, 60:140] == 70).all()


def test_a_photo_that_fills_the_frame_is_drawn_to_its_border():
    photo = np.random.default_rng(5).integers(0, 256, (250, 200, 3)).astype(np.uint8)
    (sketch,) = draw_faces(draw, photo, [FRAME_EYES], size_as_input=True)
    np.testing.assert_array_equal(sketch, photo[:, :, 1])
