import numpy as np
import pytest

from pysketch.images.variation.parts import Parts
from pysketch.images.variation.recolour import MONK_TONES, monk_tone, sketched_hair, with_hair, with_skin

LUMA = np.array([0.299, 0.587, 0.114])
SHAPE = (4, 6)


def parts(**masks):
    """No part anywhere but where a mask says so; a face of tone (200, 150, 120)."""
    nothing = np.zeros(SHAPE, np.float32)
    given = {name: masks.get(name, nothing) for name in ("screen", "skin", "lips", "eyes", "hair")}
    return Parts(**given, tone=np.float32([200, 150, 120]), unpainted=np.zeros(SHAPE, bool))


def half():
    mask = np.zeros(SHAPE, np.float32)
    mask[:, :3] = 1
    return mask


def face(level=1.0):
    return np.full((*SHAPE, 3), (200, 150, 120), np.float32) * np.float32(level)


def test_tones_between_two_are_mixed():
    np.testing.assert_allclose(monk_tone(0), MONK_TONES[0])
    np.testing.assert_allclose(monk_tone(9), MONK_TONES[9])
    np.testing.assert_allclose(monk_tone(4.5), (MONK_TONES[4] + MONK_TONES[5]) / 2)


def test_a_pixel_of_the_faces_own_tone_gets_the_new_tone_and_what_is_no_skin_stays():
    new = with_skin(face(), parts(skin=half()), monk_tone(7))
    np.testing.assert_allclose(new[:, :3], np.broadcast_to(MONK_TONES[7], (4, 3, 3)), rtol=1e-5)
    np.testing.assert_array_equal(new[:, 3:], face()[:, 3:])


@pytest.mark.parametrize("contrast", [1.0, 1.5])
def test_shading_is_kept_and_grows_with_the_contrast(contrast):
    new = with_skin(face(0.5), parts(skin=half()), monk_tone(8), contrast)
    np.testing.assert_allclose(new[0, 0], MONK_TONES[8] * 0.5**contrast, rtol=1e-5)


def test_highlights_stay_on_dark_skin():
    dull, shiny = (with_skin(face(level), parts(skin=half()), monk_tone(9)) for level in (1.0, 1.2))
    brighter = (face(1.2) - face())[0, 0] @ LUMA
    np.testing.assert_allclose((shiny - dull)[0, 0], 0.6 * brighter, rtol=1e-4)


def test_lips_and_eyes_grow_darker_with_the_skin_but_not_lighter():
    for name, least, most in (("lips", 0.3, 0.6), ("eyes", 0.75, 0.95)):
        dark = with_skin(face(), parts(**{name: half()}), monk_tone(9))
        assert least < (dark / face())[0, 0].mean() < most
        light = with_skin(face(), parts(**{name: half()}), monk_tone(0))
        np.testing.assert_allclose(light, face())


def test_hair_of_middle_brightness_gets_the_colour_and_darker_hair_less_of_it():
    photo = np.full((*SHAPE, 3), 40, np.float32)
    photo[0, 0] = 10
    colour = np.float32([140, 70, 36])
    new = with_hair(photo, parts(hair=half()), colour)
    np.testing.assert_allclose(new[1, 1], colour, rtol=1e-5)
    np.testing.assert_allclose(new[0, 0], colour * (0.55 + 0.45 * 0.25), rtol=1e-5)
    np.testing.assert_array_equal(new[:, 3:], photo[:, 3:])


def test_a_bald_head_stays_bald():
    np.testing.assert_array_equal(with_hair(face(), parts(), np.float32([10, 10, 10])), face())


def test_white_hair_is_drawn_lightly_black_hair_as_it_was_and_paper_stays_paper():
    sketch = np.full((40, 40), 255, np.float32)
    sketch[10:30, 10:30] = 60
    mask = np.zeros((40, 40), np.float32)
    mask[10:30, 10:30] = 1
    nothing = np.zeros_like(mask)
    hair = Parts(nothing, nothing, nothing, nothing, mask, np.float32([200, 150, 120]), nothing > 0)
    white, black = (sketched_hair(sketch, hair, np.float32([v, v, v])) for v in (240, 20))
    assert white[20, 20] > 150
    np.testing.assert_allclose(black, sketch, atol=1e-3)
    np.testing.assert_allclose(white[:3], 255, atol=0.01)
