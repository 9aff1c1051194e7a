"""Drawing: sizes, the same values for a photo and its crop, and files of strangers."""

from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest
from solver_helpers import SKETCH_NET, write_sketch_net_file

from pysketch.device.workers import Workers
from pysketch.drawing.sketcher import Sketcher, deploy_net
from pysketch.errors import DataError, NetdefError, ShapeError, SnapshotError
from pysketch.images.pictures import to_luma, to_pillow, write_image
from pysketch.images.preprocessing import Preprocessing, crop_centre
from pysketch.layers.context import Context
from pysketch.layers.relu import ReLU
from pysketch.netdef.definitions import parse_netdef

INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: [1, 5, 9, 8] } } }'
CONV = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "y"
  convolution_param { num_output: 1 kernel_size: 3 weight_filler { type: "xavier" } } }
"""


def photo(h, w, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3)).astype(np.uint8)


@pytest.fixture
def sketcher(tmp_path, device):
    return Sketcher(write_sketch_net_file(tmp_path), Context(device))


def set_weights(path, weight, bias):
    """The last layer's weights become `weight`, its bias `bias`."""
    with h5py.File(path, "a") as file:
        file["data/conv2/0"][...] = weight
        file["data/conv2/1"][...] = bias


@pytest.mark.parametrize(("h", "w"), [(13, 11), (21, 34), (5, 5), (40, 6)])
def test_a_sketch_is_smaller_by_what_the_convolutions_lose(h, w, sketcher):
    assert sketcher.lost_border == (4, 4)
    sketch = sketcher.draw(photo(h, w))
    assert sketch.shape == (h - 4, w - 4)
    assert sketch.dtype == np.uint8


@pytest.mark.parametrize(("h", "w"), [(13, 11), (8, 9), (3, 4)])
def test_a_sketch_as_large_as_its_photo_has_the_same_middle(h, w, sketcher):
    large = sketcher.predict(photo(h, w), size_as_input=True)
    assert large.shape == (h, w)
    if min(h, w) > 4:
        small = sketcher.predict(photo(h, w))
        middle = crop_centre(sketcher.predict(photo(h, w)), w - 4, h - 4)
        np.testing.assert_array_equal(small, middle)


def test_small_photos_are_refused_with_their_size(sketcher):
    for h, w in ((4, 9), (9, 4), (1, 1)):
        with pytest.raises(DataError, match=rf"^a {w}x{h} photo \(width x height\) is too small for this net: "):
            sketcher.draw(photo(h, w))


def test_photos_too_small_for_a_reflection_are_refused_with_their_size(sketcher):
    for h, w in ((2, 9), (9, 2)):
        with pytest.raises(DataError, match=rf"^a {w}x{h} photo .* is too small to be continued by reflection"):
            sketcher.draw(photo(h, w), size_as_input=True)


def test_a_photo_drawn_whole_gives_in_its_middle_what_its_centre_crop_gives(sketcher):
    whole = photo(250, 200)
    found = sketcher.predict(crop_centre(whole, 155, 200))
    expected = crop_centre(sketcher.predict(whole), 151, 196)
    assert found.shape == (196, 151)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    assert np.ptp(found) > 10


def test_drawing_twice_gives_the_same_whatever_came_between(sketcher):
    first = sketcher.draw(photo(13, 11))
    sketcher.draw(photo(20, 15, seed=2))
    np.testing.assert_array_equal(sketcher.draw(photo(13, 11)), first)


def test_a_prediction_is_a_copy_that_later_photos_leave_alone(sketcher):
    first = sketcher.predict(photo(13, 11))
    before = first.copy()
    sketcher.predict(photo(13, 11, seed=2))
    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize(
    ("value", "pixel"),
    [
        (-1e9, 0),
        (-0.4, 0),
        (0.4, 0),
        (0.6, 1),
        (1.4, 1),
        (254.4, 254),
        (254.6, 255),
        (255.4, 255),
        (300, 255),
        (1e9, 255),
    ],
)
def test_grey_levels_are_clipped_and_rounded_to_the_nearest(value, pixel, tmp_path):
    path = write_sketch_net_file(tmp_path)
    set_weights(path, 0, value)
    assert np.unique(Sketcher(path).draw(photo(7, 6))).tolist() == [pixel]
    np.testing.assert_allclose(Sketcher(path).predict(photo(7, 6)), value, rtol=1e-6)


