"""HingeLoss against plain loops, with margins and their squares."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError, ShapeError

CONTRACT = {
    "HingeLoss": Case(layer_text("HingeLoss", ["x", "t"]), ((3, 5), (3,)), ((),), whole={1: 5}),
    "HingeLoss, squared": Case(
        layer_text("HingeLoss", ["x", "t"], ["y"], "hinge_loss_param { norm: L2 }"), ((3, 5), (3,)), ((),), whole={1: 5}
    ),
}


def make(norm: str = "L1", shapes: tuple[tuple[int, ...], ...] = ((5, 4), (5,)), **more: Any) -> SingleLayer:
    """The layer with random scores and labels."""
    text = layer_text("HingeLoss", ["x", "t"], ["loss"], f"hinge_loss_param {{ norm: {norm} }}")
    single = make_layer(text, shapes, **more)
    single.bottom[1].data[...] = np.random.default_rng(0).integers(0, 4, single.bottom[1].shape)
    return single


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize(("norm", "power"), [("L1", 1), ("L2", 2)])
def test_it_is_the_plain_loop_forward_and_backward(
    norm: str, power: int, dtype: type, rtol: float, device: Device
) -> None:
    single = make(norm, dtype=dtype, device=device)
    (loss,) = single.forward()
    single.backward(0.7)
    expected, dx = naive.hinge_loss(single.bottom[0].data.astype(np.float64), single.bottom[1].data, power)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, expected, rtol=rtol)
    np.testing.assert_allclose(single.bottom[0].diff, 0.7 * dx, rtol=rtol, atol=rtol)


def test_margins_and_not_their_squares_are_the_default() -> None:
    text = layer_text("HingeLoss", ["x", "t"], ["loss"])
    assert make_layer(text, ((1, 2), (1,))).layer.options.norm == "L1"


def test_on_the_margin_the_gradient_is_0() -> None:
    single = make(shapes=((1, 2), (1,)))
    single.bottom[0].data[...], single.bottom[1].data[...] = [[1, -1]], 0
    assert single.forward()[0] == 0
    single.backward(1.0)
    assert not single.bottom[0].diff.any()


def test_all_axes_behind_the_first_are_classes() -> None:
    flat, images = make(), make(shapes=((5, 2, 1, 2), (5, 1)))
    assert flat.forward()[0] == images.forward()[0]
    for single in (flat, images):
        single.backward(1.0)
    np.testing.assert_array_equal(images.bottom[0].diff.reshape(5, 4), flat.bottom[0].diff)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r'expected 5 labels in "t" for "x" \(5, 4\), found \(4,\)'):
        make(shapes=((5, 4), (4,)))
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, ...\), found \(0, 4\)"):
        make(shapes=((0, 4), (0,)))
    single = make()
    single.bottom[1].data[2] = 4
    with pytest.raises(DataError, match='a label of "t" is 4; expected 0 to 3'):
        single.forward()
    with pytest.raises(NetdefError, match="a HingeLoss layer cannot propagate down to its labels"):
        single.backward(1.0, propagate_down=[False, True])
