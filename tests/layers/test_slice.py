"""Slice: which part goes where, and what does not fit."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import NetdefError, ShapeError

CONTRACT = {
    "Slice": Case(
        layer_text("Slice", ["a"], ["x", "y", "z"], "slice_param { slice_point: [1, 4] }"),
        ((2, 6, 3, 4),),
        ((2, 1, 3, 4), (2, 3, 3, 4), (2, 2, 3, 4)),
    ),
}


def make(extra, shape, tops="xyz", **options):
    return make_layer(layer_text("Slice", ["a"], list(tops), f"slice_param {{ {extra} }}"), [shape], **options)


@pytest.mark.parametrize(
    "extra", ["axis: 2 slice_point: [1, 4]", "axis: -1 slice_point: [1, 4]", "slice_dim: 2 slice_point: [1, 4]"]
)
def test_parts_begin_at_the_points(extra, device):
    single = make(extra, (2, 3, 6), device=device)
    parts = single.forward()
    assert [part.shape for part in parts] == [(2, 3, 1), (2, 3, 3), (2, 3, 2)]
    diffs = [np.random.default_rng(k).standard_normal(part.shape) for k, part in enumerate(parts)]
    single.backward(*diffs)
    for n, c, i in np.ndindex(2, 3, 6):
        k, j = (0, i) if i < 1 else (1, i - 1) if i < 4 else (2, i - 4)
        assert parts[k][n, c, j] == single.bottom[0].data[n, c, i]
        assert diffs[k][n, c, j] == single.bottom[0].diff[n, c, i]


def test_without_points_parts_are_equally_long(device):
    assert [part.shape for part in make("", (2, 6), device=device).forward()] == [(2, 2)] * 3


def test_concat_of_all_parts_is_the_bottom():
    single = make("slice_point: [2, 3]", (2, 6, 4))
    np.testing.assert_array_equal(np.concatenate(single.forward(), axis=1), single.bottom[0].data)


@pytest.mark.parametrize(
    ("extra", "kind", "message"),
    [
        ("slice_point: 1", NetdefError, "1 slice_point for 3 tops; expected one fewer than tops"),
        ("slice_point: [3, 2]", NetdefError, r"slice_points must ascend from 1, found \[3, 2\]"),
        ("slice_point: [0, 2]", NetdefError, r"slice_points must ascend from 1, found \[0, 2\]"),
        ("slice_point: [2, 7]", ShapeError, "slice_point 7 is not within axis 1 of length 7"),
        ("", ShapeError, "axis 1 of length 7 cannot be cut into 3 equal parts"),
    ],
)
def test_points_that_do_not_fit_are_refused(extra, kind, message):
    with pytest.raises(kind, match=message):
        make(extra, (2, 7))


def test_images_cut_by_rows_are_not_drawn_in_tiles():
    assert make("axis: 2", (1, 2, 3, 4)).layer.receptive_field() is None
    assert make("axis: 1", (1, 3, 3, 4)).layer.receptive_field() is not None
