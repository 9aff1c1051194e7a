"""A glance at a photo: aligned faces pass, moved ones and pictures of another size do not."""

from pathlib import Path

import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.aligned import eye_places, frame_sized, in_place, seems_aligned
from pysketch.images.alignment import FRAME_EYES
from pysketch.images.pictures import list_images, read_photo, warp

FACES = Path(__file__).parents[2].parent / "shared" / "data" / "cuhk_student"


def test_made_faces_pass_whole_and_cropped():
    photos = [synthetic.face_pair(seed)[0] for seed in (1, 2, 3, 4)]
    assert all(seems_aligned(photo) for photo in photos)
    assert all(seems_aligned(photo[25:225, 22:177]) for photo in photos)


@pytest.mark.skipif(not FACES.is_dir(), reason="the data set is not in ../shared/data")
def test_real_faces_pass():
    paths = [path for split in ("train", "test") for path in list_images(FACES / split / "photos")]
    assert all(seems_aligned(read_photo(path)) for path in paths[::6])


@pytest.mark.parametrize("matrix", [[[1, 0, 0], [0, 1, 30]], [[0.6, 0, 40], [0, 0.6, 50]], [[1, 0, 35], [0, 1, -5]]])
def test_moved_and_larger_faces_do_not(matrix):
    photos = [synthetic.face_pair(seed)[0] for seed in (1, 2, 3, 4)]
    assert sum(seems_aligned(warp(photo, np.array(matrix, float), (200, 250))) for photo in photos) <= 1


@pytest.mark.slow
def test_a_face_upside_down_does_not():
    photos = [synthetic.face_pair(seed)[0] for seed in range(1, 9)]
    assert not any(seems_aligned(photo[::-1, ::-1]) for photo in photos)


def test_light_from_a_side_changes_nothing():
    photo = synthetic.face_pair(2)[0]
    light = np.linspace(0.5, 1, 200)[:, None]
    assert seems_aligned((photo * light).astype(np.uint8))
    assert seems_aligned((photo * light[::-1]).astype(np.uint8))


@pytest.mark.parametrize("size", [(400, 500), (31, 29), (200, 200), (250, 200), (1000, 750)])
def test_a_photo_of_another_size_or_shape_is_not_aligned(size):
    assert frame_sized(size) == (size == (200, 200))
    assert not seems_aligned(np.zeros((*size[::-1], 3), np.uint8))


def test_a_plain_picture_is_not_a_face():
    assert not seems_aligned(np.full((250, 200, 3), 128, np.uint8))


def test_eyes_are_in_place_up_to_ten_pixels_in_the_frame_and_in_a_crop_of_its_middle():
    assert in_place(FRAME_EYES + np.array([6, -7]), (200, 250))
    assert not in_place(FRAME_EYES + np.array([[0, 0], [8, 8]]), (200, 250))
    assert in_place(np.array([[53, 100], [102, 101]]), (155, 200))
    assert not in_place(FRAME_EYES, (155, 200))


def test_eyes_belong_in_a_crop_where_they_are_in_the_frame():
    assert eye_places((200, 250)).tolist() == FRAME_EYES.tolist()
    assert eye_places((155, 200)).tolist() == [[52.5, 100], [102.5, 100]]
