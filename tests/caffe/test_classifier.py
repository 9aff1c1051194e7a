"""Pictures in, classes out."""

import numpy as np
import pytest
from pycaffe_nets import write

import pysketch.caffe as caffe

pytestmark = pytest.mark.usefixtures("script")

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 dim: 4 dim: 5 } } }
layer { name: "score" type: "InnerProduct" bottom: "data" top: "score"
  inner_product_param { num_output: 6 weight_filler { type: "gaussian" } } }
layer { name: "prob" type: "Softmax" bottom: "score" top: "prob" }
"""
MEAN = np.float32([10, 20, 30])


@pytest.fixture
def files(tmp_path):
    net = caffe.Net(write(tmp_path / "deploy.prototxt", NET), caffe.TRAIN)
    net.save(str(tmp_path / "w.caffemodel"))
    return str(tmp_path / "deploy.prototxt"), str(tmp_path / "w.caffemodel")


def make(files, **options):
    options = {"image_dims": (7, 8), "mean": MEAN, "raw_scale": 255, "input_scale": 0.01, "channel_swap": (2, 1, 0)} | (
        options
    )
    return caffe.Classifier(*files, **options)


def probabilities(files, crop):
    """Of one crop (4, 5, 3), step by step."""
    net = caffe.Net(*files, caffe.TEST)
    x = (crop[:, :, ::-1].transpose(2, 0, 1) * 255 - MEAN[:, None, None]) * 0.01
    scores = net.params["score"][0].data @ x.ravel() + net.params["score"][1].data
    return np.exp(scores) / np.exp(scores).sum()


def test_a_class_is_predicted_from_the_middle_of_the_picture(files):
    images = np.random.default_rng(0).random((5, 7, 8, 3)).astype(np.float32)
    found = make(files).predict(images, oversample=False)
    assert found.shape == (5, 6)
    for image, mine in zip(images, found, strict=True):
        np.testing.assert_allclose(mine, probabilities(files, image[1:5, 1:6]), rtol=1e-4)


def test_ten_crops_are_averaged(files):
    image = np.random.default_rng(0).random((7, 8, 3)).astype(np.float32)
    (found,) = make(files).predict([image])
    corners = [image[y : y + 4, x : x + 5] for y, x in ((0, 0), (0, 3), (3, 0), (3, 3), (1, 1))]
    expected = np.mean([probabilities(files, crop) for c in corners for crop in (c, c[:, ::-1])], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_without_dims_pictures_are_resized_to_the_input(files):
    classifier = caffe.Classifier(*files)
    assert (classifier.image_dims, classifier.crop_dims.tolist()) == ((4, 5), [4, 5])
    image = np.random.default_rng(0).random((9, 9, 3)).astype(np.float32)
    small = caffe.io.resize_image(image, (4, 5))
    np.testing.assert_array_equal(classifier.predict([image], False), classifier.predict([small], False))
    assert classifier.transformer.mean == {}
    assert classifier.phase == caffe.TEST


def test_a_mean_image_of_another_size_fits(files):
    mean = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((3, 16, 16), np.float32)
    assert make(files, mean=mean).transformer.mean["data"].shape == (3, 4, 5)


def test_nothing_and_what_is_too_small_are_refused(files):
    with pytest.raises(ValueError, match="predict: expected one picture at least, found none"):
        make(files).predict([])
    with pytest.raises(ValueError, match="crops of 4x5"):
        make(files, image_dims=(3, 8)).predict([np.zeros((7, 8, 3), np.float32)])
