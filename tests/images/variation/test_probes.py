"""Photos with one thing changed: the skin's tone or the background; nothing else, and nothing by chance."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.pairs import Pair
from pysketch.images.pictures import write_image
from pysketch.images.variation import probes
from pysketch.images.variation.recolour import MONK_TONES


@pytest.fixture(scope="module")
def studio():
    """A synthetic person before a screen, and the parts of the photo."""
    face = replace(synthetic.random_face(1003), background_top=(120, 205, 245), background_bottom=(90, 170, 215))
    return probes.with_screen([Pair("studio", synthetic.draw_photo(face), synthetic.draw_sketch(face))], "folder")[0]


def test_photos_without_a_screen_are_left_out_and_none_with_one_is_an_error(studio):
    pair, _ = studio
    plain = replace(pair, photo=np.full_like(pair.photo, 200))
    assert [found for found, _ in probes.with_screen([plain, pair], "folder")] == [pair]
    with pytest.raises(DataError, match=r"^folder: none of the 1 photos has a blue screen"):
        probes.with_screen([plain], "folder")


def test_synthetic_persons_are_made_before_a_screen_or_in_a_tone(monkeypatch):
    monkeypatch.setattr(synthetic, "test_pairs", partial(synthetic.test_pairs, 1))
    ((_, parts),) = probes.with_screen([], "synthetic")
    assert parts.has_screen
    (light,), (dark,) = (probes.synthetic_in_tone(tone) for tone in (1, 10))
    places = probes.skin_places((250, 200))
    assert light.photo[places].mean() > 150 > 80 > dark.photo[places].mean()
    assert np.abs(light.photo[:20].astype(int) - dark.photo[:20]).max() == 0


def test_another_tone_changes_the_skin_alone(studio):
    pair, parts = studio
    dark = probes.in_tone(pair, parts, 9)
    places = probes.skin_places(pair.photo.shape)
    assert np.abs(np.median(dark.photo[places], axis=0) - MONK_TONES[8]).max() < 25
    untouched = (parts.skin + parts.lips + parts.eyes) == 0
    np.testing.assert_array_equal(dark.photo[untouched], pair.photo[untouched])
    assert dark.sketch is pair.sketch


def test_the_screen_is_replaced_by_a_picture_of_any_size_and_the_person_stays(studio):
    pair, parts = studio
    changed = probes.before_background(pair, parts, np.full((5, 4, 3), (10, 200, 30), np.uint8))
    assert np.unique(changed.photo[parts.screen == 1], axis=0).tolist() == [[10, 200, 30]]
    person = parts.screen == 0
    near = np.abs(changed.photo[person].astype(int) - pair.photo[person]).max(axis=1)
    assert (near == 0).mean() > 0.95


@pytest.mark.parametrize("name", probes.BACKGROUNDS)
def test_a_background_by_name_is_a_picture_and_the_same_every_time(name):
    one, again = probes.find_background(name), probes.find_background(name)
    assert (one.shape, one.dtype) == ((250, 200, 3), np.uint8)
    np.testing.assert_array_equal(one, again)
    assert (one.std() > 50) == (name in ("stripes", "noise"))


def test_a_background_may_be_a_picture_file_and_nothing_else(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(np.uint8)
    write_image(tmp_path / "wall.png", picture)
    np.testing.assert_array_equal(probes.find_background(str(tmp_path / "wall.png")), picture)
    with pytest.raises(DataError, match=r'^unknown background "blck": expected black, brown, .* or a picture file$'):
        probes.find_background("blck")


def test_the_places_lie_in_the_inner_face_and_follow_the_photos_size():
    places, inner = probes.skin_places((250, 200)), probes.inner_face((250, 200))
    assert places[152, 70] and places[152, 130] and places[97, 100]
    assert not places[125, 75] and not places[178, 100]
    assert (inner[places]).mean() > 0.95
    assert probes.skin_places((500, 400, 3))[304, 140]
