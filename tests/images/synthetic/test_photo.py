from dataclasses import replace

import numpy as np
import pytest

from pysketch.images.synthetic.face import BEARDS, COLLARS, GLASSES, HAIR_STYLES, random_face
from pysketch.images.synthetic.photo import draw_photo

pytestmark = pytest.mark.slow

FACE = replace(random_face(12), glasses="none", beard="none", hair_style="crop", noise=0.0)


def cheeks(face):
    photo = draw_photo(face).astype(float)
    return photo[145:170, 58:68].mean(), photo[145:170, 132:142].mean()


def test_the_lamp_lights_the_side_it_stands_on():
    left, right = cheeks(replace(FACE, light_angle=-45.0, light_strength=0.9))
    assert left > right + 8
    left, right = cheeks(replace(FACE, light_angle=45.0, light_strength=0.9))
    assert right > left + 8


@pytest.mark.parametrize(
    "part, box",
    [
        ("skin", (slice(144, 150), slice(70, 80))),
        ("hair", (slice(60, 70), slice(90, 110))),
        ("clothes", (slice(244, 250), slice(35, 50))),
    ],
)
def test_a_part_takes_its_colour(part, box):
    red, blue = (
        draw_photo(replace(FACE, **{part: colour}))[box].mean(axis=(0, 1))
        for colour in ((200.0, 60.0, 60.0), (60.0, 60.0, 200.0))
    )
    assert red[0] > red[2] + 40
    assert blue[2] > blue[0] + 40


def test_the_background_runs_from_its_top_to_its_bottom_colour():
    red, blue = (200.0, 100.0, 100.0), (100.0, 100.0, 200.0)
    photo = draw_photo(replace(FACE, background_top=red, background_bottom=blue))
    assert photo[2, 2, 0] > photo[2, 2, 2] + 50
    assert photo[215, 4, 2] > photo[215, 4, 0] + 30


def test_sensor_noise_has_the_strength_asked_for():
    clean = draw_photo(FACE).astype(float)
    noisy = draw_photo(replace(FACE, noise=4.0)).astype(float)
    assert (noisy - clean)[:30].std() == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize(
    "name, choices", [("hair_style", HAIR_STYLES), ("beard", BEARDS), ("glasses", GLASSES), ("collar", COLLARS)]
)
def test_every_choice_of_style_gives_another_photo(name, choices):
    photos = {draw_photo(replace(FACE, **{name: choice})).tobytes() for choice in choices}
    assert len(photos) == len(choices)


def test_drawing_does_not_disturb_numpys_global_generator():
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    draw_photo(FACE)
    assert np.random.random() == expected
