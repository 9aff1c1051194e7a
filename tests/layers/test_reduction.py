"""Reduction against plain loops."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

CONTRACT = {
    "Reduction": Case(
        layer_text("Reduction", ["a"], ["y"], "reduction_param { operation: MEAN axis: 1 coeff: 3 }"),
        ((2, 3, 4),),
        ((2,),),
    ),
    "Reduction, squares": Case(
        layer_text("Reduction", ["a"], ["y"], "reduction_param { operation: SUMSQ axis: -1 }"), ((2, 3, 4),), ((2, 3),)
    ),
}

SHAPE = (2, 3, 4)
VALUES = {
    "SUM": (lambda x: x, lambda x: 1.0),
    "ASUM": (abs, np.sign),
    "SUMSQ": (lambda x: x * x, lambda x: 2 * x),
    "MEAN": (lambda x: x, lambda x: 1.0),
}


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("operation", VALUES)
def test_it_is_the_plain_loop_forward_and_backward(operation, axis, device):
    extra = f"reduction_param {{ operation: {operation} axis: {axis} coeff: 3 }}"
    single = make_layer(layer_text("Reduction", ["a"], ["y"], extra), [SHAPE], device=device)
    single.bottom[0].data[0, 0, 0] = 0
    kept = SHAPE[:axis] if axis >= 0 else SHAPE[:-1]
    (y,) = single.forward()
    assert y.shape == kept
    dy = np.random.default_rng(1).standard_normal(kept)
    single.backward(dy)
    value, slope = VALUES[operation]
    expected, n = np.zeros(kept), np.prod(SHAPE[len(kept) :])
    factor = 3 / n if operation == "MEAN" else 3
    for at in np.ndindex(SHAPE):
        x, row = single.bottom[0].data[at], at[: len(kept)]
        expected[row] += factor * value(x)
        np.testing.assert_allclose(single.bottom[0].diff[at], factor * slope(x) * dy[row], rtol=1e-12)
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_by_default_everything_is_summed_and_the_batch_mixed():
    single = make_layer(layer_text("Reduction", ["a"]), [SHAPE])
    np.testing.assert_allclose(single.forward()[0], single.bottom[0].data.sum(), rtol=1e-12)
    assert single.layer.mixes_batch
