"""Alignment: two eyes fix a similarity; pictures go into the frame by it and sketches back."""

import math

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.alignment import FRAME_EYES, FRAME_SIZE, align, coverage, frame_to_picture, inverse, moved
from pysketch.images.pictures import warp

EYES = np.array([[61.5, 80.25], [121.5, 35.25]])  # 75 apart, turned by -36.9 degrees


def in_a_scene(image, scale, degrees, size=(430, 470)):
    """The image turned and scaled about its middle in a larger picture, and the eyes' places there."""
    turn = math.radians(degrees)
    linear = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    shift = np.array(size) / 2 - linear @ (99.5, 124.5)
    matrix = np.column_stack([linear, shift])
    return warp(image, inverse(matrix), size), moved(matrix, FRAME_EYES)


def test_the_frames_eyes_go_to_the_pictures():
    np.testing.assert_allclose(moved(frame_to_picture(EYES), FRAME_EYES), EYES, atol=1e-12)


def test_the_map_turns_and_scales_without_shear_or_mirroring():
    linear = frame_to_picture(EYES)[:, :2]
    np.testing.assert_allclose(linear @ linear.T, 1.5**2 * np.eye(2), atol=1e-12)
    assert np.linalg.det(linear) > 0


def test_the_inverse_brings_points_back():
    matrix, points = frame_to_picture(EYES), np.array([[3.0, 5.0], [-7.0, 2.0], [11.0, 13.0]])
    np.testing.assert_allclose(moved(inverse(matrix), moved(matrix, points)), points, atol=1e-12)


def test_an_aligned_picture_stays_as_it_is():
    photo, sketch = synthetic.face_pair(3)
    np.testing.assert_array_equal(align(photo, FRAME_EYES), photo)
    np.testing.assert_array_equal(align(sketch, FRAME_EYES), sketch)


@pytest.mark.parametrize("scale, degrees", [(1.5, -20), (1.0, 17), (1.25, 0)])
def test_a_face_that_was_moved_turned_and_scaled_comes_back(scale, degrees):
    photo, _ = synthetic.face_pair(3)
    picture, eyes = in_a_scene(photo, scale, degrees)
    inside = np.s_[30:-30, 30:-30]
    back = align(picture, eyes)
    assert back.shape == photo.shape
    error = back[inside].astype(float) - photo[inside]
    assert np.sqrt((error**2).mean()) < 4
    shifted = align(picture, eyes + 1)[inside].astype(float) - photo[inside]
    assert (shifted**2).mean() > 4 * (error**2).mean()


def test_what_lies_outside_the_picture_goes_on_as_its_border():
    picture = np.full((90, 70), 50, np.uint8)
    picture[:, -1] = 200
    frame = align(picture, np.array([[15.0, 30.0], [65.0, 30.0]]))  # the frame's x = 60 is the picture's x = 0
    assert (frame[:, :125] == 50).all()
    assert (frame[:, 131:] == 200).all()


@pytest.mark.parametrize(
    "eyes, message",
    [
        ([[10, 20], [math.nan, 20]], r"eyes at \(10, 20\) and \(nan, 20\): expected finite numbers"),
        ([[10, 20], [13, 20]], "expected them at least 4 pixels apart"),
        ([[40, 20], [10, 20]], "expected the eye on the picture's left first"),
        ([[10, 20], [70, 20]], r"eyes at \(10, 20\) and \(70, 20\): outside the 70x90 picture"),
        ([[-0.5, 20], [30, 20]], "outside the 70x90 picture"),
    ],
)
def test_eyes_that_cannot_be_are_refused(eyes, message):
    with pytest.raises(DataError, match=message):
        align(np.zeros((90, 70), np.uint8), np.array(eyes, float))


def test_the_whole_frame_shows_an_aligned_picture_and_a_little_of_what_goes_on():
    assert (coverage(FRAME_SIZE, FRAME_EYES) == 1).all()
    assert (coverage(FRAME_SIZE, FRAME_EYES + np.array([-2, 1])) == 1).all()


def test_outside_the_picture_the_frame_fades_to_paper():
    eyes = np.array([[30.0, 20.0], [130.0, 20.0]])  # twice as large: the frame's x is 60 at the picture's x = 0
    share = coverage((170, 600), eyes)
    row = share[200]
    assert (row[:54] == 0).all()
    assert (np.diff(row[54:59]) > 0).all()
    assert (row[59:145] == 1).all()  # x = 170 is the frame's 145
    assert (share[:105] == 0).all()
