"""The outlines of neck and clothes lie where a photo of head and shoulders has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pysketch.images.synthetic import clothes
from pysketch.images.synthetic.face import COLLARS, random_face
from pysketch.images.synthetic.shapes import fill

FACE = random_face(2)


@pytest.mark.parametrize("collar", COLLARS)
def test_clothes_cover_the_shoulders_but_not_the_chin(collar):
    face = replace(FACE, collar=collar)
    covered = fill(clothes.clothes_outline(face))
    assert covered[249, [30, 170]].min() > 0.99
    assert covered[: int(face.chin_y) - 8].max() < 1e-6


@pytest.mark.parametrize(("collar", "flaps"), [("shirt", 2), ("crew", 0), ("v-neck", 0), ("turtleneck", 0)])
def test_only_a_shirt_has_flaps_and_every_collar_a_band_on_both_sides(collar, flaps):
    face = replace(FACE, collar=collar)
    assert len(clothes.collar_flaps(face)) == flaps
    left, right = clothes.collar_band(face)
    assert np.allclose(left[:, 0] + right[:, 0], 2 * face.centre_x)


def test_the_neck_joins_the_chin_to_the_clothes():
    for seed in range(10):
        face = replace(random_face(seed), collar="crew")
        neck, covered = fill(clothes.neck_outline(face)), fill(clothes.clothes_outline(face))
        column = np.maximum(neck, covered)[int(face.chin_y) - 10 :, round(face.centre_x)]
        assert column.min() > 0.95
