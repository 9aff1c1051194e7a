"""SoftmaxWithLoss against plain loops, with every normalization, and with labels that do not count."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError, ShapeError

CONTRACT = {
    "SoftmaxWithLoss": Case(
        layer_text("SoftmaxWithLoss", ["x", "t"], ["y", "p"]), ((2, 3, 4), (2, 4)), ((), (2, 3, 4)), whole={1: 3}
    ),
}

SHAPE = (2, 4, 3, 5)
ITEMS = (2, 3, 5)


def make(
    options: str = "",
    axis: int = 1,
    shapes: tuple[tuple[int, ...], ...] = (SHAPE, ITEMS),
    tops: tuple[str, ...] = ("loss",),
    **more: Any,
) -> SingleLayer:
    """The layer with random scores and labels; every third label is 3, which `ignore_label: 3` leaves out."""
    extra = f"softmax_param {{ axis: {axis} }} loss_param {{ {options} }}"
    single = make_layer(layer_text("SoftmaxWithLoss", ["x", "t"], tops, extra), shapes, **more)
    labels = np.random.default_rng(0).integers(0, 3, single.bottom[1].count)
    labels[::3] = 3
    single.bottom[1].data[...] = labels.reshape(single.bottom[1].shape)
    return single


def in_rows(x: np.ndarray, axis: int) -> np.ndarray:
    """(items, classes)."""
    return np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis]).astype(np.float64)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("ignore", [None, 3])
@pytest.mark.parametrize("normalization", ["", "FULL", "VALID", "BATCH_SIZE", "NONE"])
@pytest.mark.parametrize(("axis", "items", "outer"), [(1, ITEMS, 2), (-1, (2, 4, 3), 24)])
def test_it_is_the_plain_loop_forward_and_backward(
    axis: int,
    items: tuple[int, ...],
    outer: int,
    normalization: str,
    ignore: int | None,
    dtype: type,
    rtol: float,
    device: Device,
) -> None:
    options = (f"normalization: {normalization}" if normalization else "") + (
        f" ignore_label: {ignore}" if ignore else ""
    )
    single = make(options, axis, (SHAPE, items), dtype=dtype, device=device)
    (loss,) = single.forward()
    single.backward(0.7)
    labels = single.bottom[1].data.ravel()
    total, dx, count = naive.logistic_loss(in_rows(single.bottom[0].data, axis), labels, ignore)
    n = {"FULL": labels.size, "BATCH_SIZE": outer, "NONE": 1}.get(normalization, count)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, total / n, rtol=rtol)
    np.testing.assert_allclose(in_rows(single.bottom[0].diff, axis), 0.7 * dx / n, rtol=0, atol=rtol)


def test_the_second_top_is_the_probabilities(device: Device) -> None:
    single = make(tops=("loss", "p"), device=device)
    p = single.forward()[1]
    np.testing.assert_allclose(in_rows(p, 1), naive.softmax(in_rows(single.bottom[0].data, 1)), rtol=1e-12)


def test_a_diff_of_the_probabilities_is_handed_down_too(device: Device) -> None:
    single = make("ignore_label: 3", tops=("loss", "p"), device=device)
    assert single.check_gradients() == single.bottom[0].count


def single_count() -> int:
    """The number of scores; labels have no gradient."""
    return int(np.prod(SHAPE))


def test_labels_may_have_any_shape_of_the_right_count() -> None:
    flat, images = make(), make(shapes=(SHAPE, (2, 1, 3, 5)))
    assert flat.forward()[0] == images.forward()[0]


def test_the_loss_of_an_impossible_class_is_finite() -> None:
    single = make(shapes=((1, 4), (1,)), dtype=np.float32)
    single.bottom[0].data[...] = [[1000, 0, 0, 0]]
    assert single.forward()[0] == pytest.approx(-np.log(np.finfo(np.float32).tiny))
    single.backward(1.0)
    assert single.bottom[0].diff.tolist() == [[1, 0, 0, -1]]


def test_if_no_label_counts_the_loss_is_0() -> None:
    single = make("ignore_label: 3")
    single.bottom[1].data[...] = 3
    assert single.forward()[0] == 0
    single.backward(1.0)
    assert not single.bottom[0].diff.any()


def test_a_label_that_is_no_class_is_refused() -> None:
    single = make()
    single.bottom[1].data[1, 2, 3] = 4
    with pytest.raises(DataError, match=r'layer "it": a label of "t" is 4; expected 0 to 3'):
        single.forward()


def test_labels_get_no_gradient() -> None:
    single = make()
    single.forward()
    with pytest.raises(NetdefError, match="a SoftmaxWithLoss layer cannot propagate down to its labels"):
        single.backward(1.0, propagate_down=[True, True])


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r'expected 30 labels in "t" for "x" \(2, 4, 3, 5\), found \(2, 4\)'):
        make(shapes=(SHAPE, (2, 4)))
    with pytest.raises(ShapeError, match=r"axis 1 of a bottom of shape \(2, 0\) is empty"):
        make(shapes=((2, 0), (2,)))
