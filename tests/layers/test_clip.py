"""Clip: within the limits, on them and beyond; in-place as well."""

from __future__ import annotations

import pytest
from helpers import Case, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import NetdefError

LIMITS = "clip_param { min: -0.5 max: 0.75 }"
CONTRACT = {
    "Clip": Case(layer_text("Clip", ["x"], ["y"], LIMITS), ((2, 3, 4),), ((2, 3, 4),)),
    "Clip, in-place": Case(layer_text("Clip", ["x"], ["x"], LIMITS), ((2, 3, 4),), ((2, 3, 4),)),
}


@pytest.mark.parametrize("top", ["y", "x"])
def test_values_stay_within_the_limits_on_which_the_slope_is_1(top: str, device: Device) -> None:
    single = make_layer(layer_text("Clip", ["x"], [top], LIMITS), [(5,)], device=device)
    single.bottom[0].data[...] = [-3, -0.5, 0.25, 0.75, 1]
    assert single.forward()[0].tolist() == [-0.5, -0.5, 0.25, 0.75, 0.75]
    single.backward(2.0)
    assert single.bottom[0].diff.tolist() == [0, 2, 2, 2, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "required field ClipParameter.min is missing"),
        ("clip_param { min: 1 }", "required field ClipParameter.max is missing"),
        ("clip_param { min: 2 max: 1 }", "min must not exceed max, found 2 and 1"),
    ],
)
def test_limits_that_are_missing_or_the_wrong_way_round_are_refused(options: str, message: str) -> None:
    assert message in refused(NetdefError, make_layer, layer_text("Clip", ["x"], ["y"], options), [(2,)], where="<net")
