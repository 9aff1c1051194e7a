"""Concat: what stands where, and what does not fit."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import NetdefError, ShapeError

CONTRACT = {
    "Concat": Case(layer_text("Concat", ["a", "b", "c"]), ((2, 3, 4, 5), (2, 1, 4, 5), (2, 2, 4, 5)), ((2, 6, 4, 5),)),
}


def make(extra, shapes, **options):
    names = [chr(ord("a") + k) for k in range(len(shapes))]
    return make_layer(layer_text("Concat", names, ["y"], f"concat_param {{ {extra} }}"), shapes, **options)


@pytest.mark.parametrize("extra", ["axis: 2", "axis: -2", "concat_dim: 2"])
def test_bottoms_stand_one_behind_the_other(extra, device):
    single = make(extra, [(2, 3, 1, 4), (2, 3, 5, 4)], device=device)
    (y,) = single.forward()
    assert y.shape == (2, 3, 6, 4)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    single.backward(dy)
    for n, c, h, w in np.ndindex(y.shape):
        k, at = (0, (n, c, h, w)) if h < 1 else (1, (n, c, h - 1, w))
        assert y[n, c, h, w] == single.bottom[k].data[at]
        assert dy[n, c, h, w] == single.bottom[k].diff[at]


def test_a_single_bottom_is_copied(device):
    single = make("", [(2, 3)], device=device)
    np.testing.assert_array_equal(single.forward()[0], single.bottom[0].data)


def test_the_batch_may_be_joined_and_then_it_mixes():
    assert make("axis: 0", [(2, 3), (1, 3)]).layer.mixes_batch
    assert not make("axis: 1", [(2, 3), (2, 1)]).layer.mixes_batch


def test_images_joined_by_rows_are_not_drawn_in_tiles():
    assert make("axis: 2", [(1, 2, 3, 4), (1, 2, 3, 4)]).layer.receptive_field() is None
    assert make("axis: 1", [(1, 2, 3, 4), (1, 2, 3, 4)]).layer.receptive_field() is not None


def test_other_axes_must_be_equal():
    with pytest.raises(ShapeError, match=r'all axes but axis 1 must be equal, found "a" \(2, 3\) and "b" \(4, 3\)'):
        make("", [(2, 3), (4, 3)])


def test_axis_and_its_old_name_exclude_each_other():
    with pytest.raises(NetdefError, match="give either axis or the old concat_dim, not both"):
        make("axis: 1 concat_dim: 1", [(2, 3), (2, 3)])


def test_an_axis_that_is_not_there_is_refused():
    with pytest.raises(ShapeError, match=r"axis 2 is not one of a bottom of shape \(2, 3\)"):
        make("axis: 2", [(2, 3), (2, 3)])
