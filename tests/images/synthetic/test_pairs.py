from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.synthetic import pairs

pytestmark = pytest.mark.slow

SEEDS = (3, 14, 159, 2653)
face_pair, draw_photo, draw_sketch = map(cache, (synthetic.face_pair, synthetic.draw_photo, synthetic.draw_sketch))
"""Each face is drawn once."""


def brightness(picture):
    """Grey levels (h, w) of a photo or a drawing."""
    return picture.mean(axis=2) if picture.ndim == 3 else picture.astype(float)


def difference(a, b):
    return np.abs(a.astype(float) - b.astype(float)).mean()


def around(picture, x, y, radius):
    x, y = round(x), round(y)
    return brightness(picture)[y - radius : y + radius + 1, x - radius : x + radius + 1].mean()


def test_a_pair_is_a_colour_photo_and_a_grey_drawing_of_the_aligned_size():
    photo, sketch = synthetic.face_pair(5)
    assert (photo.shape, photo.dtype) == ((250, 200, 3), np.uint8)
    assert (sketch.shape, sketch.dtype) == ((250, 200), np.uint8)


def test_the_same_seed_gives_the_same_bytes():
    first, second = synthetic.face_pair(8), synthetic.face_pair(8)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()
    assert synthetic.random_face(8) == synthetic.random_face(8)


def test_different_seeds_look_clearly_different():
    pairs = [face_pair(seed) for seed in SEEDS]
    for i, (photo, sketch) in enumerate(pairs):
        for other_photo, other_sketch in pairs[:i]:
            assert difference(photo, other_photo) > 15
            assert difference(sketch, other_sketch) > 8


@pytest.mark.parametrize("seed", SEEDS)
def test_both_pictures_are_dark_where_the_pupils_belong(seed):
    for picture in face_pair(seed):
        for x in (75, 125):
            # The darkest 5x5 patch near (x, 125) is the pupil; beside the nose lies bare cheek.
            eye = min(around(picture, x + dx, 125 + dy, 2) for dx in range(-4, 5) for dy in range(-3, 4))
            cheek = around(picture, x, 153, 5)
            assert eye < 0.75 * cheek


@pytest.mark.parametrize(
    "change", [{"light_angle": -50.0, "light_strength": 1.0}, {"noise": 12.0}, {"background_top": (10.0, 200.0, 30.0)}]
)
def test_light_background_and_noise_leave_the_drawing_as_it_is(change):
    face = replace(synthetic.random_face(21), light_angle=30.0)
    changed = replace(face, **change)
    assert difference(draw_photo(face), draw_photo(changed)) > 2
    assert np.array_equal(draw_sketch(face), draw_sketch(changed))


@pytest.mark.parametrize(
    "change, rows",
    [
        ({"eye_distance": 44.0}, slice(115, 136)),
        ({"mouth_width": 30.0}, slice(170, 195)),
        ({"chin_y": 222.0}, slice(195, 235)),
        ({"glasses": "square"}, slice(110, 142)),
        ({"hair_style": "curly"}, slice(20, 110)),
        ({"beard": "full"}, slice(160, 215)),
    ],
)
def test_a_change_of_the_person_shows_in_both_pictures(change, rows):
    face = replace(synthetic.random_face(21), glasses="none", hair_style="crop", beard="none")
    changed = replace(face, **change)
    assert difference(draw_photo(face)[rows], draw_photo(changed)[rows]) > 1
    assert difference(draw_sketch(face)[rows], draw_sketch(changed)[rows]) > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_drawing_has_dark_lines_on_light_paper(seed):
    sketch = face_pair(seed)[1]
    assert np.median(sketch[:, :20]) > 235
    assert np.median(sketch) > 200
    assert 0.005 < (sketch < 90).mean() < 0.3


def test_training_and_test_persons_are_disjoint():
    training, test = synthetic.training_pairs(3), synthetic.test_pairs(2)
    assert [name for name, _, _ in training][:2] == ["train-000", "train-001"]
    assert [name for name, _, _ in test][:2] == ["test-000", "test-001"]
    photos = {photo.tobytes() for _, photo, _ in training + test}
    sketches = {sketch.tobytes() for _, _, sketch in training + test}
    assert len(photos) == len(sketches) == 5


def test_full_training_and_test_seeds_do_not_meet():
    seeds = []
    random_face = pairs.random_face

    def record(seed):
        seeds.append(seed)
        return random_face(seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "random_face", record)
        for draw in ("draw_photo", "draw_sketch"):
            patch.setattr(pairs, draw, lambda face: None)
        assert (len(synthetic.training_pairs()), len(synthetic.test_pairs())) == (88, 24)
    assert len(set(seeds)) == 112


def test_asking_for_more_pairs_keeps_the_first_ones():
    short, long = synthetic.test_pairs(1), synthetic.test_pairs(2)
    assert short[0][0] == long[0][0]
    assert np.array_equal(short[0][1], long[0][1])
    assert np.array_equal(short[0][2], long[0][2])


def test_further_pairs_are_made_one_after_the_other_of_other_persons_the_same_forever():
    made = synthetic.further_pairs(10**9)
    name, photo, sketch = next(made)
    assert name == "face-000"
    for found, expected in zip((photo, sketch), synthetic.face_pair(2000000), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert next(made)[0] == "face-001"
    assert list(synthetic.further_pairs(0)) == []
