"""Sketches told from photos, in colour or not."""

import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.pictures import decode_picture, encode_picture
from pysketch.search.drawn import in_colour, looks_drawn

FACES = range(20, 24)


@pytest.fixture(scope="module")
def pairs():
    return [synthetic.face_pair(seed) for seed in FACES]


def in_colours(grey):
    return np.repeat(np.asarray(grey, np.uint8)[:, :, None], 3, axis=2)


def test_sketches_look_drawn_as_jpeg_and_as_their_centre_too(pairs):
    for _, sketch in pairs:
        picture = in_colours(sketch)
        assert looks_drawn(picture)
        assert looks_drawn(decode_picture(encode_picture(picture, ".jpg"), "sketch", True))
        assert looks_drawn(picture[25:-25, 22:-22])


def test_photos_do_not_in_colour_or_grey_or_with_grain(pairs):
    grain = np.random.default_rng(0).normal(0, 8, (250, 200))
    for photo, _ in pairs:
        grey = photo.mean(axis=2)
        for picture in (photo, in_colours(grey), in_colours(np.clip(grey + grain, 0, 255))):
            assert not looks_drawn(picture)


def test_not_all_photos_that_are_too_light_do(pairs):
    assert sum(looks_drawn(in_colours(np.clip(photo.mean(axis=2) * 1.3 + 30, 0, 255))) for photo, _ in pairs) < 3


def test_a_tinted_sketch_and_a_blank_sheet_do_not(pairs):
    tinted = in_colours(pairs[0][1])
    tinted[..., 2] //= 2
    assert not looks_drawn(tinted)
    assert not looks_drawn(np.full((250, 200, 3), 255, np.uint8))
    assert not looks_drawn(np.full((9, 8, 3), 255, np.uint8))


def test_a_large_photo_is_in_colour_and_a_large_sketch_is_not(pairs):
    photo, sketch = (each.repeat(5, axis=0).repeat(5, axis=1) for each in pairs[0])
    assert in_colour(photo)
    assert not in_colour(in_colours(sketch))


def test_photos_are_in_colour_and_sketches_on_paper_of_any_tint_are_not(pairs):
    for photo, sketch in pairs:
        assert in_colour(photo)
        assert not in_colour(in_colours(photo.mean(axis=2)))
        for tint in ((255, 255, 255), (255, 240, 200), (230, 200, 150), (200, 220, 255)):
            assert not in_colour((in_colours(sketch) * np.divide(tint, 255)).astype(np.uint8))
