"""AbsoluteLoss against the plain loop, at its kink, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import CPU, Device
from pysketch.errors import ShapeError

CONTRACT = {
    "AbsoluteLoss": Case(layer_text("AbsoluteLoss", ["a", "b"]), ((2, 3, 4), (2, 3, 4)), ((),)),
}


def make(*shapes: tuple[int, ...], dtype: type = np.float64, device: Device = CPU) -> SingleLayer:
    """The layer with bottoms "a" and "b" of these shapes."""
    return make_layer(layer_text("AbsoluteLoss", ["a", "b"], ["loss"]), shapes, dtype=dtype, device=device)


@pytest.mark.parametrize("shape", [(3, 2, 5, 4), (1, 4), (5,)])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_it_is_the_plain_loop_forward_and_backward(
    shape: tuple[int, ...], dtype: type, rtol: float, device: Device
) -> None:
    single = make(shape, shape, dtype=dtype, device=device)
    (loss,) = single.forward()
    single.backward(0.7)
    a, b = (blob.data.astype(np.float64).ravel().tolist() for blob in single.bottom)
    assert loss == pytest.approx(sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a), rel=rtol)
    da = [0.7 / len(a) * (1 if x > y else -1) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(single.bottom[0].diff.ravel(), da, rtol=rtol)
    np.testing.assert_allclose(single.bottom[1].diff.ravel(), [-x for x in da], rtol=rtol)


def test_equal_elements_have_no_gradient(device: Device) -> None:
    single = make((2, 2), (2, 2), device=device)
    single.bottom[0].data[...] = [[1, 2], [3, 4]]
    single.bottom[1].data[...] = [[1, 0], [3, 6]]
    assert single.forward()[0] == 1
    single.backward(1.0)
    assert single.bottom[0].diff.tolist() == [[0, 0.25], [0, -0.25]]


def test_bottoms_of_other_shapes_are_compared_number_by_number(device: Device) -> None:
    single = make((2, 2), (2, 2, 1), device=device)
    single.bottom[0].data[...] = [[1, 2], [3, 4]]
    single.bottom[1].data[...] = [[[1], [0]], [[3], [6]]]
    assert single.forward()[0] == 1
    single.backward(1.0)
    assert single.bottom[1].diff.tolist() == [[[0], [-0.25]], [[0], [0.25]]]


@pytest.mark.parametrize("shapes", [((2, 3), (3, 2)), ((0, 3), (0, 3))])
def test_bottoms_of_other_shapes_or_none_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ShapeError, match=r'layer "it": "a" .* and "b" .* must have equally many items'):
        make(*shapes)
