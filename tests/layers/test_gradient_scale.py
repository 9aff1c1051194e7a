"""GradientScale: what goes through it, what comes back, and when."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, python_layer

from pysketch.device.backend import CPU, Device
from pysketch.netdef.definitions import Phase

CONTRACT = {
    "GradientScale": Case(layer_text("GradientScale", ["x"]), ((2, 3, 4),), ((2, 3, 4),)),
}


def make(options: str, phase: Phase = Phase.TRAIN, device: Device = CPU) -> SingleLayer:
    """The layer on a bottom "x"."""
    return make_layer(python_layer("GradientScale", ["x"], ["y"], options), [(2, 3)], phase=phase, device=device)


def steps(single: SingleLayer, count: int) -> list[float]:
    """What a diff of 2 comes back as, in so many passes."""
    found = []
    for _ in range(count):
        single.forward()
        single.backward(2.0)
        assert np.ptp(single.bottom[0].diff) == 0
        found.append(float(single.bottom[0].diff[0, 0]))
    return found


@pytest.mark.parametrize("scale", [0.5, -1.0, 0.0])
def test_forward_nothing_changes_and_backward_the_gradient_is_scaled(scale: float, device: Device) -> None:
    single = make(f'{{ "scale": {scale} }}', device=device)
    np.testing.assert_array_equal(single.forward()[0], single.bottom[0].data)
    assert steps(single, 1) == [2 * scale]


def test_before_begin_no_gradient_comes_back() -> None:
    assert steps(make('{ "scale": 3, "begin": 2 }'), 4) == [0, 0, 6, 6]


def test_a_resumed_run_goes_on_counting() -> None:
    first, resumed = make('{ "begin": 3 }'), make('{ "begin": 3 }')
    steps(first, 2)
    resumed.layer.restore_state(first.layer.state())
    assert steps(resumed, 2) == [0, 2]


@pytest.mark.parametrize("state", [{"forwards": -1}, {"forwards": True}, {"forwards": "2"}])
def test_a_malformed_state_is_refused(state: dict) -> None:
    with pytest.raises(ValueError, match="forwards must be a whole number"):
        make("{}").layer.restore_state(state)


def test_in_phase_test_the_gate_is_open_and_nothing_is_counted() -> None:
    single = make('{ "begin": 3 }', Phase.TEST)
    assert steps(single, 1) == [2]
    assert single.layer.state() == {}
