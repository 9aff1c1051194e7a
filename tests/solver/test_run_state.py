"""The JSON in which a solver state keeps what Caffe's has no place for."""

from __future__ import annotations

import json

import pytest

from pysketch.errors import SnapshotError
from pysketch.solver.run_state import RunState, matters

GOOD = {"seed": 7, "losses": [0.1, 2], "train": {"data": {"position": 3}}, "test": [{}, {"data": {"position": 5}}]}


def test_what_is_written_is_read_back():
    states = {"data": {"position": 3}}, [{"data": {"position": 5}}]
    state = RunState(2**32 - 1, [0.1, 1e-30], *states, {}, "Adam", ["the mean gradient"])
    assert RunState.from_json(state.to_json(), "x.h5") == state


def test_losses_come_back_to_the_last_bit():
    losses = [1 / 3, 2**-1074, 1e308]
    assert RunState.from_json(RunState(0, losses, {}, []).to_json(), "x.h5").losses == losses


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": -1}, "seed must be a whole number below 2"),
        ({"seed": 2**32}, "seed must be a whole number below 2"),
        ({"seed": True}, "seed must be a whole number below 2"),
        ({"seed": 1.5}, "seed must be a whole number below 2"),
        ({"losses": 3}, "losses and test must be lists"),
        ({"losses": ["3"]}, "losses must be numbers"),
        ({"losses": [True]}, "losses must be numbers"),
        ({"test": {}}, "losses and test must be lists"),
        ({"test": [3]}, "layers' states must be objects"),
        ({"train": []}, "layers' states must be objects"),
        ({"train": {"data": 4}}, "layers' states must be objects"),
        ({"settings": ["a=1"]}, "settings must be texts by their paths"),
        ({"settings": {"a": 1}}, "settings must be texts by their paths"),
        ({"solver": 3}, "solver must be a text"),
        ({"history": "momentum"}, "history must be a list of texts"),
        ({"history": [1]}, "history must be a list of texts"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(change, reason):
    with pytest.raises(SnapshotError, match=f"^x.h5: its pysketch state is malformed: .*{reason}"):
        RunState.from_json(json.dumps(GOOD | change), "x.h5")


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_value_is_named(key):
    values = {name: value for name, value in GOOD.items() if name != key}
    with pytest.raises(SnapshotError, match=f"x.h5: its pysketch state is malformed: KeyError\\('{key}'\\)"):
        RunState.from_json(json.dumps(values), "x.h5")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(SnapshotError, match=r"^x\.h5: its pysketch state is malformed"):
        RunState.from_json(text, "x.h5")


def test_what_makes_another_training_is_told():
    state = RunState(0, [], {}, [], {"data.hold_out": "18", "base_lr": "0.1"})
    assert RunState.from_json(state.to_json(), "x.h5") == state
    assert state.unlike({"data.hold_out": "18", "base_lr": "0.1"}) == []
    assert state.unlike({"base_lr": "0.2", "max_iter": "9"}) == [
        "data.hold_out was 18 and is as in the file",
        "base_lr was 0.1 and is 0.2",
        "max_iter was as in the file and is 9",
    ]


def test_what_changes_no_param_does_not_matter():
    assert not any(map(matters, ("snapshot_prefix", "snapshot", "display", "test_iter", "test_interval")))
    assert all(map(matters, ("base_lr", "max_iter", "data.display", "data.hold_out")))


def test_a_state_from_before_there_were_settings_tells_nothing():
    found = RunState.from_json(json.dumps(GOOD), "x.h5")
    assert found.unlike({"base_lr": "0.2"}) == []
    assert (found.solver, found.history) == (None, None)