def test_a_net_without_positions_draws_from_three_channels(tmp_path):
    sketcher = Sketcher(write_sketch_net_file(tmp_path, SKETCH_NET.replace('"xy": true', '"xy": false')))
    assert sketcher.net.blobs["data"].shape[1] == 3
    assert sketcher.draw(photo(10, 9)).shape == (6, 5)


def test_a_net_from_sketch_to_photo_draws_from_the_luma_of_what_it_is_given(tmp_path):
    netdef = SKETCH_NET.replace('{ "batch_size"', '{ "direction": "sketch_to_photo", "batch_size"')
    sketcher = Sketcher(write_sketch_net_file(tmp_path, netdef))
    assert sketcher.net.blobs["data"].shape[1] == 3
    coloured = photo(10, 9)
    grey = np.repeat(to_luma(coloured)[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(sketcher.predict(coloured), sketcher.predict(grey))


def test_the_preprocessing_of_the_file_is_applied(tmp_path):
    dark = write_sketch_net_file(tmp_path)
    first = Sketcher(dark).predict(photo(10, 9))
    with h5py.File(dark, "a") as file:
        file.attrs["preprocessing"] = Preprocessing(0.02, (127.5,), True, 0.1).to_json()
    assert np.abs(Sketcher(dark).predict(photo(10, 9)) - first).max() > 1


def test_a_net_that_keeps_the_size_needs_no_reflection(tmp_path):
    same = SKETCH_NET.replace("kernel_h: 4 kernel_w: 3", "kernel_size: 3 pad: 1").replace(
        "kernel_h: 2 kernel_w: 3", "kernel_size: 1"
    )
    same = same.replace('"sketch_width": 7, "sketch_height": 9', '"sketch_width": 11, "sketch_height": 13')
    sketcher = Sketcher(write_sketch_net_file(tmp_path, same))
    assert sketcher.lost_border == (0, 0)
    np.testing.assert_array_equal(sketcher.draw(photo(6, 7)), sketcher.draw(photo(6, 7), size_as_input=True))


def test_a_net_with_strides_says_that_it_cannot_keep_the_size(tmp_path):
    strided = SKETCH_NET.replace("kernel_h: 2 kernel_w: 3", "kernel_size: 1 stride: 2")
    strided = strided.replace('"sketch_width": 7, "sketch_height": 9', '"sketch_width": 5, "sketch_height": 5')
    sketcher = Sketcher(write_sketch_net_file(tmp_path, strided))
    assert sketcher.draw(photo(23, 31)).shape == (10, 15)
    with pytest.raises(DataError, match=r"this net makes a \d+x\d+ sketch of a 31x23 photo .* cannot draw in the pho"):
        sketcher.draw(photo(23, 31), size_as_input=True)


@pytest.mark.parametrize("size_as_input", [False, True])
@pytest.mark.parametrize(
    ("h", "w", "tile"), [(23, 31, 4), (23, 31, 9), (20, 6, 1), (20, 6, 4), (5, 13, 1), (5, 13, 1000)]
)
def test_a_sketch_drawn_in_tiles_is_the_one_drawn_whole(h, w, tile, size_as_input, sketcher):
    whole = sketcher.predict(photo(h, w), size_as_input)
    tiled = sketcher.predict(photo(h, w), size_as_input, tile)
    assert tiled.shape == whole.shape
    assert tiled.dtype == np.float32
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5 * np.abs(whole).max())
    drawn = sketcher.draw(photo(h, w), size_as_input, tile)
    assert drawn.dtype == np.uint8
    np.testing.assert_allclose(drawn, np.clip(whole, 0, 255), atol=0.5001)


def test_tiles_are_continued_by_reflection_at_the_photos_border_only(sketcher):
    continued = np.pad(photo(17, 12), [(2, 2), (2, 2), (0, 0)], mode="reflect")
    found = sketcher.predict(photo(17, 12), size_as_input=True, tile=5)
    np.testing.assert_array_equal(found, sketcher.predict(continued, tile=5))


def sides(sketcher, image, **options):
    """The (height, width) of every tile that the sketch is drawn in."""
    made = []

    def progress(tiles):
        made.extend(tuple(piece.made.stop - piece.made.start for piece in tile) for tile in tiles)
        return tiles

    sketcher.draw(image, progress=progress, **options)
    return made


def test_the_list_of_tiles_is_given_to_who_watches(sketcher):
    assert sides(sketcher, photo(13, 11), tile=4) == [(3, 4)] * 6
    assert sides(sketcher, photo(13, 11), tile=9) == [(9, 7)]


def test_without_a_tile_a_photo_is_drawn_whole_within_the_budget_and_else_in_the_largest_tiles(sketcher, monkeypatch):
    whole = sketcher.predict(photo(40, 50))
    data, conv1, prediction = 5 * 40 * 50, 3 * 37 * 48, 36 * 46
    needed = 4 * (data + conv1 + prediction)
    monkeypatch.setattr("pysketch.drawing.sketcher.BUDGET", needed)
    assert sides(sketcher, photo(40, 50)) == [(36, 46)]
    monkeypatch.setattr("pysketch.drawing.sketcher.BUDGET", needed - 1)
    assert sides(sketcher, photo(40, 50)) == [(36, 23)] * 2
    monkeypatch.setattr("pysketch.drawing.sketcher.BUDGET", 4 * (5 * 16 * 16 + 3 * 13 * 14 + 12 * 12))
    assert sides(sketcher, photo(40, 50)) == [(12, 12)] * 12
    np.testing.assert_allclose(sketcher.predict(photo(40, 50)), whole, rtol=0, atol=1e-5 * np.abs(whole).max())


def test_memory_does_not_grow_with_the_photo_but_for_the_sketch(tmp_path, monkeypatch):
    monkeypatch.setattr("pysketch.drawing.sketcher.BUDGET", 400_000)
    sketcher = Sketcher(write_sketch_net_file(tmp_path), Context(workers=Workers(1)))

    def peak(image):
        tracemalloc.start()
        sketcher.draw(image)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    small, large = photo(204, 154), photo(604, 454)
    sketcher.draw(large)
    grown = peak(large) - peak(small)
    assert 0 < grown < 600 * 450 - 200 * 150 + 50_000  # beside the sketch lists of rows, columns and tiles


def test_a_net_with_a_layer_that_does_not_say_what_it_sees_is_drawn_whole_or_refused(sketcher, monkeypatch):
    whole = sketcher.predict(photo(13, 11))
    monkeypatch.setattr(ReLU, "pointwise", False)
    monkeypatch.setattr("pysketch.drawing.sketcher.BUDGET", 1)
    np.testing.assert_array_equal(sketcher.predict(photo(13, 11)), whole)
    with pytest.raises(
        NetdefError, match=r'^net.h5\[netdef\]:\d+:7: layer "relu1": a ReLU layer does not say what it sees'
    ):
        sketcher.predict(photo(13, 11), tile=100)


@pytest.mark.parametrize("tile", [0, -3])
def test_a_tile_without_pixels_is_refused(tile, sketcher):
    with pytest.raises(DataError, match=f"^a tile must be at least 1x1 pixels large, found {tile}: "):
        sketcher.draw(photo(13, 11), tile=tile)


def test_weights_of_another_shape_than_the_netdefs_are_refused(tmp_path):
    path = write_sketch_net_file(tmp_path)
    with h5py.File(path, "a") as file:
        del file["data/conv1/0"]
        file["data/conv1/0"] = np.zeros((3, 5, 3, 4), "f4")
    with pytest.raises(
        SnapshotError, match=r'layer "conv1", param 0: shape \(3, 5, 3, 4\), the net\'s is \(3, 5, 4, 3'
    ):
        Sketcher(path)


def test_a_file_without_a_netdef_is_refused(tmp_path):
    path = write_sketch_net_file(tmp_path)
    with h5py.File(path, "a") as file:
        del file.attrs["netdef"]
    with pytest.raises(SnapshotError, match=r"net\.h5: has no netdef in it"):
        Sketcher(path)


def test_a_netdef_that_wants_to_run_python_code_is_refused(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('it ran')\nclass Layer: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = write_sketch_net_file(tmp_path)
    for module in ("evil", "os", "pysketch.evil", "pysketch.images.pictures"):
        layer = f'layer {{ name: "e" type: "Python" bottom: "prediction" top: "e" python_param {{ module: "{module}"'
        with h5py.File(path, "a") as file:
            file.attrs["netdef"] = SKETCH_NET + layer + ' layer: "Layer" } }'
        with pytest.raises(NetdefError, match=rf'names the Python module "{module}"; to run its code'):
            Sketcher(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONV.replace("bottom", "top", 1), "drawing needs one Input layer with one top in phase TEST, stage"),
        (INPUT + INPUT.replace('"in"', '"in2"').replace('"data"', '"more"'), "one Input layer .*; found 2 such layers"),
        (INPUT.replace('top: "data"', 'top: "data" top: "more"'), "drawing needs one Input layer with one top"),
        (INPUT.replace("1, 5, 9, 8", "5, 9, 8") + CONV, r':1:7: layer "in": drawing needs an input shape of four dims'),
        (INPUT + CONV.replace("num_output: 1", "num_output: 2"), r'one output of shape .*, found "y" \(1, 2, 7, 6\)'),
        (INPUT + CONV + CONV.replace('"conv"', '"c2"').replace('"y"', '"z"'), 'found "y" .*, "z"'),
    ],
)
def test_a_netdef_that_cannot_draw_says_what_drawing_needs(text, message):
    with pytest.raises(NetdefError, match=f"^stranger.prototxt.*{message}"):
        deploy_net(parse_netdef(text, "stranger.prototxt"), Preprocessing())


