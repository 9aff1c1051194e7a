"""pycaffe's Transformer and its pictures."""

import numpy as np
import pytest

from pysketch.caffe import io
from pysketch.caffe.io import Transformer, load_image, oversample, resize_image
from pysketch.caffe.proto import caffe_pb2
from pysketch.images.pictures import write_image


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)


def test_images_are_loaded_as_floats_from_0_to_1(picture, tmp_path):
    write_image(tmp_path / "a.png", picture)
    np.testing.assert_allclose(load_image(tmp_path / "a.png"), picture / 255, rtol=1e-6)
    grey = load_image(tmp_path / "a.png", color=False)
    assert (grey.shape, grey.dtype) == ((4, 5, 1), np.float32)
    for y, x in np.ndindex(4, 5):
        red, green, blue = picture[y, x] / 255
        assert grey[y, x, 0] == pytest.approx(0.2125 * red + 0.7154 * green + 0.0721 * blue, abs=1e-6)


def test_grey_images_stay_as_they_are(picture, tmp_path):
    write_image(tmp_path / "a.png", picture[:, :, 0])
    for color, channels in ((False, 1), (True, 3)):
        image = load_image(tmp_path / "a.png", color)
        np.testing.assert_allclose(image, np.repeat(picture[:, :, :1] / 255, channels, axis=2), atol=1e-6)


def test_grey_is_scikit_images(picture, tmp_path):
    skimage = pytest.importorskip("skimage", reason="scikit-image is not installed")
    write_image(tmp_path / "a.png", picture)
    expected = skimage.color.rgb2gray(skimage.img_as_float(picture))
    np.testing.assert_allclose(load_image(tmp_path / "a.png", color=False)[:, :, 0], expected, atol=1e-6)


def test_resizing_keeps_what_is_even_and_goes_between_neighbours():
    even = np.full((3, 4, 2), 0.25, np.float32)
    np.testing.assert_allclose(resize_image(even, (7, 5)), np.full((7, 5, 2), 0.25))
    ramp = np.arange(4, dtype=np.float32)[None, :, None]
    np.testing.assert_allclose(resize_image(ramp, (1, 8))[0, :, 0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    with pytest.raises(ValueError, match="interp_order 1"):
        resize_image(even, (7, 5), interp_order=3)


def make(mean):
    transformer = Transformer({"data": (1, 3, 4, 5)})
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", mean)
    transformer.set_input_scale("data", 0.5)
    return transformer


@pytest.mark.parametrize("mean", [np.array([10.0, 20.0, 30.0]), np.full((4, 5), 7.0), np.full((3, 4, 5), 7.0)])
def test_a_picture_is_transposed_swapped_scaled_and_centred_in_this_order(mean, picture):
    x = make(mean).preprocess("data", picture / 255)
    assert (x.shape, x.dtype) == ((3, 4, 5), np.float32)
    for c, h, w in np.ndindex(3, 4, 5):
        level = mean[c] if mean.ndim == 1 else mean[h, w] if mean.ndim == 2 else mean[c, h, w]
        assert x[c, h, w] == pytest.approx(0.5 * (picture[h, w, 2 - c] - level), abs=1e-4)


def test_deprocess_undoes_preprocess(picture):
    transformer = make(np.array([10.0, 20.0, 30.0]))
    back = transformer.deprocess("data", transformer.preprocess("data", picture / 255)[None])
    np.testing.assert_allclose(back, picture / 255, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 3, 4, 5), (1, 4, 5), (1, 1, 4, 5)])
def test_deprocess_gives_pictures_of_one_item_or_a_batch_of_one(shape):
    transformer = Transformer({"data": (1, shape[-3], 4, 5)})
    x = np.random.default_rng(0).random(shape).astype(np.float32)
    assert transformer.deprocess("data", x).shape == ((4, 5) if shape[-3] == 1 else (3, 4, 5))
    transformer.set_transpose("data", (2, 0, 1))
    np.testing.assert_array_equal(transformer.deprocess("data", x), x.reshape(shape[-3:]).transpose(1, 2, 0))


@pytest.mark.parametrize("shape", [(3, 8, 10), (1, 8, 10), (8, 10), (3, 2, 3)])
def test_a_mean_of_another_size_is_resized_to_the_inputs(shape):
    mean = np.random.default_rng(0).uniform(50, 150, shape)
    transformer = Transformer({"data": (1, 3, 4, 5)})
    transformer.set_mean("data", mean)
    found = transformer.mean["data"]
    channels = np.atleast_3d(mean.transpose(1, 2, 0) if mean.ndim == 3 else mean)
    expected = resize_image(channels.astype(np.float32), (4, 5))
    np.testing.assert_allclose(found.transpose(1, 2, 0), expected, rtol=1e-6)
    assert transformer.preprocess("data", np.zeros((3, 4, 5))[0]).shape == (3 if len(found) == 3 else 1, 4, 5)


