"""Windows of pictures in, classes out."""

import numpy as np
import pytest
from pycaffe_nets import write

import pysketch.caffe as caffe
from pysketch.images.pictures import write_image

pytestmark = pytest.mark.usefixtures("script")

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "mean" type: "Pooling" bottom: "data" top: "mean" pooling_param { pool: AVE global_pooling: true } }
"""
MEAN = np.float32([10, 20, 30])


@pytest.fixture
def files(tmp_path):
    caffe.Net(write(tmp_path / "deploy.prototxt", NET), caffe.TRAIN).save(str(tmp_path / "w.caffemodel"))
    return str(tmp_path / "deploy.prototxt"), str(tmp_path / "w.caffemodel")


@pytest.fixture
def picture(tmp_path):
    """A picture of 30x20 pixels, each 5 columns of a level of their own."""
    levels = np.repeat(np.arange(6) * 40, 5).astype(np.uint8)
    pixels = np.broadcast_to(levels[None, :, None], (20, 30, 3)).copy()
    write_image(tmp_path / "a.png", pixels)
    return str(tmp_path / "a.png")


def test_each_window_is_classified_and_named(files, picture):
    detector = caffe.Detector(*files, raw_scale=255, mean=MEAN, channel_swap=(2, 1, 0))
    windows = [(0, 0, 10, 5), (3, 10, 9, 15), np.array([2, 25, 20, 30])]
    found = detector.detect_windows([(picture, windows)])
    assert [detection["filename"] for detection in found] == [picture] * 3
    for detection, window, level in zip(found, windows, (0, 80, 200), strict=True):
        assert detection["window"] is window
        np.testing.assert_allclose(detection["prediction"], level - MEAN, atol=1e-3)
    assert detector.detect_windows([(picture, [])]) == []


def test_context_surrounds_the_window_and_the_mean_what_lies_outside(files, picture):
    detector = caffe.Detector(*files, raw_scale=255, mean=MEAN, channel_swap=(2, 1, 0), context_pad=2)
    image = caffe.io.load_image(picture)
    inner = detector.crop(image, (6, 10, 13, 17))
    assert inner.shape == (8, 8, 3)
    expected = image[3:17, 6:22].mean(axis=(0, 2))  # 8 pixels and as many around them
    assert inner[:, 0].mean() == pytest.approx(expected[:2].mean(), abs=0.05)
    assert inner[:, -1].mean() == pytest.approx(expected[-2:].mean(), abs=0.05)
    corner = detector.crop(image, (0, 0, 7, 7))
    np.testing.assert_allclose(corner[0], np.broadcast_to(MEAN[::-1] / 255, (8, 3)), rtol=1e-5)  # R, G, B
    np.testing.assert_allclose(corner[:, 0], np.broadcast_to(MEAN[::-1] / 255, (8, 3)), rtol=1e-5)
    assert np.abs(corner[4, 3]).max() < 1e-6  # the picture's own 0
    prediction = detector.detect_windows([(picture, [(6, 10, 13, 17)])])[0]["prediction"]
    np.testing.assert_allclose(prediction, 255 * inner.mean(axis=(0, 1))[::-1] - MEAN, rtol=1e-3)


def test_windows_outside_the_picture_and_too_much_context_are_refused(files, picture):
    for pad in (None, 2):
        with pytest.raises(ValueError, match="has no pixel of a picture of 20x30"):
            caffe.Detector(*files, context_pad=pad).detect_windows([(picture, [(40, 40, 50, 50)])])
    with pytest.raises(ValueError, match="context_pad 4 leaves nothing of an input of 8x8"):
        caffe.Detector(*files, context_pad=4)
