"""Accuracy against sorting by hand, at ties, for each class, and what it refuses."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError, ShapeError

CONTRACT = {
    "Accuracy": Case(layer_text("Accuracy", ["x", "t"], ["y", "z"]), ((3, 4, 2), (3, 2)), ((), (4,)), whole={1: 4}),
}

SHAPE, ITEMS = (6, 5, 3), (6, 3)


def make(
    options: str = "",
    shapes: tuple[tuple[int, ...], ...] = (SHAPE, ITEMS),
    tops: tuple[str, ...] = ("all", "each"),
    **more: Any,
) -> SingleLayer:
    """The layer with scores 0 to 3, so that many are equal, and random labels of 5 classes."""
    text = layer_text("Accuracy", ["x", "t"], tops, f"accuracy_param {{ {options} }}")
    single = make_layer(text, shapes, **more)
    rng = np.random.default_rng(0)
    for blob, above in zip(single.bottom, (4, 5), strict=True):
        blob.data[...] = rng.integers(0, above, blob.shape)
    return single


@pytest.mark.parametrize("ignore", [None, 2])
@pytest.mark.parametrize("top_k", [1, 2, 4, 5])
@pytest.mark.parametrize(("axis", "shapes"), [(1, (SHAPE, ITEMS)), (-1, ((6, 3, 5), ITEMS)), (1, ((6, 5), (6,)))])
def test_it_is_the_plain_loop(
    axis: int, shapes: tuple[tuple[int, ...], ...], top_k: int, ignore: int | None, device: Device
) -> None:
    options = f"axis: {axis} top_k: {top_k}" + (f" ignore_label: {ignore}" if ignore else "")
    single = make(options, shapes, device=device)
    overall, each = single.forward()
    x = np.moveaxis(single.bottom[0].data, axis, -1).reshape(-1, 5)
    expected = naive.accuracy(x, single.bottom[1].data.ravel(), top_k, ignore)
    assert overall.shape == ()
    np.testing.assert_allclose(overall, expected[0])
    np.testing.assert_allclose(each, expected[1])


def test_the_second_top_may_be_left_out() -> None:
    assert make(tops=("all",)).forward()[0] == make().forward()[0]


@pytest.mark.parametrize(("top_k", "right"), [(1, 0), (4, 0), (5, 1)])
def test_of_equal_scores_the_right_one_ranks_last(top_k: int, right: int) -> None:
    single = make(f"top_k: {top_k}", shapes=((5, 5), (5,)))
    single.bottom[0].data[...], single.bottom[1].data[...] = 7, np.arange(5)
    assert single.forward()[1].tolist() == [right] * 5


def test_a_score_that_is_not_a_number_is_not_right() -> None:
    single = make(shapes=((1, 5), (1,)))
    single.bottom[0].data[...], single.bottom[1].data[...] = np.nan, 4
    assert single.forward()[0] == 0


def test_if_nothing_counts_it_is_0() -> None:
    single = make("ignore_label: 1")
    single.bottom[1].data[...] = 1
    overall, each = single.forward()
    assert overall == 0
    assert not each.any()


def test_it_has_no_gradient_and_is_no_loss() -> None:
    single = make()
    assert not single.layer.is_loss
    assert single.layer.no_gradient == (0, 1)
    with pytest.raises(NetdefError, match="a Accuracy layer cannot propagate down to its bottoms"):
        single.backward(1.0, 1.0, propagate_down=[True, False])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NetdefError, match=r"<netdef>:2:\d+: .* top_k 6 is more than there are classes, 5"):
        make("top_k: 6")
    with pytest.raises(ShapeError, match=r'expected 18 labels in "t" for "x" \(6, 5, 3\), found \(6, 5\)'):
        make(shapes=(SHAPE, (6, 5)))
    single = make()
    single.bottom[1].data[0, 0] = 5
    with pytest.raises(DataError, match='a label of "t" is 5; expected 0 to 4'):
        single.forward()