def test_an_input_too_small_for_its_own_net_is_refused():
    with pytest.raises(ShapeError, match="conv"):
        deploy_net(parse_netdef(INPUT.replace("9, 8", "2, 8") + CONV, "s.prototxt"), Preprocessing())


def test_drawing_keeps_only_what_it_needs(sketcher):
    sketcher.draw(photo(13, 11))
    assert sketcher.net.slots.nbytes == 4 * sketcher.net.blobs["conv1"].count
    with pytest.raises(ValueError, match=r'^blob "conv1": no data: its memory is given back'):
        _ = sketcher.net.blobs["conv1"].data


def test_a_sketcher_may_be_called_with_a_picture_and_gives_one(tmp_path, sketcher):
    pixels = photo(13, 11)
    write_image(tmp_path / "photo.png", pixels)
    for given in (tmp_path / "photo.png", pixels, to_pillow(pixels)):
        sketch = sketcher(given)
        assert (sketch.mode, sketch.size) == ("L", (11, 13))
        np.testing.assert_array_equal(np.asarray(sketch), sketcher.draw(pixels, size_as_input=True))


DOWN_AND_UP = """
layer { name: "down" type: "Convolution" bottom: "data" top: "down"
  convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "deep" type: "Convolution" bottom: "down" top: "deep"
  convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "wide" type: "Deconvolution" bottom: "deep" top: "wide"
  convolution_param { num_output: 4 kernel_size: 2 stride: 2 group: 4 bias_term: false weight_filler { value: 1 } } }
layer { name: "both" type: "Concat" bottom: "wide" bottom: "down" top: "both" }
layer { name: "up" type: "Deconvolution" bottom: "both" top: "up"
  convolution_param { num_output: 8 kernel_size: 2 stride: 2 group: 8 bias_term: false weight_filler { value: 1 } } }
layer { name: "draw" type: "Convolution" bottom: "up" top: "y"
  convolution_param { num_output: 1 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
"""


