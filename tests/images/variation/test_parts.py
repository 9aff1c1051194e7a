from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from pysketch.images import synthetic
from pysketch.images.variation.parts import find_parts, find_screen, find_wedges

BLUE, LIGHTER_BLUE, GREEN = (90, 170, 215), (120, 205, 245), (90, 200, 90)


def studio_photo(seed, top=LIGHTER_BLUE, bottom=BLUE, **changes):
    """A synthetic person before a blue screen, and where the screen is: where another screen would change the photo."""
    face = replace(synthetic.random_face(seed), noise=0.0, **changes)
    photo, other = (
        synthetic.draw_photo(replace(face, background_top=up, background_bottom=down))
        for up, down in ((top, bottom), (GREEN, GREEN))
    )
    return photo, np.abs(photo.astype(int) - other).max(axis=2) > 40


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
def test_the_keyed_outline_is_right_to_a_pixel(seed):
    photo, screen = studio_photo(seed)
    found = find_screen(photo)
    sure_screen, sure_person = ndimage.binary_erosion(screen), ~ndimage.binary_dilation(screen)
    assert (found[sure_screen]).mean() > 0.999
    assert (~found[sure_person]).mean() > 0.999


def test_a_person_in_a_darker_blue_is_no_screen():
    photo, screen = studio_photo(4, clothes=(30, 50, 150))
    assert not find_screen(photo)[~ndimage.binary_dilation(screen)].any()


def test_without_a_screen_nothing_is_known():
    photo, _ = studio_photo(6, GREEN, GREEN)
    parts = find_parts(photo, photo[..., 0])
    assert not parts.has_screen
    assert not any(mask.any() for mask in (parts.skin, parts.lips, parts.eyes, parts.hair))


def test_black_wedges_at_the_border_are_screen_and_black_hair_is_not():
    photo, _ = studio_photo(7)
    photo = photo.copy()
    photo[:9] = 0
    photo[100:130, 90:110] = 0
    found = find_screen(photo)
    assert found[:9].all()
    assert not found[105:125, 95:105].any()
    wedges = find_wedges(photo.max(axis=2))
    assert wedges[:11].all()
    assert not wedges[12:].any()


def test_skin_lips_eyes_and_hair_lie_where_they_are():
    face = replace(synthetic.random_face(1001), noise=0.0, background_top=LIGHTER_BLUE, background_bottom=BLUE)
    parts = find_parts(synthetic.draw_photo(face), synthetic.draw_sketch(face))
    assert parts.skin[150, 72] > 0.9  # a cheek
    assert parts.eyes[125, 75] > 0.9
    assert parts.lips[178, 100] > 0.9
    assert parts.hair[50, 100] > 0.9
    assert parts.screen[20, 10] > 0.99
    for mask in (parts.skin, parts.lips, parts.eyes, parts.hair, parts.screen):
        assert mask.dtype == np.float32
        assert 0 <= mask.min() <= mask.max() <= 1 + 1e-6
    np.testing.assert_allclose(parts.tone, np.array(face.skin), atol=40)
