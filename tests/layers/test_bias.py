"""Bias against the plain loop: which number each element gets."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import ShapeError

CONTRACT = {
    "Bias": Case(layer_text("Bias", ["a"], ["y"], "bias_param { num_axes: 2 }"), ((2, 3, 4, 5),), ((2, 3, 4, 5),)),
    "Bias, of two": Case(
        layer_text("Bias", ["a", "b"], ["y"], "bias_param { axis: 0 }"), ((2, 3, 4), (2, 3)), ((2, 3, 4),)
    ),
    "Bias, in-place": Case(layer_text("Bias", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
}

SHAPE = (2, 3, 4, 5)


def make(extra="", shapes=(SHAPE,), top="y", **options):
    names = ["a", "b"][: len(shapes)]
    return make_layer(layer_text("Bias", names, [top], f"bias_param {{ {extra} }}"), list(shapes), **options)


@pytest.mark.parametrize("top", ["a", "y"])
@pytest.mark.parametrize(
    ("extra", "shapes", "axis", "bias"),
    [
        ("", (SHAPE,), 1, (3,)),
        ("axis: 0 num_axes: 2", (SHAPE,), 0, (2, 3)),
        ("axis: -2 num_axes: -1", (SHAPE,), 2, (4, 5)),
        ("num_axes: 0", (SHAPE,), 1, ()),
        ("", (SHAPE, (3, 4)), 1, (3, 4)),
    ],
)
def test_it_is_the_plain_loop_forward_and_backward(extra, shapes, axis, bias, top, device):
    single = make(extra, shapes, top, device=device)
    blob = single.bottom[1] if len(shapes) == 2 else single.params[0]
    assert blob.shape == bias
    x, b, dy = single.bottom[0].data.copy(), blob.data.copy(), np.random.default_rng(1).standard_normal(SHAPE)
    (y,) = single.forward()
    single.backward(dy)
    db = np.zeros(bias)
    for at in np.ndindex(SHAPE):
        place = at[axis : axis + len(bias)]
        np.testing.assert_allclose(y[at], x[at] + b[place], rtol=1e-12)
        db[place] += dy[at]
    np.testing.assert_array_equal(single.bottom[0].diff, dy)
    np.testing.assert_allclose(blob.diff, db, rtol=1e-10, atol=1e-13)


def test_a_bias_that_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"the shape \(4,\) is not that of the bottom \(2, 3, 4, 5\) from axis 1 on"):
        make("", (SHAPE, (4,)))
