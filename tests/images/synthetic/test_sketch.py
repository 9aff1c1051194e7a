from dataclasses import replace

import numpy as np
import pytest

from pysketch.images.synthetic.face import BEARDS, COLLARS, GLASSES, HAIR_STYLES, random_face
from pysketch.images.synthetic.geometry import head_outline, lip_line
from pysketch.images.synthetic.sketch import draw_sketch

pytestmark = pytest.mark.slow

FACE = replace(random_face(12), glasses="none", beard="none", hair_style="crop")


def test_dark_hair_is_drawn_darker_than_fair_hair():
    dark, fair = (
        draw_sketch(replace(FACE, hair=colour))[55:75, 80:120].mean()
        for colour in ((25.0, 22.0, 22.0), (215.0, 185.0, 130.0))
    )
    assert dark < fair - 50


def test_dark_eyes_are_drawn_darker_than_light_ones():
    dark, light = (
        draw_sketch(replace(FACE, iris=colour))[120:131, 70:81].mean()
        for colour in ((40.0, 25.0, 20.0), (150.0, 180.0, 200.0))
    )
    assert dark < light - 5


def test_the_jaw_and_the_mouth_are_drawn_as_lines_darker_than_the_skin_beside_them():
    sketch = draw_sketch(FACE).astype(float)
    jaw = np.rint([point for point in head_outline(FACE) if 150 < point[1] < 185]).astype(int)
    inward = np.where(jaw[:, 0] < 100, 14, -14)
    assert sketch[jaw[:, 1], jaw[:, 0]].mean() < sketch[jaw[:, 1], jaw[:, 0] + inward].mean() - 40
    mouth = np.rint(lip_line(FACE)[20:-20]).astype(int)
    assert sketch[mouth[:, 1], mouth[:, 0]].mean() < 120


def test_the_forehead_is_left_light():
    assert draw_sketch(replace(FACE, skin=(245.0, 215.0, 195.0)))[96:102, 85:115].mean() > 225


def test_hair_covers_the_ears_outline_behind_it():
    crop, long = (draw_sketch(replace(FACE, hair_style=style)) for style in ("crop", "long"))
    assert np.abs(crop[120:145, 35:50].astype(float) - long[120:145, 35:50]).mean() > 20


@pytest.mark.parametrize(
    "name, choices", [("hair_style", HAIR_STYLES), ("beard", BEARDS), ("glasses", GLASSES), ("collar", COLLARS)]
)
def test_every_choice_of_style_gives_another_drawing(name, choices):
    sketches = {draw_sketch(replace(FACE, **{name: choice})).tobytes() for choice in choices}
    assert len(sketches) == len(choices)


def test_another_strand_seed_moves_the_pencil_but_not_the_person():
    first = draw_sketch(FACE).astype(float)
    second = draw_sketch(replace(FACE, strand_seed=FACE.strand_seed + 1)).astype(float)
    assert 0.5 < np.abs(first - second).mean() < 15
