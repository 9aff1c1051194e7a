import numpy as np
import pytest

from pysketch.drawing.faces import draw_faces
from pysketch.errors import DataError
from pysketch.images.alignment import align, paste
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
    for sketch, eyes in zip(sketches, FACES, strict=True):
        np.testing.assert_array_equal(sketch, draw(align(photo, eyes), False))


def test_pasted_sketches_are_of_the_frames_size_and_all_in_one_picture(photo):
    (picture,) = draw_faces(draw, photo, FACES, pasted=True)
    expected = photo
    for eyes in FACES:
        expected = paste(expected, draw(align(photo, eyes), True), eyes)
    np.testing.assert_array_equal(picture, expected)
    assert (picture != photo).any()


@pytest.mark.parametrize("pasted", [False, True])
def test_beside_each_picture_is_what_was_drawn(photo, pasted):
    plain = draw_faces(draw, photo, FACES, pasted=pasted)
    seen = [photo] if pasted else [align(photo, eyes) for eyes in FACES]
    both = draw_faces(draw, photo, FACES, pasted=pasted, beside=True)
    for pair, left, right in zip(both, seen, plain, strict=True):
        np.testing.assert_array_equal(pair, side_by_side(left, right))


def test_eyes_outside_the_photo_are_refused(photo):
    with pytest.raises(DataError, match="outside the 90x80 picture"):
        draw_faces(draw, photo, [FACES[0] + 900])
