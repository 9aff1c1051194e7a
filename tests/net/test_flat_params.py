"""Flat params: one buffer for data, one for diffs, in which the blobs' arrays lie."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from pysketch.device.blob import Blob
from pysketch.layers.context import Context
from pysketch.net.flat_params import FlatParams
from pysketch.net.net import Net
from pysketch.net.params import Param
from pysketch.netdef.definitions import parse_netdef

SHAPES = ((2, 3, 5, 1), (7,), (), (3, 2))
MULTIPLIERS = ((1, 1), (2, 0), (0, 1), (1, 1))


def made(multipliers=MULTIPLIERS, dtype=np.float32):
    params = []
    for shape, pair in zip(SHAPES, multipliers, strict=True):
        blob = Blob(shape, dtype)
        blob.data[...] = np.arange(blob.count).reshape(shape) + 100 * len(params) + 1
        params.append(Param("layer", len(params), blob, *pair))
    return FlatParams(params)


def numbers(segment):
    """Which params, by their hundreds, have elements in a segment; 0 of the gaps are no element."""
    return sorted({int(value) // 100 for value in segment.data if value})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_params_keep_their_values_and_lie_in_two_buffers_at_cache_lines(dtype):
    flat = made(dtype=dtype)
    for k, param in enumerate(flat):
        expected = np.arange(param.blob.count).reshape(SHAPES[k]) + 100 * k + 1
        np.testing.assert_array_equal(param.blob.data, expected)
        assert not param.blob.diff.any()
        assert param.blob.data.dtype == param.blob.diff.dtype == dtype
    for arrays in ([param.blob.data for param in flat], [param.blob.diff for param in flat]):
        assert len({id(array.base) for array in arrays}) == 1
        assert [array.ctypes.data % 64 for array in arrays] == [0] * 4
    assert flat[0].blob.data.base is not flat[0].blob.diff.base


def test_params_come_in_the_given_order():
    flat = made()
    assert [param.index for param in flat] == [0, 1, 2, 3]
    assert len(flat) == 4
    assert flat[-1].index == 3


def test_params_of_equal_multipliers_are_one_segment_and_those_not_learned_come_last():
    found = made().segments()
    assert [(each.lr_mult, each.decay_mult, numbers(each)) for each in found] == [
        (2, 0, [1]),
        (1, 1, [0, 3]),
        (0, 1, [2]),
    ]
    (whole,) = made([(1, 1)] * 4).segments()
    assert numbers(whole) == [0, 1, 2, 3]


def test_multipliers_that_change_later_count():
    flat = made([(1, 1)] * 4)
    flat[1].lr_mult = 3
    assert [(each.lr_mult, numbers(each)) for each in flat.segments()] == [(1, [0]), (3, [1]), (1, [2, 3])]


def test_a_segment_has_the_same_piece_of_every_buffer():
    flat = made()
    buffer = flat.zeros()
    for view, param in zip(flat.views(buffer), flat, strict=True):
        assert view.shape == param.blob.shape
        view[...] = -param.blob.data
        param.blob.diff[...] = 2 * param.blob.data
    for segment in flat.segments([buffer, buffer]):
        np.testing.assert_array_equal(segment.diff, 2 * segment.data)
        for piece in segment.history:
            np.testing.assert_array_equal(piece, -segment.data)


def test_a_segment_is_cut_into_pieces_that_hold_every_element_once():
    flat = made([(3, 2)] * 4)
    (segment,) = flat.segments([flat.zeros()])
    pieces = list(segment.cut(11))
    assert [piece.data.size for piece in pieces[:-1]] == [11] * (len(pieces) - 1)
    assert 0 < pieces[-1].data.size < 11
    np.testing.assert_array_equal(np.concatenate([piece.data for piece in pieces]), segment.data)
    for piece in pieces:
        assert piece.diff.shape == piece.history[0].shape == piece.data.shape
        assert (piece.lr_mult, piece.decay_mult) == (3, 2)
        piece.history[0][...] = piece.diff[...] = 1
    assert segment.diff.all()
    assert segment.history[0].all()


@pytest.mark.parametrize("which", ["data", "diff"])
def test_a_param_with_other_memory_is_a_segment_by_itself(which):
    flat = made([(1, 1)] * 4)
    other = np.full((7,), 150, np.float32)
    getattr(flat[1].blob, f"hold_{which}")(other)
    found = flat.segments([flat.zeros()])
    assert [numbers(each) for each in found] == [[0], [1], [2, 3]]
    assert np.shares_memory(getattr(found[1], which), other)
    assert [each.history[0].size == each.data.size for each in found] == [True] * 3


def test_clearing_reaches_every_diff_also_elsewhere():
    flat = made()
    flat[1].blob.hold_diff(np.ones(7, np.float32))
    for param in flat:
        param.blob.diff[...] = 5
    flat.clear_diffs()
    assert not any(param.blob.diff.any() for param in flat)
    assert all(param.blob.data.all() for param in flat)


def test_no_params_are_no_segments():
    flat = FlatParams([])
    flat.clear_diffs()
    assert flat.segments([flat.zeros()]) == []


NET = """layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [2, 2, 3, 5] } } }
layer { name: "c" type: "Convolution" bottom: "x" top: "a" param { name: "w" }
        convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "xavier" } } }