@pytest.fixture
def down_and_up(tmp_path, device):
    """A net that goes down in two strides of 2 and comes back to its input's size."""
    net = SKETCH_NET[: SKETCH_NET.index('layer { name: "conv1"')] + DOWN_AND_UP
    sizes = {"dim: 13 dim: 11": "dim: 16 dim: 12", '"photo_width": 11': '"photo_width": 12', '"shift": 2': '"shift": 0'}
    for old, new in {**sizes, '"photo_height": 13': '"photo_height": 16'}.items():
        net = net.replace(old, new)
    return Sketcher(write_sketch_net_file(tmp_path, net), Context(device))


@pytest.mark.parametrize(("h", "w"), [(16, 12), (17, 12), (30, 23), (7, 9)])
def test_a_net_of_strides_draws_photos_of_any_size(h, w, down_and_up):
    assert (down_and_up.lost_border, down_and_up.steps) == ((0, 0), (4, 4))
    sketch = down_and_up.predict(photo(h, w))
    assert sketch.shape == (h, w)
    reflected = np.pad(photo(h, w), ((0, -h % 4), (0, -w % 4), (0, 0)), mode="reflect")
    if h % 4 == w % 4 == 0:
        np.testing.assert_array_equal(down_and_up.predict(reflected), sketch)


@pytest.mark.parametrize("tile", [5, 8, 13])
def test_a_net_of_strides_draws_the_same_in_tiles(tile, down_and_up):
    whole = down_and_up.predict(photo(39, 50))
    np.testing.assert_allclose(down_and_up.predict(photo(39, 50), tile=tile), whole, atol=1e-4)
