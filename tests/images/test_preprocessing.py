"""From pixels to a net's input, and the crops that go with it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.pictures import to_luma
from pysketch.images.preprocessing import Preprocessing, centre, crop_centre, relight


def photo(h, w, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3)).astype(np.uint8)


def test_colours_are_less_the_mean_and_times_the_scale():
    data = Preprocessing(scale=0.5, mean=(10.0,)).apply(photo(2, 3))
    np.testing.assert_allclose(data[:3], (photo(2, 3).transpose(2, 0, 1) - 10.0) * 0.5, rtol=1e-6)


def test_each_colour_may_have_its_own_mean():
    pixels = np.full((2, 3, 3), 100, np.uint8)
    data = Preprocessing(mean=(1.0, 20.0, 100.0)).apply(pixels)
    assert data[:3, 0, 0].tolist() == [99, 80, 0]


def test_the_papers_literal_input_is_the_default():
    data = Preprocessing().apply(photo(5, 4))
    assert data.shape == (5, 5, 4)
    assert data.dtype == np.float32
    np.testing.assert_array_equal(data[:3], photo(5, 4).transpose(2, 0, 1))
    assert data[3].tolist() == [[-1, 0, 1, 2]] * 5
    assert data[4].tolist() == [[y] * 4 for y in (-2, -1, 0, 1, 2)]


def test_positions_are_scaled():
    data = Preprocessing(xy_scale=0.25).apply(photo(3, 5))
    assert data[3, 0].tolist() == [-0.5, -0.25, 0, 0.25, 0.5]
    assert data[4, :, 0].tolist() == [-0.25, 0, 0.25]


def test_without_positions_there_are_three_channels():
    preprocessing = Preprocessing(xy=False)
    assert preprocessing.channels == 3
    assert preprocessing.apply(photo(2, 3)).shape == (3, 2, 3)
    assert Preprocessing().channels == 5


@pytest.mark.parametrize(("size", "crop"), [((250, 200), (200, 155)), ((17, 16), (9, 7)), ((16, 17), (7, 8))])
def test_a_centre_crops_input_is_the_middle_of_the_whole_photos(size, crop):
    preprocessing = Preprocessing(scale=0.01, mean=(127.5,), xy_scale=0.1)
    whole = photo(*size)
    expected = crop_centre(preprocessing.apply(whole).transpose(1, 2, 0), crop[1], crop[0])
    found = preprocessing.apply(crop_centre(whole, crop[1], crop[0]))
    np.testing.assert_array_equal(found, expected.transpose(2, 0, 1))


def test_a_parts_input_is_that_part_of_the_whole_photos():
    preprocessing = Preprocessing(scale=0.01, mean=(127.5,), xy_scale=0.1)
    whole = preprocessing.apply(photo(17, 12))
    part = preprocessing.apply(photo(17, 12)[5:9, 2:12], corner=(5, 2), whole=(17, 12))
    np.testing.assert_array_equal(part, whole[:, 5:9, 2:12])


@pytest.mark.parametrize(("size", "middle"), [(1, 0), (2, 0), (3, 1), (4, 1), (155, 77), (200, 99), (250, 124)])
def test_the_centre_of_an_even_size_is_the_pixel_before_its_middle(size, middle):
    assert centre(size) == middle


@pytest.mark.parametrize(
    ("size", "crop", "start"),
    [((200, 250), (155, 200), (22, 25)), ((155, 200), (143, 188), (6, 6)), ((5, 4), (5, 4), (0, 0))],
)
def test_crops_start_where_the_papers_do(size, crop, start):
    (w, h), (width, height) = size, crop
    image = np.arange(h)[:, None] * 1000 + np.arange(w)
    found = crop_centre(image, width, height)
    assert found.shape == (height, width)
    assert (found[0, 0] % 1000, found[0, 0] // 1000) == start


def test_a_crop_is_moved_by_x_and_y():
    image = np.arange(7)[:, None] * 10 + np.arange(9)
    assert crop_centre(image, 3, 3)[0, 0] == 23
    assert crop_centre(image, 3, 3, (2, -1))[0, 0] == 15
    assert crop_centre(image, 3, 3, (-3, 2))[0, 0] == 40


@pytest.mark.parametrize("shift", [(-4, 0), (4, 0), (0, -3), (0, 3)])
def test_a_crop_moved_out_of_the_image_is_refused(shift):
    with pytest.raises(DataError) as error:
        crop_centre(np.zeros((7, 9)), 3, 3, shift)
    assert str(error.value) == f"a 3x3 crop moved by {shift} does not fit a 9x7 image (width x height)"


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(DataError, match=r"^a 4x9 crop does not fit a 5x8 image \(width x height\)$"):
        crop_centre(np.zeros((8, 5)), 4, 9)


@pytest.mark.parametrize(
    "preprocessing", [Preprocessing(), Preprocessing(1 / 3, (1.5, 2.0, 0.1), False, 1e-9), Preprocessing(mean=(127.5,))]
)
def test_json_gives_back_the_same_options(preprocessing):
    assert Preprocessing.from_json(preprocessing.to_json()) == preprocessing


GOOD = {"scale": 1, "mean": [0], "xy": True, "xy_scale": 1.0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scale": "1"}, "scale must be a finite number"),
        ({"scale": True}, "scale must be a finite number"),
        ({"scale": float("nan")}, "scale must be a finite number"),
        ({"xy_scale": float("inf")}, "xy_scale must be a finite number"),
        ({"xy": 1}, "xy must be true or false"),
        ({"mean": 3}, "mean must be a list of one number, or three"),
        ({"mean": [1, 2]}, "mean must be a list of one number, or three"),
        ({"mean": ["a"]}, "mean must be a finite number"),
        ({"direction": "up"}, "direction must be photo_to_sketch or sketch_to_photo, found 'up'"),
        ({"direction": ["up"]}, "direction must be photo_to_sketch or sketch_to_photo, found"),
        ({"direction": "sketch_to_photo", "mean": [1, 2, 3]}, "mean must be a list of one number'"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(change, reason):
    with pytest.raises(DataError, match=f"^net.h5: its preprocessing is malformed: .*{reason}"):
        Preprocessing.from_json(json.dumps(GOOD | change), "net.h5")


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_value_is_named(key):
    text = json.dumps({name: value for name, value in GOOD.items() if name != key})
    with pytest.raises(DataError, match=f"net.h5: its preprocessing is malformed: KeyError\\('{key}'\\)"):
        Preprocessing.from_json(text, "net.h5")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(DataError, match=r"^net\.h5: its preprocessing is malformed"):
        Preprocessing.from_json(text, "net.h5")


def test_a_number_too_large_for_a_float_is_refused():
    with pytest.raises(DataError, match="malformed"):
        Preprocessing.from_json(json.dumps(GOOD | {"scale": 10**400}))


def test_other_light_is_a_gamma_for_all_channels_and_a_gain_for_each():
    pixels, gains = photo(4, 3), (0.5, 1.0, 1.3)
    found = relight(pixels, 0.8, np.array(gains))
    assert (found.dtype, found.shape) == (np.uint8, (4, 3, 3))
    for row, column, channel in np.ndindex(4, 3, 3):
        level = round(gains[channel] * 255 * (int(pixels[row, column, channel]) / 255) ** 0.8)
        assert found[row, column, channel] == min(level, 255)


def test_light_that_changes_nothing_keeps_every_level():
    every = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)
    np.testing.assert_array_equal(relight(every, 1.0, np.ones(3)), every)


@pytest.mark.parametrize("mean", [(127.5,), (110.0, 90.0, 80.0)])
def test_undone_it_gives_the_pixels_back(mean):
    pixels = np.random.default_rng(2).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    preprocessing = Preprocessing(1 / 255, mean, True, 0.005)
    np.testing.assert_array_equal(preprocessing.undo(preprocessing.apply(pixels)), pixels)
    assert (Preprocessing(0.0, (7.0,)).undo(np.ones((5, 2, 2), np.float32)) == 7).all()


BACKWARDS = Preprocessing(0.5, (10.0,), direction="sketch_to_photo", xy_scale=0.25)


def test_from_sketch_to_photo_one_channel_holds_the_luma_before_x_and_y():
    data = BACKWARDS.apply(photo(3, 5))
    assert (data.shape, BACKWARDS.channels, BACKWARDS.drawn) == ((3, 3, 5), 3, "photo")
    np.testing.assert_allclose(data[0], (to_luma(photo(3, 5)) - 10.0) * 0.5, rtol=1e-6)
    np.testing.assert_array_equal(data[1:], Preprocessing(xy_scale=0.25).apply(photo(3, 5))[3:])
    assert Preprocessing(xy=False, direction="sketch_to_photo").apply(photo(3, 5)).shape == (1, 3, 5)


def test_undone_a_sketchs_input_is_grey():
    np.testing.assert_array_equal(BACKWARDS.undo(BACKWARDS.apply(photo(3, 5))), to_luma(photo(3, 5)))


def test_a_file_that_says_no_direction_is_from_photo_to_sketch():
    assert Preprocessing.from_json(json.dumps(GOOD)).direction == "photo_to_sketch"
    assert Preprocessing.from_json(BACKWARDS.to_json()) == BACKWARDS