layer { name: "d" type: "Convolution" bottom: "a" top: "b" param { name: "w" }
        convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "xavier" } } }
"""


def test_params_of_one_name_lie_in_the_buffer_once():
    net = Net(parse_netdef(NET, "a"))
    (segment,) = net.learnable.segments()
    first, second = net.params["c"][0], net.params["d"][0]
    segment.data[:4], segment.diff[:4] = [1, 2, 3, 4], [5, 6, 7, 8]
    assert first.data.ravel().tolist() == second.data.ravel().tolist() == [1, 2, 3, 4]
    assert first.diff.ravel().tolist() == second.diff.ravel().tolist() == [5, 6, 7, 8]
    assert len(net.learnable) == 3


def test_a_net_that_shares_anothers_params_gives_its_own_back_and_can_still_be_updated():
    one, other = (Net(parse_netdef(NET, "a"), context=Context(seed=seed)) for seed in (1, 2))
    own = weakref.ref(other.params["c"][0].data.base)
    other.share_with(one)
    assert own() is None
    for segment in other.learnable.segments():
        segment.data[...] = 3
        segment.diff[...] = 4
    assert all((param.blob.data == 3).all() for param in one.learnable)
    assert not any(param.blob.diff.any() for param in one.learnable)
    assert all((param.blob.diff == 4).all() for param in other.learnable)
    other.clear_param_diffs()
    assert not any(param.blob.diff.any() for param in other.learnable)


def test_chunks_hold_every_diff_once_and_none_of_what_is_not_learned_with_what_is():
    flat = made()
    for k, param in enumerate(flat):
        param.blob.diff.fill(k + 1)
    for nbytes in (1, 10**6):
        chunks = flat.chunks(nbytes)
        for diff, params in chunks:
            assert {value for value in diff.tolist() if value} == {param.index + 1 for param in params}
        assert sorted(param.index for _, params in chunks for param in params) == [0, 1, 2, 3]
        assert [{param.lr_mult == 0 for param in params} for _, params in chunks][-1] == {True}
    assert len(flat.chunks(1)) == 4
    assert [len(params) for _, params in flat.chunks(10**6)] == [3, 1]


def test_a_chunk_is_the_diffs_own_memory_also_elsewhere():
    flat = made()
    flat[3].blob.hold_diff(np.ones((3, 2), np.float32))
    for diff, params in flat.chunks(10**6):
        diff.fill(9)
        for param in params:
            assert (param.blob.diff == 9).all()
