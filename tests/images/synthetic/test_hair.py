from dataclasses import replace

import numpy as np
import pytest

from pysketch.images.synthetic import hair
from pysketch.images.synthetic.face import HAIR_STYLES, random_face
from pysketch.images.synthetic.shapes import fill

FACE = random_face(12)


def front_mask(face):
    return np.minimum(sum(fill(ribbon.outline()) for ribbon in hair.front_hair(face)), 1)


@pytest.mark.parametrize("style", HAIR_STYLES)
def test_front_hair_leaves_eyes_nose_and_mouth_free(style):
    mask = front_mask(replace(FACE, hair_style=style))
    assert mask[115:190, 68:133].max() < 1e-6
    assert mask.sum() > 500


@pytest.mark.parametrize("style", sorted(set(HAIR_STYLES) - {"receding"}))
def test_front_hair_covers_the_crown_without_a_seam(style):
    face = replace(FACE, hair_style=style)
    row = round(0.5 * (face.crown_y + face.hairline_y))
    assert front_mask(face)[row, 75:126].min() > 0.98


def test_a_receding_head_is_bare_on_top():
    assert front_mask(replace(FACE, hair_style="receding"))[round(FACE.crown_y) : 90, 85:116].max() < 1e-6


@pytest.mark.parametrize(
    "style, number", [("bun", 1), ("long", 1), ("bob", 1), ("fringe", 1), ("crop", 0), ("curly", 0)]
)
def test_only_some_styles_have_hair_behind_the_head(style, number):
    assert len(hair.back_hair(replace(FACE, hair_style=style))) == number


def test_long_hair_reaches_the_lower_edge_and_a_bob_does_not():
    assert front_mask(replace(FACE, hair_style="long"))[249].max() > 0.99
    assert front_mask(replace(FACE, hair_style="bob"))[round(FACE.chin_y) + 8 :].max() < 1e-6


@pytest.mark.parametrize("style", HAIR_STYLES)
def test_hairs_stay_close_to_their_ribbon(style):
    rng = np.random.default_rng(4)
    for ribbon in hair.front_hair(replace(FACE, hair_style=style)):
        paths, along = hair.hairs(ribbon, 11, 0.5, rng)
        assert paths.shape == (11, along.shape[1], 2)
        low, high = ribbon.outline().min(axis=0) - 6, ribbon.outline().max(axis=0) + 6
        assert (paths > low).all()
        assert (paths < high).all()


def test_curls_are_short_and_lie_near_their_ribbon():
    ribbon = hair.front_hair(replace(FACE, hair_style="curly"))[0]
    paths, along = hair.curls(ribbon, 13, np.random.default_rng(4))
    assert paths.shape == (13, along.shape[1], 2)
    assert np.ptp(paths, axis=1).max() < 11
    assert (paths > ribbon.outline().min(axis=0) - 7).all()
    assert (paths < ribbon.outline().max(axis=0) + 7).all()


def test_the_same_generator_state_gives_the_same_hairs_and_another_gives_others():
    ribbon = hair.front_hair(FACE)[1]
    first, second, other = (hair.hairs(ribbon, 7, 1.0, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert np.abs(first - other).max() > 0.5


def test_brow_hairs_lie_above_the_eye():
    for side in (-1, 1):
        paths = hair.brow_hairs(FACE, side, np.random.default_rng(4))
        assert paths[..., 1].max() < FACE.eye_y - 5
        assert (side * (paths[..., 0] - FACE.centre_x) > 0).mean() > 0.99
