"""ArgMax against sorted pairs, with ties, in all its four forms."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError

CONTRACT = {
    "ArgMax": Case(layer_text("ArgMax", ["x"], ["y"], "argmax_param { top_k: 2 }"), ((3, 4, 2, 2),), ((3, 1, 2, 1),)),
    "ArgMax, along an axis": Case(
        layer_text("ArgMax", ["x"], ["y"], "argmax_param { axis: 1 out_max_val: true }"),
        ((3, 4, 5, 2),),
        ((3, 1, 5, 2),),
    ),
}


def ranked(scores: np.ndarray, k: int) -> list[tuple[float, int]]:
    """The k largest (score, index) pairs: of equal scores the higher index is the larger pair."""
    return sorted(zip(scores.tolist(), range(len(scores)), strict=True), reverse=True)[:k]


@pytest.mark.parametrize("values", [False, True])
def test_without_an_axis_it_ranks_all_of_an_item_and_may_give_the_scores(values: bool, device: Device) -> None:
    text = layer_text("ArgMax", ["x"], ["y"], f"argmax_param {{ top_k: 3 out_max_val: {str(values).lower()} }}")
    single = make_layer(text, [(2, 3, 2)], device=device)
    single.bottom[0].data[...] = np.array([[[1, 4], [4, 0], [4, -1]], [[0, 0], [0, 0], [0, 0]]])
    (y,) = single.forward()
    assert y.shape == (2, 1 + values, 3)
    for item, x in zip(y, single.bottom[0].data, strict=True):
        right = ranked(x.reshape(-1), 3)
        assert item[0].tolist() == [index for _, index in right]
        if values:
            assert item[1].tolist() == [score for score, _ in right]


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_along_an_axis_it_gives_the_indices_or_the_scores(axis: int, values: bool, device: Device) -> None:
    options = f"argmax_param {{ axis: {axis} top_k: 2 out_max_val: {str(values).lower()} }}"
    single = make_layer(layer_text("ArgMax", ["x"], ["y"], options), [(3, 4, 2)], device=device)
    single.bottom[0].data[...] = np.random.default_rng(0).integers(0, 3, (3, 4, 2))
    x, (y,) = np.moveaxis(single.bottom[0].data, axis, -1), single.forward()
    y = np.moveaxis(y, axis, -1)
    for at in np.ndindex(x.shape[:-1]):
        assert y[at].tolist() == [pair[0 if values else 1] for pair in ranked(x[at], 2)]


def test_a_bottom_of_two_axes_gives_three() -> None:
    assert make_layer(layer_text("ArgMax", ["x"]), [(2, 5)]).top[0].shape == (2, 1, 1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NetdefError, match="top_k 7 is more than there are scores, 6"):
        make_layer(layer_text("ArgMax", ["x"], ["y"], "argmax_param { top_k: 7 }"), [(2, 3, 2)])
    with pytest.raises(ShapeError, match=r"axis 2 is not one of a bottom of shape \(2, 3\)"):
        make_layer(layer_text("ArgMax", ["x"], ["y"], "argmax_param { axis: 2 }"), [(2, 3)])
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, ...\), found \(\)"):
        make_layer(layer_text("ArgMax", ["x"]), [()])
