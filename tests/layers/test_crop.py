"""Crop: where it cuts, and what does not fit."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import NetdefError, ShapeError

CONTRACT = {
    "Crop": Case(
        layer_text("Crop", ["a", "b"], ["y"], "crop_param { offset: [1, 2] }"),
        ((2, 3, 5, 6), (7, 1, 3, 2)),
        ((2, 3, 3, 2),),
    ),
}

SHAPES = [(2, 3, 5, 6), (4, 1, 3, 2)]


def make(extra="", shapes=SHAPES, **options):
    return make_layer(layer_text("Crop", ["a", "b"], ["y"], f"crop_param {{ {extra} }}"), shapes, **options)


@pytest.mark.parametrize(
    ("extra", "top", "left"),
    [("", 0, 0), ("offset: 2", 2, 2), ("offset: [1, 4]", 1, 4), ("axis: -2 offset: [2, 0]", 2, 0)],
)
def test_it_cuts_at_the_offsets(extra, top, left, device):
    single = make(extra, device=device)
    (y,) = single.forward()
    assert y.shape == (2, 3, 3, 2)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    single.backward(dy, propagate_down=[True, False])
    dx = np.zeros(SHAPES[0])
    for n, c, h, w in np.ndindex(y.shape):
        assert y[n, c, h, w] == single.bottom[0].data[n, c, top + h, left + w]
        dx[n, c, top + h, left + w] = dy[n, c, h, w]
    np.testing.assert_array_equal(single.bottom[0].diff, dx)


def test_channels_may_be_cut_too(device):
    single = make("axis: 1 offset: [1, 0, 2]", [(2, 3, 4, 5), (2, 2, 4, 3)], device=device)
    np.testing.assert_array_equal(single.forward()[0], single.bottom[0].data[:, 1:3, :, 2:5])


@pytest.mark.parametrize(
    ("extra", "shapes", "kind", "message"),
    [
        ("offset: [1, 2, 3]", SHAPES, NetdefError, "3 offsets for 2 axes; expected one for all, or one for each"),
        ("offset: [0, 5]", SHAPES, ShapeError, "axis 3: a crop of 2 from 5 does not fit the length 6"),
        ("", [(2, 3, 4, 5), (2, 3)], ShapeError, "both bottoms must have equally many axes"),
    ],
)
def test_crops_that_do_not_fit_are_refused(extra, shapes, kind, message):
    with pytest.raises(kind, match=message):
        make(extra, shapes)


def test_the_second_bottoms_gradient_is_0_and_it_may_be_learned():
    single = make()
    single.bottom[1].diff[...] = 7
    single.backward(1.0, propagate_down=[False, True])
    assert not single.bottom[1].diff.any()
