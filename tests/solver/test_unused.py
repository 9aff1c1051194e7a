"""Every option of a solver file either changes what a training does or is named in a warning: none is silent."""

from __future__ import annotations

import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from solver_helpers import CONV_NET, make_solver, solver_def, write_net

from pysketch.device.workers import Workers
from pysketch.errors import PysketchError
from pysketch.netdef.options import Choice, Kind, Option, Table
from pysketch.solver.definition import SOLVER
from pysketch.solver.solver import Solver
from pysketch.solver.unused import unused_options

NET = CONV_NET + (
    'layer { name: "more" type: "Power" bottom: "label" top: "more" include { min_level: 1 } include { stage: "s" } }'
)
BASES = {
    "plain": "base_lr: 0.01",
    "no decay, no log": 'lr_policy: "step" stepsize: 2 gamma: 0.5 type: "RMSProp"',
    "adam": 'type: "Adam" momentum: 0.9 lr_policy: "poly" power: 2 display: 1 weight_decay: 0.1 test_interval: 2',
    "nesterov": 'type: "Nesterov" lr_policy: "inv" gamma: 0.3 power: 0.5 display: 2 weight_decay: 0.1 momentum: 0.5',
    "steps": 'type: "AdaGrad" lr_policy: "multistep" gamma: 0.3 stepvalue: [1, 2] display: 1 test_interval: 3'
    " test_iter: 1",
    "sigmoid": 'type: "AdaDelta" momentum: 0.9 delta: 1e-6 lr_policy: "sigmoid" gamma: 0.3 stepsize: 2',
}
"""Solvers, each of which leaves other options without effect."""

NO_EFFECT = {"layer_wise_reduce"}
"""Options that never do anything; their help says so."""


def values(option: Option) -> list[str]:
    """What the option is set to, one after the other."""
    if isinstance(option.kind, Table):
        inner = [
            "{ level: 1 }",
            '{ stage: "s" }',
            "{ phase: %s }" % ("TEST" if option.name == "train_state" else "TRAIN"),
        ]
        return inner
    if isinstance(option.kind, Choice):
        return list(option.kind.numbers)
    if option.kind is Kind.BOOL:
        return ["true", "false"]
    return {Kind.STRING: ['"nothing"', '"L1"', '"exp"'], Kind.FLOAT: ["0.25", "0.5"]}.get(option.kind, ["1", "2", "3"])


def run(folder: Path, caplog: pytest.LogCaptureFixture, text: str) -> dict[str, Any]:
    """All that a training of four iterations leaves: the error, or weights, files and log, without times."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    caplog.clear()
    found: dict[str, Any] = {"max_iter": 0}
    try:
        with caplog.at_level(logging.INFO):
            limit = "" if "max_iter" in text else "max_iter: 4"
            solver = make_solver(folder, f"{text} {limit}", NET, workers=Workers(1))
            solver.solve()
            solver.close()
        found["weights"] = [param.blob.data.tobytes() for param in solver.net.learnable]
        found["nets"] = [[layer.name for layer in net.layers] for net in (solver.net, *solver.test_nets)]
        found["files"] = sorted((path.name, path.stat().st_size) for path in (folder / "out").glob("*"))
    except PysketchError as error:
        found["error"] = str(error)
    found["log"] = [re.sub(r"\(.*?\)|[\d.]+ ?m?s\b", "", line) for line in caplog.messages]
    return found


OPTIONS = [option for option in SOLVER.options if option.name not in ("net", "micro_batch", *NO_EFFECT)]
"""micro_batch changes how a batch is run and not what comes of it: test_micro_batch.py."""


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
def test_each_option_changes_something_or_is_said_to_have_no_effect(
    base: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the others say: that is how a value that somebody relies on cannot be ignored in silence."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # of hundreds of snapshots
    text, silent = BASES[base], []
    before = run(tmp_path / "run", caplog, text)
    assert "error" not in before
    for option in OPTIONS:
        without = re.sub(rf"\b{option.name}: (\[.*?\]|\S+)", "", text)
        if all(
            run(tmp_path / "run", caplog, f"{without} {option.name}: {value}") == before for value in values(option)
        ):
            silent.append(option.name)
    assert silent == []


def test_what_never_has_an_effect_is_said_in_its_help() -> None:
    of_help = {option.name for option in SOLVER.options if "has no effect here" in option.help}
    assert of_help == NO_EFFECT


def test_an_option_that_does_nothing_is_named_with_its_place_and_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_solver(tmp_path, "gamma: 0.1\nrms_decay: 0.5\ntest_iter: 3 momentum2: 0.999")
    found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [re.sub(r"^some/solver.txt:\d+:\d+: ", "", line) for line in found] == [
        "gamma has no effect: lr_policy is fixed",
        "rms_decay has no effect: the solver is SGD",
        "test_iter has no effect: test_interval is 0: there are no tests",
    ]
    assert all(line.startswith("some/solver.txt:") for line in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('lr_policy: "poly" power: 1 stepsize: 3', ("stepsize", "lr_policy is poly")),
        ('type: "AdaDelta" momentum2: 0.9', ("momentum2", "the solver is AdaDelta")),
        ('test_net: "t" test_iter: 1', ("test_net", "test_interval is 0: there are no tests")),
    ],
)
def test_what_another_policy_type_or_a_test_would_read_is_named(text: str, expected: tuple[str, str]) -> None:
    assert expected in list(unused_options(solver_def(f'net: "n" max_iter: 4 base_lr: 1 {text}')))


def test_options_that_do_something_or_say_the_default_are_not_named() -> None:
    for base in BASES.values():
        assert (
            list(unused_options(solver_def(f'net: "n" max_iter: 4 base_lr: 1 {re.sub("base_lr: 0.01", "", base)}')))
            == []
        )
    assert list(unused_options(solver_def('net: "n" max_iter: 4 momentum2: 0.999 average_loss: 1'))) == []


def test_a_phase_of_the_netdefs_state_is_named_where_it_cannot_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_net(tmp_path, NET + "state { phase: TEST }")
    definition = solver_def(f'net: "{path}" max_iter: 1 solver_mode: CPU train_state {{ phase: TRAIN }}')
    Solver(definition, definition.context())
    assert (
        len([line for line in caplog.messages if "phase TEST has no effect: the net is built for TRAIN" in line]) == 1
    )
