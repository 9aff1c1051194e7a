"""ContrastiveLoss against plain loops, as it is and as it was first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError

BLOBS = (((4, 5), (4, 5), (4,)), ((),))
CONTRACT = {
    "ContrastiveLoss": Case(
        layer_text("ContrastiveLoss", ["a", "b", "s"], ["y"], "contrastive_loss_param { margin: 4 }"),
        *BLOBS,
        whole={2: 2},
    ),
    "ContrastiveLoss, legacy": Case(
        layer_text(
            "ContrastiveLoss", ["a", "b", "s"], ["y"], "contrastive_loss_param { margin: 12 legacy_version: true }"
        ),
        *BLOBS,
        whole={2: 2},
    ),
}


def naive(a: np.ndarray, b: np.ndarray, similar: np.ndarray, margin: float, legacy: bool) -> tuple[float, np.ndarray]:
    """The loss and its gradient with respect to a, pair by pair."""
    n, loss, da = len(a), 0.0, np.zeros_like(a)
    for k in range(n):
        difference = a[k] - b[k]
        square = float(difference @ difference)
        d = math.sqrt(square)
        if int(similar[k]):
            loss += square / 2 / n
            da[k] = difference / n
        elif legacy and square < margin:
            loss += (margin - square) / 2 / n
            da[k] = -difference / n
        elif not legacy and d < margin:
            loss += (margin - d) ** 2 / 2 / n
            da[k] = -(margin - d) * difference / (d + 1e-4) / n
    return loss, da


def make(legacy: bool, margin: float = 3.0, **more: Any) -> SingleLayer:
    """The layer on six pairs, half of them similar."""
    options = f"contrastive_loss_param {{ margin: {margin} legacy_version: {str(legacy).lower()} }}"
    text = layer_text("ContrastiveLoss", ["a", "b", "s"], ["loss"], options)
    single = make_layer(text, [(6, 4, 1, 1), (6, 4, 1, 1), (6, 1, 1, 1)], **more)
    single.bottom[2].data.reshape(-1)[:] = [1, 0, 0, 0.9, 2, 0]  # 0.9 is 0, cut to a whole number
    return single


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("legacy", [False, True])
def test_it_is_the_plain_loop_forward_and_backward(legacy: bool, dtype: type, rtol: float, device: Device) -> None:
    single = make(legacy, dtype=dtype, device=device)
    a, b, similar = (blob.data.astype(np.float64).reshape(6, -1) for blob in single.bottom)
    (loss,) = single.forward()
    single.backward(0.7)
    expected, da = naive(a, b, similar[:, 0], 3.0, legacy)
    assert 0 < np.count_nonzero(da.any(axis=1)) < 6  # a pair beyond the margin, too
    np.testing.assert_allclose(loss, expected, rtol=rtol)
    for blob, diff in zip(single.bottom, (da, -da), strict=False):
        np.testing.assert_allclose(blob.diff.reshape(6, -1), 0.7 * diff, rtol=rtol, atol=rtol)


def test_equal_features_give_no_gradient_and_no_division_by_0() -> None:
    single = make(False)
    single.bottom[1].data[...] = single.bottom[0].data
    assert single.forward()[0] == 4 * 9 / 12
    single.backward(1.0)
    assert not single.bottom[0].diff.any()


def test_what_does_not_fit_is_refused() -> None:
    text = layer_text("ContrastiveLoss", ["a", "b", "s"], ["loss"])
    for shapes in ([(4, 5), (4, 6), (4,)], [(4, 5, 2), (4, 5, 2), (4,)], [(0, 5), (0, 5), (0,)], [(4,), (4,), (4,)]):
        with pytest.raises(ShapeError, match=r"must have one shape, \(N, C\) or \(N, C, 1, 1\), and not be empty"):
            make_layer(text, shapes)
    with pytest.raises(ShapeError, match=r'expected 4 numbers in "s", found \(5,\)'):
        make_layer(text, [(4, 5), (4, 5), (5,)])
    with pytest.raises(NetdefError, match="a ContrastiveLoss layer cannot propagate down to its third bottom"):
        make(False).backward(1.0, propagate_down=[True, True, True])
