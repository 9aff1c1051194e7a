"""BatchNorm against plain loops, its running sums as Caffe keeps them, and params that are never learned."""

from __future__ import annotations

from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "BatchNorm": Case(layer_text("BatchNorm", ["x"]), ((3, 2, 4, 5),), ((3, 2, 4, 5),)),
    "BatchNorm, global": Case(
        layer_text("BatchNorm", ["x"], ["y"], "batch_norm_param { use_global_stats: true eps: 0.1 }"),
        ((3, 2, 4, 5),),
        ((3, 2, 4, 5),),
    ),
    "BatchNorm, in-place": Case(layer_text("BatchNorm", ["x"], ["x"]), ((3, 2, 5),), ((3, 2, 5),)),
}

SHAPE = (3, 2, 4, 5)


def make(
    options: str = "", shape: tuple[int, ...] = SHAPE, extra: str = "", top: str = "y", **more: Any
) -> SingleLayer:
    """The layer, with a random bottom."""
    return make_layer(
        layer_text("BatchNorm", ["x"], [top], f"batch_norm_param {{ {options} }} {extra}"), [shape], **more
    )


def by_channel(x: np.ndarray) -> np.ndarray:
    """(N, C, ...) -> (C, all its elements)."""
    return x.reshape(*x.shape[:2], -1).swapaxes(0, 1).reshape(x.shape[1], -1).astype(np.float64)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-11), (np.float32, 1e-5)])
@pytest.mark.parametrize("shape", [SHAPE, (5, 3), (4, 2, 3)])
def test_with_the_batchs_statistics_it_is_the_plain_loop(
    shape: tuple[int, ...], dtype: type, rtol: float, device: Device
) -> None:
    single = make(shape=shape, dtype=dtype, device=device)
    x = by_channel(single.bottom[0].data)
    dy = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    (y,) = single.forward()
    single.backward(dy)
    for channel, values in enumerate(x):
        found, expected = by_channel(y)[channel], naive.standardized(values, 1e-5)[0]
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)
        dx = naive.standardized_backward(values, by_channel(dy)[channel], 1e-5)
        np.testing.assert_allclose(by_channel(single.bottom[0].diff)[channel], dx, rtol=0, atol=rtol * abs(dx).max())


def test_a_bottom_with_one_axis_is_one_channel() -> None:
    single = make(shape=(5,))
    assert [blob.shape for blob in single.params] == [(1,), (1,), (1,)]
    x = single.bottom[0].data
    np.testing.assert_allclose(single.forward()[0], naive.standardized(x, 1e-5)[0])


def test_the_params_keep_running_sums_as_caffe_does(device: Device) -> None:
    single = make("moving_average_fraction: 0.9", device=device)
    mean, var, count = np.zeros(2), np.zeros(2), 0.0
    for k in range(3):
        single.bottom[0].data[...] = np.random.default_rng(k).normal(k, 2, SHAPE)
        single.forward()
        statistics = [naive.standardized(values, 0)[1:] for values in by_channel(single.bottom[0].data)]
        mean = 0.9 * mean + [each[0] for each in statistics]
        var = 0.9 * var + [each[1] * 60 / 59 for each in statistics]
        count = 0.9 * count + 1
    for blob, expected in zip(single.params, (mean, var, [count]), strict=True):
        np.testing.assert_allclose(blob.data, expected)


def test_the_variance_of_one_element_is_not_corrected() -> None:
    single = make(shape=(1, 2))
    single.forward()
    np.testing.assert_allclose(single.params[0].data, single.bottom[0].data[0])
    assert single.params[1].data.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("options", "phase"), [("", Phase.TEST), ("use_global_stats: true", Phase.TRAIN)], ids=["in phase TEST", "if told"]
)
def test_global_statistics_are_the_sums_over_their_count(options: str, phase: Phase, device: Device) -> None:
    single = make(f"{options} eps: 0.25", phase=phase, device=device)
    for blob, values in zip(single.params, ([8, -2], [12, 3], [4]), strict=True):
        blob.data[...] = values
    (y,) = single.forward()
    single.backward(1.0)
    for channel, (mean, var) in enumerate([(2, 3), (-0.5, 0.75)]):
        q = np.sqrt(var + 0.25)
        np.testing.assert_allclose(y[:, channel], (single.bottom[0].data[:, channel] - mean) / q)
        np.testing.assert_allclose(single.bottom[0].diff[:, channel], 1 / q)
    assert single.params[0].data.tolist() == [8, -2]


def test_in_phase_test_the_batchs_statistics_may_be_asked_for() -> None:
    single = make("use_global_stats: false", phase=Phase.TEST)
    np.testing.assert_allclose(single.forward()[0].mean(axis=(0, 2, 3)), 0, atol=1e-12)


def test_without_any_batch_the_global_statistics_are_0() -> None:
    single = make("eps: 0.25", phase=Phase.TEST)
    np.testing.assert_allclose(single.forward()[0], 2 * single.bottom[0].data)


def test_in_place_it_gives_the_same_even_if_its_top_is_written_over() -> None:
    apart, in_place = make(), make(top="x")
    np.testing.assert_array_equal(in_place.forward()[0], apart.forward()[0])
    in_place.top[0].data[...] = 99
    dy = np.random.default_rng(1).standard_normal(SHAPE)
    for single in (apart, in_place):
        single.backward(dy)
    np.testing.assert_array_equal(in_place.bottom[0].diff, apart.bottom[0].diff)


def test_it_mixes_the_batch_and_sees_everything_only_with_the_batchs_statistics() -> None:
    training, drawing = make().layer, make(phase=Phase.TEST).layer
    assert training.mixes_batch
    assert training.receptive_field() is None
    assert not drawing.mixes_batch
    assert drawing.receptive_field() is not None


def test_its_params_are_not_learned_and_a_test_net_shares_them() -> None:
    text = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [4, 3] } } }'
    netdef = parse_netdef(text + layer_text("BatchNorm", ["x"]))
    train, test = Net(netdef, Phase.TRAIN), Net(netdef, Phase.TEST)
    assert [param.lr_mult for param in train.learnable] == [0, 0, 0]
    test.share_with(train)
    train.blobs["x"].data[...] = np.random.default_rng(0).normal(5, 2, (4, 3))
    train.forward()
    test.blobs["x"].data[...] = train.blobs["x"].data
    test.forward()
    np.testing.assert_allclose(test.blobs["y"].data.mean(axis=0), 0, atol=1e-6)


def test_a_rate_other_than_0_is_refused() -> None:
    make(extra="param { lr_mult: 0 decay_mult: 0 } param { lr_mult: 0 } param { lr_mult: 0 }")
    with pytest.raises(
        NetdefError, match=r"the params of a BatchNorm layer are statistics: lr_mult must be 0, found 1"
    ):
        make(extra="param { lr_mult: 0 } param { lr_mult: 1 }")


def test_the_number_of_channels_is_fixed_at_setup() -> None:
    single = make()
    single.bottom[0].reshape(3, 4, 2, 5)
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, 2, ...\), found \(3, 4, 2, 5\)"):
        single.forward()
