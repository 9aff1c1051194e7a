"""DummyData: shapes in both forms, what is filled once and what anew, and chance from the seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import NetdefError
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "DummyData": Case(
        layer_text(
            "DummyData",
            [],
            ["x", "y"],
            'dummy_data_param { shape { dim: [2, 3] } data_filler { value: 2 } data_filler { type: "gaussian" } }',
        ),
        (),
        ((2, 3), (2, 3)),
    ),
}

GAUSSIAN = 'data_filler { type: "gaussian" }'
SHAPE = "shape { dim: [2, 3] }"


def make(options: str, tops: tuple[str, ...] = ("x",), **more: Any) -> SingleLayer:
    """The layer."""
    return make_layer(layer_text("DummyData", tops=tops, extra=f"dummy_data_param {{ {options} }}"), **more)


def test_without_a_filler_the_tops_are_zeros() -> None:
    tops = make(SHAPE, ("x", "y")).forward()
    assert [top.shape for top in tops] == [(2, 3)] * 2
    assert not any(top.any() for top in tops)


def test_each_top_may_have_its_own_shape_and_filler(device: Device) -> None:
    options = f"{SHAPE} shape {{ dim: 5 }} data_filler {{ value: 7 }} {GAUSSIAN}"
    x, y = make(options, ("x", "y"), device=device).forward()
    assert (x == 7).all()
    assert y.shape == (5,)
    assert len(set(y)) == 5


@pytest.mark.parametrize(
    ("options", "shapes"),
    [
        ("num: 2 channels: 3 height: 5 width: 7", [(2, 3, 5, 7)] * 2),
        ("num: [2, 4] channels: 3 height: 5 width: 7", [(2, 3, 5, 7), (4, 3, 5, 7)]),
        ("num: [2, 4] channels: [3, 1] height: [5, 2] width: [7, 6]", [(2, 3, 5, 7), (4, 1, 2, 6)]),
    ],
)
def test_shapes_may_be_given_in_the_old_form(options: str, shapes: list[tuple[int, ...]]) -> None:
    assert [blob.shape for blob in make(options, ("x", "y")).top] == shapes


def test_a_constant_is_filled_in_once_and_all_else_anew(device: Device) -> None:
    options = f"{SHAPE} data_filler {{ value: 7 }} {GAUSSIAN}"
    single = make(options, ("x", "y"), device=device)
    first = single.forward()
    for blob in single.top:
        blob.data[...] = 99
    second = single.forward()
    assert (second[0] == 99).all()
    assert (second[1] != 99).all()
    assert (second[1] != first[1]).all()


def test_a_constant_outlives_a_forward_in_a_net_that_gives_memory_back() -> None:
    text = f"""
        layer {{ name: "data" type: "DummyData" top: "x" dummy_data_param {{ {SHAPE} data_filler {{ value: -8 }} }} }}
        layer {{ name: "half" type: "ReLU" bottom: "x" top: "y" relu_param {{ negative_slope: 0.5 }} }}
        layer {{ name: "half2" type: "ReLU" bottom: "y" top: "z" relu_param {{ negative_slope: 0.5 }} }}
        layer {{ name: "half3" type: "ReLU" bottom: "z" top: "w" relu_param {{ negative_slope: 0.5 }} }}"""
    net = Net(parse_netdef(text), Phase.TEST, keep=())
    for _ in range(2):
        net.forward()
        assert (net.blobs["w"].data == -1).all()


def test_the_numbers_are_those_of_the_seed_the_layer_and_the_top() -> None:
    def numbers(seed: int, name: str = "it") -> list[np.ndarray]:
        text = layer_text("DummyData", tops=("x", "y"), extra=f"dummy_data_param {{ {SHAPE} {GAUSSIAN} }}")
        return make_layer(text.replace('"it"', f'"{name}"'), seed=seed).forward()

    np.testing.assert_array_equal(numbers(1), numbers(1))
    found = [*numbers(1), *numbers(2), *numbers(1, "other")]
    assert len({each.tobytes() for each in found}) == 6


def test_a_layer_resumed_from_its_state_goes_on_with_the_same_numbers() -> None:
    single, resumed = make(f"{SHAPE} {GAUSSIAN}"), make(f"{SHAPE} {GAUSSIAN}")
    single.forward()
    resumed.layer.restore_state(single.layer.state())
    np.testing.assert_array_equal(resumed.forward(), single.forward())


@pytest.mark.parametrize("draws", [-1, 1.5, True])
def test_a_malformed_state_is_refused(draws: object) -> None:
    with pytest.raises(ValueError, match="draws must be a whole number"):
        make(SHAPE).layer.restore_state({"draws": draws})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "give either shape, or num, channels, height and width"),
        (f"{SHAPE} num: 2", "give either shape, or num, channels, height and width"),
        ("num: 2 channels: 3", "num, channels, height and width must all be given"),
        (f"{SHAPE} {SHAPE}", "expected one shape for each of 3 tops, or one for all; found 2"),
        (f"{SHAPE} {GAUSSIAN} {GAUSSIAN}", "expected one data_filler for each of 3 tops, or one for all; found 2"),
        (f'{SHAPE} data_filler {{ type: "gausian" }}', 'unknown filler type "gausian"'),
        (
            f'{SHAPE} data_filler {{ type: "bilinear" }}',
            r"a bilinear filler needs a shape .*, found \(2, 3\)",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(options: str, message: str) -> None:
    with pytest.raises(NetdefError, match=f'<netdef>:2:\\d+: layer "it": {message}'):
        make(options, ("x", "y", "z"))
