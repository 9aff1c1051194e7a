"""SigmoidCrossEntropyLoss against plain loops, with every normalization, and where exp would overflow."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError

CONTRACT = {
    "SigmoidCrossEntropyLoss": Case(
        layer_text("SigmoidCrossEntropyLoss", ["x", "t"]), ((3, 2, 4), (3, 2, 4)), ((),), whole={1: 2}
    ),
}

SHAPE = (3, 2, 5)


def make(options: str = "", shapes: tuple[tuple[int, ...], ...] = (SHAPE, SHAPE), **more: Any) -> SingleLayer:
    """The layer with random scores and targets, every fourth of them -1."""
    text = layer_text("SigmoidCrossEntropyLoss", ["x", "t"], ["loss"], f"loss_param {{ {options} }}")
    single = make_layer(text, shapes, **more)
    targets = np.random.default_rng(0).random(single.bottom[1].count)
    targets[::4] = -1
    single.bottom[1].data[...] = targets.reshape(single.bottom[1].shape)
    return single


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("ignore", [None, -1])
@pytest.mark.parametrize("normalization", ["", "FULL", "VALID", "BATCH_SIZE", "NONE"])
def test_it_is_the_plain_loop_forward_and_backward(
    normalization: str, ignore: int | None, dtype: type, rtol: float, device: Device
) -> None:
    options = (f"normalization: {normalization}" if normalization else "") + (
        f" ignore_label: {ignore}" if ignore else ""
    )
    single = make(options, dtype=dtype, device=device)
    (loss,) = single.forward()
    single.backward(0.7)
    x, t = (blob.data.astype(np.float64) for blob in single.bottom)
    total, dx, count = naive.sigmoid_loss(x, t, ignore)
    n = {"FULL": t.size, "VALID": count, "NONE": 1}.get(normalization, len(x))
    assert loss.shape == ()
    np.testing.assert_allclose(loss, total / n, rtol=rtol)
    np.testing.assert_allclose(single.bottom[0].diff, 0.7 * dx / n, rtol=0, atol=rtol)


@pytest.mark.parametrize("sign", [1, -1])
def test_large_scores_do_not_overflow(sign: int, device: Device) -> None:
    single = make(shapes=((1, 2), (1, 2)), dtype=np.float32, device=device)
    single.bottom[0].data[...] = 1e4 * sign
    single.bottom[1].data[...] = [[0, 1]]
    assert single.forward()[0] == 1e4
    single.backward(1.0)
    assert single.bottom[0].diff.tolist() == [[1, 0] if sign > 0 else [0, -1]]


def test_targets_may_have_another_shape_of_the_same_count() -> None:
    assert make().forward()[0] == make(shapes=(SHAPE, (3, 10))).forward()[0]


def test_targets_get_no_gradient() -> None:
    single = make()
    single.forward()
    with pytest.raises(NetdefError, match="a SigmoidCrossEntropyLoss layer cannot propagate down to its targets"):
        single.backward(1.0, propagate_down=[True, True])


@pytest.mark.parametrize("t", [(2, 4), (3, 2), (6,)])
def test_bottoms_of_other_counts_are_refused(t: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r'"x" \(2, 3\) and "t" \(.*\) must have equally many items'):
        make(shapes=((2, 3), t))


def test_targets_may_be_of_another_shape() -> None:
    single, same = make(shapes=((2, 3), (2, 1, 3))), make(shapes=((2, 3), (2, 3)))
    for blob, other in zip(same.bottom, single.bottom, strict=True):
        blob.data[...] = other.data.reshape(blob.shape)
    assert single.forward() == same.forward()
