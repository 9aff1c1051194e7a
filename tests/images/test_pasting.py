"""Pasting: soft, in its place, each pixel by the nearer face, nothing else changed."""

import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.alignment import FRAME_EYES, FRAME_SIZE, align, frame_to_picture, inverse, moved
from pysketch.images.pasting import head_and_shoulders, paste

EYES = np.array([[180.0, 240.0], [240.0, 225.0]])
WHOLE = np.full((250, 200), 255, np.uint8)


def drawing(level):
    return np.full((250, 200), level, np.uint8)


def test_the_mask_is_a_head_above_shoulders_and_fades_to_nothing_at_the_border():
    mask = head_and_shoulders().astype(int)
    assert mask.shape == FRAME_SIZE[::-1]
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert (edge == 0).all()
    assert (mask[40:200, 75:126] == 255).all()  # the face
    assert (mask[5] < 60).all()
    assert (mask[:20, [20, 180]] == 0).all()  # beside and above the head
    wide = (mask > 128).sum(axis=1)
    assert wide[60] < wide[118] < wide[225]
    assert max(abs(np.diff(mask, axis=axis)).max() for axis in (0, 1)) < 40
    np.testing.assert_array_equal(mask, mask[:, ::-1])


def test_a_pasted_drawing_lies_on_its_face_and_nothing_outside_its_mask_changes():
    _, sketch = synthetic.face_pair(3)
    picture = np.random.default_rng(1).integers(0, 256, (500, 430, 3)).astype(np.uint8)
    before = picture.copy()
    pasted = paste(picture, [sketch], [EYES])
    np.testing.assert_array_equal(picture, before)
    face = np.s_[40:200, 50:150]
    again = align(pasted, EYES)[face].astype(float)
    assert np.sqrt(((again - sketch[face][:, :, None]) ** 2).mean()) < 5
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    place = moved(inverse(frame_to_picture(EYES)), np.stack([x.ravel(), y.ravel()], axis=1))
    outside = ((place < 0) | (place > np.array(FRAME_SIZE) - 1)).any(axis=1).reshape(x.shape)
    assert 0.2 < outside.mean() < 0.9
    np.testing.assert_array_equal(pasted[outside], picture[outside])


def test_a_mask_may_come_from_elsewhere():
    mask = np.zeros((250, 200), np.uint8)
    mask[100:150, 50:100], mask[100:150, 100:150] = 255, 51
    pasted = paste(np.zeros((250, 200, 3), np.uint8), [drawing(200)], [FRAME_EYES], [mask])
    assert (pasted[105:145, 55:95] == 200).all()
    assert (pasted[105:145, 105:145] == 40).all()
    assert (pasted[:95] == 0).all()


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_faces_side_by_side_each_pixel_is_the_nearer_ones_in_any_order(order):
    faces = [FRAME_EYES, FRAME_EYES + np.array([60, 0])][::order]
    pasted = paste(np.full((250, 260, 3), 9, np.uint8), [drawing(100), drawing(200)][::order], faces)
    row = pasted[118, :, 0].astype(int)
    assert (abs(row[40:105] - 100) <= 2).all()
    assert (abs(row[155:220] - 200) <= 2).all()
    assert (np.diff(row[40:220]) >= 0).all()
    assert row[129] == pytest.approx(150, abs=6)


def test_where_equal_drawings_overlap_they_are_not_darker_than_alone():
    faces = [FRAME_EYES, FRAME_EYES + np.array([60, 5])]
    photo = np.full((260, 260, 3), 240, np.uint8)
    both = paste(photo, [drawing(90)] * 2, faces)
    alone = [paste(photo, [drawing(90)], [eyes]) for eyes in faces]
    assert abs(both.astype(int) - np.minimum(*alone)).max() <= 1


def test_a_frame_that_reaches_beyond_the_picture_is_pasted_as_far_as_it_goes():
    picture = np.zeros((60, 80, 3), np.uint8)
    eyes = np.array([[5.0, 10.0], [55.0, 10.0]])
    pasted = paste(picture, [drawing(90)], [eyes], [WHOLE])
    assert (pasted == 90).all()
    np.testing.assert_array_equal(paste(picture, [drawing(90)], [eyes + 900]), picture)
