"""EuclideanLoss against the plain loop, and under top diffs other than 1."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import CPU, Device
from pysketch.errors import NetdefError, ShapeError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "EuclideanLoss": Case(layer_text("EuclideanLoss", ["a", "b"]), ((2, 3, 4), (2, 3, 4)), ((),)),
}

SHAPE = (3, 2, 5, 4)


def make(*shapes: tuple[int, ...], extra: str = "", dtype: type = np.float64, device: Device = CPU) -> SingleLayer:
    """The layer with bottoms "a" and "b" of these shapes (or twice the one given)."""
    text = layer_text("EuclideanLoss", ["a", "b"], ["loss"], extra)
    return make_layer(text, shapes if len(shapes) == 2 else shapes * 2, dtype=dtype, device=device)


@pytest.mark.parametrize("shape", [SHAPE, (1, 4), (5,)])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_it_is_the_plain_loop_forward_and_backward(
    shape: tuple[int, ...], dtype: type, rtol: float, device: Device
) -> None:
    single = make(shape, dtype=dtype, device=device)
    (loss,) = single.forward()
    single.backward(0.7)
    expected, da, db = naive.euclidean_loss(*(blob.data.astype(np.float64) for blob in single.bottom))
    assert loss.shape == ()
    assert loss.dtype == dtype
    np.testing.assert_allclose(loss, expected, rtol=rtol)
    np.testing.assert_allclose(single.bottom[0].diff, 0.7 * da, rtol=10 * rtol)
    np.testing.assert_allclose(single.bottom[1].diff, 0.7 * db, rtol=10 * rtol)


def test_it_sums_over_pixels_and_halves_the_mean_over_the_batch(device: Device) -> None:
    single = make((2, 1, 2, 3), device=device)
    single.bottom[0].data[...] = 5
    single.bottom[1].data[...] = 2
    assert single.forward()[0] == 2 * 6 * 9 / (2 * 2)


def test_equal_bottoms_have_loss_0_and_no_gradient(device: Device) -> None:
    single = make(SHAPE, device=device)
    single.bottom[1].data[...] = single.bottom[0].data
    assert single.forward()[0] == 0
    single.backward(1.0)
    assert not single.bottom[0].diff.any()


@pytest.mark.parametrize(("extra", "weight"), [("", 1.0), ("loss_weight: 0.25", 0.25)])
def test_loss_weight_scales_the_nets_loss_and_its_gradient(extra: str, weight: float) -> None:
    inputs = 'layer { name: "in" type: "Input" top: "a" top: "b" input_param { shape { dim: [3, 2] } } }'
    text = f"force_backward: true {inputs} {layer_text('EuclideanLoss', ['a', 'b'], ['loss'], extra)}"
    net = Net(parse_netdef(text), Phase.TRAIN, Context(dtype=np.float64))
    a, b = np.random.default_rng(0).standard_normal((2, 3, 2))
    net.blobs["a"].data[...], net.blobs["b"].data[...] = a, b
    loss, da, db = naive.euclidean_loss(a, b)
    assert net.forward_loss() == pytest.approx(weight * loss)
    net.backward()
    np.testing.assert_allclose(net.blobs["a"].diff, weight * da)
    np.testing.assert_allclose(net.blobs["b"].diff, weight * db)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3), (2, 4)), r'"a" \(2, 3\) and "b" \(2, 4\) must have equally many items'),
        (((2, 3), (3, 2)), r'"a" \(2, 3\) and "b" \(3, 2\) must have equally many items'),
        (((0, 3), (0, 3)), r'"a" \(0, 3\) and "b" \(0, 3\) must have equally many items'),
        (((), ()), r'"a" \(\) and "b" \(\) must have equally many items'),
    ],
)
def test_bottoms_of_other_shapes_are_refused(shapes: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(ShapeError, match=f'<netdef>:2:7: layer "it": {message}'):
        make(*shapes)


@pytest.mark.parametrize("shapes", [((4, 1), (4,)), ((4,), (4, 1)), ((2, 6), (2, 3, 2, 1))])
def test_bottoms_of_other_shapes_are_compared_number_by_number(
    shapes: tuple[tuple[int, ...], ...], device: Device
) -> None:
    single, same = make(*shapes, device=device), make(shapes[0], device=device)
    for blob, other in zip(same.bottom, single.bottom, strict=True):
        blob.data[...] = other.data.reshape(blob.shape)
    assert single.forward() == same.forward()
    for each in (single, same):
        each.backward(0.7)
    for blob, other in zip(same.bottom, single.bottom, strict=True):
        np.testing.assert_array_equal(other.diff, blob.diff.reshape(other.shape))


def test_one_bottom_is_too_few() -> None:
    with pytest.raises(NetdefError, match="a EuclideanLoss layer takes 2 bottom blobs, found 1"):
        make_layer(layer_text("EuclideanLoss", ["a"]), [SHAPE])
