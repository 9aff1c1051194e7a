"""What is said of a solver file that Caffe would take without a word."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from solver_helpers import CONV_NET, make_solver, solver_def

from pysketch.errors import DataError
from pysketch.solver.definition import load_solver
from pysketch.solver.hints import hints
from pysketch.solver.lr_policy import learning_rate

ROOT = Path(__file__).parents[2]


def hints_of(definition):
    """What is said of a solver, each with its place."""
    options = definition.options
    return [f"{options.position(option)}: {hint}" for option, hint in hints(options)]


def warnings(text):
    """What is said of the solver file with these options, without the file's name."""
    found = hints_of(solver_def(f'net: "n" max_iter: 9\n{text}', "s.txt"))
    return [message.removeprefix("s.txt:") for message in found]


@pytest.mark.parametrize(
    ("policy", "lacking", "effect"),
    [
        ('lr_policy: "step" stepsize: 3', "gamma: 0 is", "the rate is 0 from its first step on"),
        ('lr_policy: "exp"', "gamma: 0 is", "the rate is 0 from iteration 1 on"),
        ('lr_policy: "inv" power: 1', "gamma: 0 is", "the rate never falls"),
        ('lr_policy: "inv" gamma: 1', "power: 0 is", "the rate never falls"),
        ('lr_policy: "multistep" stepvalue: 3', "gamma: 0 is", "the rate is 0 from its first step on"),
        ('lr_policy: "multistep" gamma: 0.1', "stepvalue: none is", "the rate never falls"),
        ('lr_policy: "poly"', "power: 0 is", "the rate never falls"),
        ('lr_policy: "sigmoid" stepsize: 3', "gamma: 0 is", "the rate is half of base_lr throughout"),
        ('lr_policy: "sigmoid" gamma: 1', "stepsize: 0 is", "its middle is iteration 0"),
    ],
)
def test_what_a_policy_lacks_is_said_with_the_value_taken_and_its_effect(policy, lacking, effect):
    name = policy.split('"')[1]
    assert warnings(f"base_lr: 0.5 {policy}") == [f'2:14: lr_policy "{name}" without {lacking} taken, so that {effect}']
    options = solver_def(f'net: "n" max_iter: 9 base_lr: 0.5 {policy}').options
    rates = [learning_rate(options, k) for k in range(6)]
    match effect:
        case "the rate never falls":
            assert rates == [0.5] * 6
        case "the rate is half of base_lr throughout":
            assert rates == [0.25] * 6
        case "its middle is iteration 0":
            assert rates[0] == 0.25
        case "the rate is 0 from iteration 1 on":
            assert rates == [0.5, 0, 0, 0, 0, 0]
        case _:
            assert rates == [0.5, 0.5, 0.5, 0, 0, 0]


def test_without_base_lr_nothing_is_learned_and_a_0_that_is_given_is_meant(caplog):
    assert warnings("") == ["1:1: no base_lr: 0 is taken, so that nothing is learned"]
    assert warnings("base_lr: 0") == []


@pytest.mark.parametrize(
    "text",
    [
        'lr_policy: "step" gamma: 0.1 stepsize: 3',
        'lr_policy: "sigmoid" gamma: 0.1 stepsize: 3',
        'lr_policy: "multistep" gamma: 0.1 stepvalue: 3',
        'lr_policy: "inv" gamma: 0.1 power: 0.75 momentum: 0.9',
        'type: "Adam" momentum: 0.9 momentum2: 0.999 delta: 1e-8',
        'type: "RMSProp" rms_decay: 0.9 delta: 1e-8',
        "test_iter: 3 test_interval: 5",
    ],
)
def test_of_a_file_that_says_what_it_needs_nothing_is_said(text):
    assert warnings(f"base_lr: 1 {text}") == []


def test_of_the_shipped_solver_files_nothing_is_said():
    paths = sorted((ROOT / "solver").glob("*.txt"))
    assert paths
    assert [hint for path in paths for hint in hints_of(load_solver(path))] == []


def test_a_solver_warns_of_it_before_it_reads_its_data(tmp_path, caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(DataError, match="no such file"):
        make_solver(tmp_path, "gamma: 3", CONV_NET.replace("LIST", "nowhere.txt"))
    assert caplog.messages == ["some/solver.txt:7:1: gamma has no effect: lr_policy is fixed"]


def test_a_solver_that_takes_a_states_seed_does_not_say_it_again(tmp_path, caplog):
    state = make_solver(tmp_path, "gamma: 3 random_seed: 1").snapshot()
    caplog.clear()
    make_solver(tmp_path, "gamma: 3 random_seed: 2").restore(state)
    assert len([line for line in caplog.messages if "gamma has no effect" in line]) == 1
