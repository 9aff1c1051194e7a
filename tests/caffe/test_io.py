"""pycaffe's Transformer and its pictures."""

import numpy as np
import pytest

from pysketch.caffe.io import Transformer, load_image, resize_image
from pysketch.images.pictures import write_image


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)


def test_images_are_loaded_as_floats_from_0_to_1(picture, tmp_path):
    write_image(tmp_path / "a.png", picture)
    np.testing.assert_allclose(load_image(tmp_path / "a.png"), picture / 255, rtol=1e-6)
    grey = load_image(tmp_path / "a.png", color=False)
    assert grey.shape == (4, 5, 1)
    assert grey.max() <= 1


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


def test_a_picture_of_another_size_is_resized():
    transformer = Transformer({"data": (1, 3, 4, 5)})
    transformer.set_transpose("data", (2, 0, 1))
    assert transformer.preprocess("data", np.ones((9, 7, 3))).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: t.preprocess("x", np.ones((4, 5, 3))), '"x" is not one of the inputs data'),
        (lambda t: t.set_transpose("data", (0, 1)), "no order of 3 axes"),
        (lambda t: t.set_channel_swap("data", (0, 1, 1)), "no order of 3 channels"),
        (lambda t: t.set_mean("data", np.ones(2)), "a mean of 2 channels for 3"),
        (lambda t: t.set_mean("data", np.ones((4, 4))), r"a mean of shape \(4, 4\) for an input of \(3, 4, 5\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(Transformer({"data": (1, 3, 4, 5)}))
