from dataclasses import fields

import numpy as np

from pysketch.images.synthetic.face import BEARDS, COLLARS, GLASSES, HAIR_STYLES, random_face

FACES = [random_face(seed) for seed in range(200)]


def test_the_same_seed_gives_the_same_face():
    assert random_face(7) == random_face(7)


def test_every_parameter_varies_between_persons():
    for field in fields(FACES[0]):
        assert len({getattr(face, field.name) for face in FACES}) > 1, field.name


def test_eyes_stay_within_four_pixels_of_the_aligned_frame():
    for face in FACES:
        for side, x in ((-1, 75), (1, 125)):
            assert abs(face.centre_x + side * face.eye_distance / 2 - x) < 4
        assert abs(face.eye_y - 125) < 4


def test_features_lie_in_order_from_crown_to_chin():
    for face in FACES:
        heights = [
            face.crown_y,
            face.hairline_y,
            face.eye_y - face.brow_gap,
            face.eye_y,
            face.nose_y,
            face.mouth_y - face.upper_lip,
            face.mouth_y + face.lower_lip,
            face.chin_y,
        ]
        assert heights == sorted(heights)


def test_every_style_is_worn_by_somebody():
    for name, choices in (("hair_style", HAIR_STYLES), ("beard", BEARDS), ("glasses", GLASSES), ("collar", COLLARS)):
        assert {getattr(face, name) for face in FACES} == set(choices)


def test_colours_are_between_0_and_255():
    for face in FACES:
        for name in ("skin", "iris", "hair", "clothes", "background_top", "background_bottom"):
            colour = np.array(getattr(face, name))
            assert colour.shape == (3,)
            assert colour.min() >= 0
            assert colour.max() <= 255
