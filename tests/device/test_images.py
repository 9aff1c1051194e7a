"""Images summed and copied: compiled and not."""

import numpy as np
import pytest

from pysketch.device import images
from pysketch.device.images import add_images, are_images
from pysketch.device.workers import Workers
from pysketch.native import kernels


@pytest.fixture(params=["compiled", "NumPy"])
def way(request, monkeypatch):
    if request.param == "NumPy":
        monkeypatch.setattr(images, "kernels", lambda: None)
    elif kernels() is None:
        pytest.skip("no compiled kernels")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_the_sum_of_images_is_made_in_the_terms_order(way, count, dtype):
    terms = [(100 * np.random.default_rng(k).standard_normal((2, 5, 61, 67))).astype(dtype) for k in range(count)]
    expected = terms[0].copy()
    for term in terms[1:]:
        expected += term
    for threads in (1, 3):
        out = np.zeros_like(expected)
        add_images(terms, out, Workers(threads))
        np.testing.assert_array_equal(out, expected)


def test_channels_of_images_are_read_and_written_in_place(way):
    x, out = np.random.default_rng(1).standard_normal((3, 6, 5, 7)), np.zeros((3, 4, 5, 7))
    add_images([x[:, 4:], x[:, :2]], out[:, 1:3], Workers(2))
    np.testing.assert_array_equal(out[:, 1:3], x[:, 4:] + x[:, :2])
    assert not out[:, [0, 3]].any()


def test_other_shapes_are_summed_too(way):
    for shape in ((), (4,), (3, 5), (0, 2, 3, 4)):
        out = np.zeros(shape)
        add_images([np.full(shape, 2.0), np.full(shape, 3.0)], out, Workers(2))
        assert (out == 5).all()


def test_images_are_of_four_axes_and_contiguous_each():
    x = np.zeros((2, 3, 4, 5), np.float32)
    assert are_images(x) and are_images(x[:, 1:])
    assert not are_images(x[..., ::2]) and not are_images(x[0]) and not are_images(x.astype(np.float16))


@pytest.mark.skipif(kernels() is None, reason="no compiled kernels")
@pytest.mark.parametrize(
    ("out", "terms"),
    [
        ((2, 3, 4, 5), [(2, 3, 4, 4)]),
        ((2, 3, 4, 5), []),
        ((2, 3, 4, 5), [(1, 3, 4, 5)]),
        ((2, 3, 4, 5), [(2, 3, 4, 5)] * 9),
    ],
)
def test_a_kernel_that_is_called_wrongly_says_so(out, terms):
    with pytest.raises(ValueError, match="expected images of one shape"):
        kernels().sum_images(Workers(1).team, 1, np.zeros(out), tuple(np.zeros(shape) for shape in terms))
