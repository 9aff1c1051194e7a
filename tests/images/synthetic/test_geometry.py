from dataclasses import replace

import numpy as np
import pytest

from pysketch.images.synthetic import geometry
from pysketch.images.synthetic.face import random_face
from pysketch.images.synthetic.shapes import fill

FACES = [random_face(seed) for seed in range(30)]


def test_the_head_reaches_from_crown_to_chin_and_is_as_wide_as_told():
    for face in FACES:
        x, y = geometry.head_outline(face).T
        assert y.min() == pytest.approx(face.crown_y, abs=2)
        assert y.max() == pytest.approx(face.chin_y, abs=2)
        assert x.max() - x.min() == pytest.approx(2 * face.head_width, abs=3)


def test_left_and_right_are_mirror_images():
    face = FACES[0]
    for part in (
        geometry.ear_outline,
        geometry.upper_lid,
        geometry.brow_line,
        geometry.nostril_wing,
        geometry.smile_fold,
    ):
        left, right = part(face, -1), part(face, 1)
        assert np.allclose(left[:, 0] + right[:, 0], 2 * face.centre_x)
        assert np.allclose(left[:, 1], right[:, 1])


def test_eyes_nose_and_mouth_lie_inside_the_head():
    for face in FACES:
        head = fill(geometry.head_outline(face))
        for part in (
            geometry.upper_lid(face, -1),
            geometry.lower_lid(face, 1),
            geometry.nose_tip(face),
            geometry.upper_lip(face),
            geometry.lower_lip(face),
        ):
            x, y = np.rint(part).astype(int).T
            assert head[y, x].min() > 0.99


def test_lids_meet_in_the_corners_and_enclose_the_pupil():
    for face in FACES:
        for side in geometry.SIDES:
            upper, lower = geometry.upper_lid(face, side), geometry.lower_lid(face, side)
            assert np.allclose(upper[[0, -1]], lower[[0, -1]])
            x, y = geometry.eye_centre(face, side)
            assert fill(np.concatenate([upper, lower[::-1]]))[round(y), round(x)] > 0.99


def test_lips_meet_in_the_corners_of_the_mouth():
    face = FACES[1]
    corners = geometry.lip_line(face)[[0, -1]]
    assert np.allclose(geometry.upper_lip(face)[[0, -1]], corners)
    assert np.allclose(geometry.lower_lip(face)[[0, -1]], corners)
    assert corners[1, 0] - corners[0, 0] == pytest.approx(2 * face.mouth_width)


@pytest.mark.parametrize("shape", ["round", "square"])
def test_rims_surround_the_eyes_and_do_not_touch_each_other(shape):
    face = replace(FACES[3], glasses=shape)
    left, right = (fill(geometry.rim(face, side)) for side in geometry.SIDES)
    for side, lens in zip(geometry.SIDES, (left, right), strict=True):
        x, y = np.rint(geometry.upper_lid(face, side)).astype(int).T
        assert lens[y, x].min() > 0.99
    assert (left * right).max() < 1e-6
    assert len(geometry.glasses_wires(face)) == 3


def test_a_beard_covers_the_chin_and_a_moustache_only_the_upper_lip():
    for face in FACES:
        chin = round(face.chin_y) - 4, round(face.centre_x)
        lip = round(0.3 * (face.nose_y + 4) + 0.7 * (face.mouth_y - 3)), round(face.centre_x) + 6
        beard, moustache = fill(geometry.beard_outline(face)), fill(geometry.moustache_outline(face))
        assert beard[chin] > 0.99
        assert moustache[chin] < 1e-6
        assert moustache[lip] > 0.9
        assert beard[: int(face.eye_y)].max() < 1e-6
