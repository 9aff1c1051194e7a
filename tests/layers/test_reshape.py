"""Reshape: which shape comes out, that no copy is made, and what does not fit."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import NetdefError, ShapeError
from pysketch.layers.reshape import Renamed

CONTRACT = {
    "Reshape": Case(
        layer_text("Reshape", ["a"], ["y"], "reshape_param { shape { dim: [0, -1, 2] } }"), ((2, 3, 4),), ((2, 6, 2),)
    ),
}

SHAPE = (2, 3, 4, 5)


def make(extra, **options):
    return make_layer(layer_text("Reshape", ["a"], ["y"], f"reshape_param {{ {extra} }}"), [SHAPE], **options)


@pytest.mark.parametrize(
    ("extra", "shape"),
    [
        ("shape { dim: [0, 12, 5] }", (2, 12, 5)),
        ("shape { dim: [0, 0, -1] }", (2, 3, 20)),
        ("shape { dim: -1 }", (120,)),
        ("shape { dim: 1 } axis: 0 num_axes: 0", (1, 2, 3, 4, 5)),
        ("shape { dim: 1 } axis: -1 num_axes: 0", (2, 3, 4, 5, 1)),
        ("shape { dim: [6] } num_axes: 2", (6, 4, 5)),
        ("shape { dim: [2, -1] } axis: 1", (2, 2, 30)),
        ("shape { dim: [-1, 0] } axis: 2 num_axes: 2", (2, 3, 4, 5)),
        ("", (2, 3, 4, 5)),
    ],
)
def test_the_same_elements_in_the_new_shape(extra, shape, device):
    if extra == "":
        extra = "num_axes: 0"
    single = make(extra, device=device)
    (y,) = single.forward()
    np.testing.assert_array_equal(y, single.bottom[0].data.reshape(shape))
    dy = np.random.default_rng(1).standard_normal(shape)
    single.backward(dy)
    np.testing.assert_array_equal(single.bottom[0].diff, dy.reshape(SHAPE))


def test_no_copy_is_made():
    single = make("shape { dim: [6, 20] }")
    assert np.shares_memory(single.top[0].data, single.bottom[0].data)


@pytest.mark.parametrize(
    ("extra", "kind", "message"),
    [
        ("shape { dim: [-1, -1] }", NetdefError, "only one dim may be -1"),
        ("shape { dim: [7, -1] }", ShapeError, r"\(2, 3, 4, 5\) does not divide into \[7, -1\] from axis 0 on"),
        ("shape { dim: [2, 3] }", ShapeError, r"\(2, 3, 4, 5\) has 120 elements, \(2, 3\) would have 6"),
        ("shape { dim: [1, 1, 1, 1, 0] }", ShapeError, r"dim 4 is 0, to be kept, but the bottom .* has no axis 4"),
        ("shape { dim: 1 } axis: 5", ShapeError, "axis 5 and num_axes -1 do not fit"),
        ("shape { dim: 1 } axis: 3 num_axes: 2", ShapeError, "axis 3 and num_axes 2 do not fit"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(extra, kind, message):
    with pytest.raises(kind, match=message):
        make(extra)


def test_a_subclass_must_say_the_new_shape():
    with pytest.raises(NotImplementedError, match="Renamed has no new_shape"):
        Renamed.new_shape(Renamed.__new__(Renamed), (2, 3))
