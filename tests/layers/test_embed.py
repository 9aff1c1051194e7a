"""Embed against an InnerProduct of one-hot vectors, and numbers that are no index."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError

OPTIONS = "embed_param { num_output: 3 input_dim: 5 }"
CONTRACT = {
    "Embed": Case(layer_text("Embed", ["x"], ["y"], OPTIONS), ((4, 2),), ((4, 2, 3),), whole={0: 5}),
    "Embed, no bias": Case(
        layer_text("Embed", ["x"], ["y"], "embed_param { num_output: 2 input_dim: 4 bias_term: false }"),
        ((4,),),
        ((4, 2),),
        whole={0: 4},
    ),
}


def test_it_is_an_inner_product_of_one_hot_vectors(device: Device) -> None:
    single = make_layer(layer_text("Embed", ["x"], ["y"], OPTIONS), [(2, 3)], device=device)
    single.bottom[0].data[...] = [[4, 0, 4], [1, 4, 2]]
    W, b = (blob.data for blob in single.params)
    (y,) = single.forward()
    dy = np.random.default_rng(0).standard_normal(y.shape)
    single.backward(dy)
    dW = np.zeros((5, 3))
    for at in np.ndindex(2, 3):
        one_hot = np.eye(5)[int(single.bottom[0].data[at])]
        np.testing.assert_allclose(y[at], one_hot @ W + b, rtol=1e-12)
        dW += np.outer(one_hot, dy[at])
    np.testing.assert_allclose(single.params[0].diff, dW, rtol=1e-12)
    np.testing.assert_allclose(single.params[1].diff, dy.sum(axis=(0, 1)), rtol=1e-12)


def test_params_that_are_not_learned_keep_their_diffs() -> None:
    single = make_layer(layer_text("Embed", ["x"], ["y"], OPTIONS), [(2,)])
    single.bottom[0].data[...] = [4, 0]
    single.layer.param_propagate_down[:] = [False, False]
    single.forward()
    single.backward(1.0)
    assert not any(blob.diff.any() for blob in single.params)


@pytest.mark.parametrize(("value", "said"), [(5, "5"), (-1, "-1"), (np.nan, "nan")])
def test_a_number_out_of_range_is_refused(value: float, said: str) -> None:
    single = make_layer(layer_text("Embed", ["x"], ["y"], OPTIONS), [(2,)])
    single.bottom[0].data[...] = [0, value]
    message = refused(DataError, single.forward, where="<netdef>:2")
    assert message.endswith(f'an index of "x" is {said}; expected 0 to 4')


def test_indices_get_no_gradient() -> None:
    single = make_layer(layer_text("Embed", ["x"], ["y"], OPTIONS), [(2,)])
    with pytest.raises(NetdefError, match="Embed layer cannot propagate down to its indices"):
        single.backward(1.0, propagate_down=[True])
