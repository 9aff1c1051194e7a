from dataclasses import replace

import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.pairs import Pair
from pysketch.images.variation.parts import find_parts
from pysketch.images.variation.vary import Variation, vary


@pytest.fixture(scope="module")
def pair():
    """A synthetic person in the studio."""
    face = replace(synthetic.random_face(1003), background_top=(120, 205, 245), background_bottom=(90, 170, 215))
    return Pair("studio", synthetic.draw_photo(face), synthetic.draw_sketch(face))


@pytest.fixture(scope="module")
def parts(pair):
    return find_parts(pair.photo, pair.sketch)


def varied(pair, parts, seed=0, **options):
    return vary(pair, parts, Variation(**options), np.random.default_rng(seed), pair.photo[:, ::-1])


def test_with_everything_off_a_pair_stays_as_it_is(pair, parts):
    same = varied(pair, parts)
    np.testing.assert_array_equal(same.photo, pair.photo)
    np.testing.assert_array_equal(same.sketch, pair.sketch)
    assert Variation().is_off
    assert not Variation(skin=0.1).is_off


def test_the_generator_alone_decides(pair, parts):
    options = {"background": 0.7, "skin": 0.5, "hair": 0.5, "side_light": 0.2, "shadow": 0.3, "grey": 0.2, "turn": 4}
    options |= {"zoom": 0.05, "blur": 1.2, "noise": 4, "jpeg": 0.3}
    one, again, other = (varied(pair, parts, seed, **options) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.photo, again.photo)
    np.testing.assert_array_equal(one.sketch, again.sketch)
    assert not np.array_equal(one.photo, other.photo)
    assert (one.photo.dtype, one.photo.shape) == (np.uint8, (250, 200, 3))
    assert (one.sketch.dtype, one.sketch.shape) == (np.uint8, (250, 200))


def test_another_background_leaves_the_person_and_the_sketch(pair, parts):
    new = varied(pair, parts, background=1)
    person, behind = parts.screen < 1e-3, parts.screen > 0.999
    assert np.abs(new.photo[person].astype(int) - pair.photo[person]).mean() < 1
    assert np.abs(new.photo[behind].astype(int) - pair.photo[behind]).mean() > 10
    np.testing.assert_array_equal(new.sketch, pair.sketch)


def test_other_skin_changes_the_face_and_not_the_sketch(pair, parts):
    faces = [varied(pair, parts, seed, skin=1).photo[parts.skin > 0.9].mean() for seed in range(8)]
    assert max(faces) - min(faces) > 80
    new = varied(pair, parts, skin=1)
    away = (parts.skin + parts.lips + parts.eyes) < 1e-4
    assert np.abs(new.photo[away].astype(int) - pair.photo[away]).max() <= 1
    np.testing.assert_array_equal(new.sketch, pair.sketch)


@pytest.mark.parametrize("options", [{"side_light": 0.5}, {"shadow": 1.0}, {"grey": 1.0}, {"noise": 8}, {"jpeg": 1.0}])
def test_light_and_camera_change_the_photo_alone(pair, parts, options):
    new = varied(pair, parts, 3, **options)
    assert np.abs(new.photo.astype(int) - pair.photo).mean() > 0.2
    np.testing.assert_array_equal(new.sketch, pair.sketch)


def test_photo_and_sketch_are_moved_alike(pair, parts):
    """A mark at one place of both pictures is at one place of both afterwards."""
    photo, sketch = np.zeros_like(pair.photo), np.full_like(pair.sketch, 255)
    photo[88:93, 60:65], sketch[88:93, 60:65] = 255, 0
    for seed in range(5):
        new = varied(Pair("mark", photo, sketch), parts, seed, turn=6, zoom=0.08)
        places = [
            np.array(np.nonzero(mark)) @ mark[np.nonzero(mark)] / mark.sum()
            for mark in (new.photo[..., 0].astype(float), 255 - new.sketch.astype(float))
        ]
        np.testing.assert_allclose(places[0], places[1], atol=0.1)
        assert np.abs(places[0] - (90, 62)).max() > 0.1


def test_black_wedges_of_a_sketch_are_paper_and_lie_behind_the_person(pair):
    photo, sketch = pair.photo.copy(), pair.sketch.copy()
    photo[:8], sketch[:8] = 0, 0
    wedged = Pair("wedged", photo, sketch)
    new = varied(wedged, find_parts(photo, sketch), 1, background=1)
    assert (new.sketch[:8] == 255).all()
    assert new.photo[:6].max() > 30
