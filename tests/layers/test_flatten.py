"""Flatten: which axes become one."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import ShapeError

CONTRACT = {
    "Flatten": Case(layer_text("Flatten", ["a"]), ((2, 3, 4, 5),), ((2, 60),)),
}


def make(extra, **options):
    return make_layer(layer_text("Flatten", ["a"], ["y"], f"flatten_param {{ {extra} }}"), [(2, 3, 4, 5)], **options)


@pytest.mark.parametrize(
    ("extra", "shape"),
    [
        ("", (2, 60)),
        ("axis: 0", (120,)),
        ("axis: 2", (2, 3, 20)),
        ("end_axis: -2", (2, 12, 5)),
        ("axis: -3 end_axis: 1", (2, 3, 4, 5)),
    ],
)
def test_axes_become_one(extra, shape, device):
    single = make(extra, device=device)
    np.testing.assert_array_equal(single.forward()[0], single.bottom[0].data.reshape(shape))
    dy = np.random.default_rng(1).standard_normal(shape)
    single.backward(dy)
    np.testing.assert_array_equal(single.bottom[0].diff, dy.reshape(2, 3, 4, 5))


@pytest.mark.parametrize(
    ("extra", "message"),
    [("axis: 3 end_axis: 2", "end_axis 2 comes before axis 3"), ("axis: 4", "axis 4 is not one of")],
)
def test_axes_that_are_not_there_are_refused(extra, message):
    with pytest.raises(ShapeError, match=message):
        make(extra)