def test_a_mean_of_twice_the_size_is_the_mean_of_its_four_neighbours():
    mean = np.arange(8 * 10, dtype=np.float32).reshape(1, 8, 10) ** 2
    transformer = Transformer({"data": (1, 1, 4, 5)})
    transformer.set_mean("data", mean)
    for y, x in np.ndindex(4, 5):
        block = mean[0, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
        assert transformer.mean["data"][0, y, x] == pytest.approx(block.mean(), rel=1e-5)


def test_a_grey_picture_needs_a_last_axis_to_be_transposed():
    transformer = Transformer({"data": (1, 1, 4, 5)})
    grey = np.arange(20, dtype=np.float32).reshape(4, 5)
    np.testing.assert_array_equal(transformer.preprocess("data", grey), grey)
    transformer.set_transpose("data", (2, 0, 1))
    np.testing.assert_array_equal(transformer.preprocess("data", grey[:, :, None]), grey[None])
    message = r"data: expected a picture \(H, W, K\), found an array of shape \(4, 5\); .*image\[:, :, None\]"
    with pytest.raises(ValueError, match=message):
        transformer.preprocess("data", grey)


def test_a_picture_of_another_size_is_resized():
    transformer = Transformer({"data": (1, 3, 4, 5)})
    transformer.set_transpose("data", (2, 0, 1))
    assert transformer.preprocess("data", np.ones((9, 7, 3))).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: t.preprocess("x", np.ones((4, 5, 3))), '"x" is not one of the inputs data, flat'),
        (lambda t: t.preprocess("flat", np.ones((4, 5, 3))), r"flat: pictures are for inputs \(N, K, H, W\).*\(1, 7\)"),
        (lambda t: t.set_mean("flat", np.ones(7)), r"flat: pictures are for inputs \(N, K, H, W\).*\(1, 7\)"),
        (lambda t: t.set_transpose("data", (0, 1)), "no order of 3 axes"),
        (lambda t: t.set_channel_swap("data", (0, 1, 1)), "no order of 3 channels"),
        (lambda t: t.set_mean("data", np.ones(2)), "a mean of 2 channels for 3"),
        (lambda t: t.set_mean("data", np.ones((2, 4, 5))), "a mean of 2 channels for 3"),
        (lambda t: t.set_mean("data", np.ones((1, 3, 4, 5))), r"a mean of shape \(1, 3, 4, 5\);.*: mean\[0\]"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(Transformer({"data": (1, 3, 4, 5), "flat": (1, 7)}))


def test_ten_crops_are_corners_centre_and_their_mirrors():
    images = np.random.default_rng(0).random((2, 6, 7, 2)).astype(np.float32)
    crops = oversample(images, (3, 4))
    assert (crops.shape, crops.dtype) == ((20, 3, 4, 2), np.float32)
    places = [(0, 0), (0, 3), (3, 0), (3, 3), (1, 1)]
    for number, image in enumerate(images):
        for k, (top, left) in enumerate(places):
            for y, x in np.ndindex(3, 4):
                pixel = image[top + y, left + x]
                np.testing.assert_array_equal(crops[10 * number + k, y, x], pixel)
                np.testing.assert_array_equal(crops[10 * number + 5 + k, y, 3 - x], pixel)
    with pytest.raises(ValueError, match=r"crops of 3x8 \(height x width\) do not fit an image of 6x7"):
        oversample(images, (3, 8))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_an_array_goes_into_a_datum_and_back(dtype):
    array = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(dtype)
    datum = caffe_pb2.Datum.FromString(io.array_to_datum(array, 7).SerializeToString())
    assert (datum.channels, datum.height, datum.width, datum.label) == (3, 4, 5, 7)
    assert bool(datum.data) == (dtype == np.uint8)
    back = io.datum_to_array(datum)
    assert back.dtype == (np.uint8 if dtype == np.uint8 else np.float32)
    np.testing.assert_array_equal(back, array)
    back[...] = 0  # an array of its own
    assert not io.array_to_datum(array).HasField("label")


def test_what_is_no_plain_datum_is_refused():
    with pytest.raises(ValueError, match=r"an array \(K, H, W\), found one of shape \(4, 5\)"):
        io.array_to_datum(np.zeros((4, 5)))
    with pytest.raises(ValueError, match="the Datum is encoded"):
        io.datum_to_array(caffe_pb2.Datum(encoded=True, data=b"abc"))
    with pytest.raises(ValueError, match=r"Datum: 3 values for the shape \(1, 2, 2\)"):
        io.datum_to_array(caffe_pb2.Datum(channels=1, height=2, width=2, data=b"abc"))


def test_a_blobs_shape_is_of_four_axes_in_old_files_and_may_be_none_for_one_value():
    values = np.arange(6, dtype=np.float32)
    old = caffe_pb2.BlobProto(num=1, channels=2, height=3, width=1, data=values, diff=-values)
    np.testing.assert_array_equal(io.blobproto_to_array(old), values.reshape(1, 2, 3, 1))
    np.testing.assert_array_equal(io.blobproto_to_array(old, return_diff=True), -values.reshape(1, 2, 3, 1))
    new = io.array_to_blobproto(values.reshape(2, 3), diff=2 * values.reshape(2, 3))
    assert list(new.shape.dim) == [2, 3]
    np.testing.assert_array_equal(io.blobproto_to_array(new, True), 2 * values.reshape(2, 3))
    assert io.blobproto_to_array(caffe_pb2.BlobProto(data=[123])) == 123
    with pytest.raises(ValueError, match=r"BlobProto: 6 values for the shape \(\)"):
        io.blobproto_to_array(caffe_pb2.BlobProto(data=values))


def test_a_list_of_arrays_goes_through_bytes():
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(4, np.float32)]
    back = io.blobprotovector_str_to_arraylist(io.arraylist_to_blobprotovector_str(arrays))
    for mine, theirs in zip(back, arrays, strict=True):
        np.testing.assert_array_equal(mine, theirs)
