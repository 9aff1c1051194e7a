"""Softmax against plain loops, along every axis."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import ShapeError

CONTRACT = {
    "Softmax": Case(layer_text("Softmax", ["x"]), ((2, 3, 4, 5),), ((2, 3, 4, 5),)),
    "Softmax, in-place": Case(layer_text("Softmax", ["x"], ["x"]), ((2, 3),), ((2, 3),)),
}

SHAPE = (2, 5, 3, 4)


def make(axis: int = 1, shape: tuple[int, ...] = SHAPE, top: str = "y", **more: Any) -> SingleLayer:
    """The layer, with random scores."""
    return make_layer(layer_text("Softmax", ["x"], [top], f"softmax_param {{ axis: {axis} }}"), [shape], **more)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_it_is_the_plain_loop_forward_and_backward(axis: int, dtype: type, rtol: float, device: Device) -> None:
    single = make(axis, dtype=dtype, device=device)
    x = np.moveaxis(single.bottom[0].data, axis, -1).astype(np.float64)
    dy = np.random.default_rng(1).standard_normal(SHAPE).astype(dtype)
    (y,) = single.forward()
    single.backward(dy)
    np.testing.assert_allclose(np.moveaxis(y, axis, -1), naive.softmax(x), rtol=rtol)
    dx = naive.softmax_backward(x, np.moveaxis(dy, axis, -1).astype(np.float64))
    np.testing.assert_allclose(np.moveaxis(single.bottom[0].diff, axis, -1), dx, rtol=0, atol=rtol)


def test_probabilities_add_up_to_1_however_large_the_scores() -> None:
    single = make(shape=(1, 3), dtype=np.float32)
    single.bottom[0].data[...] = [[1e30, 1e30, -1e30]]
    assert single.forward()[0].tolist() == [[0.5, 0.5, 0]]


def test_along_channels_it_works_pixel_by_pixel() -> None:
    assert make(1).layer.receptive_field() is not None
    assert make(2).layer.receptive_field() is None
    assert make(-1, (2, 3)).layer.receptive_field() is None


def test_along_the_batch_it_mixes_it() -> None:
    assert make(0).layer.mixes_batch
    assert not make(1).layer.mixes_batch


def test_an_axis_without_elements_or_that_is_not_there_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"axis 1 of a bottom of shape \(2, 0\) is empty"):
        make(shape=(2, 0))
    with pytest.raises(ShapeError, match=r"axis 2 is not one of a bottom of shape \(2, 3\)"):
        make(2, (2, 3))
