"""What a training may begin with: states of the right solver with their weights, and what is said of all else."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers import refused
from solver_helpers import CAFFE, RULES, make_solver, weights

from pysketch.drawing.net_file import write_net_file
from pysketch.errors import NetdefError, SnapshotError
from pysketch.solver.start import check_start, check_state
from pysketch.solver.updates import UPDATE_RULES
from pysketch.weights.files import check_weights

FORMATS = {"HDF5": ".h5", "BINARYPROTO": ""}


def options(rule, *more):
    return " ".join((f'type: "{rule}" {RULES[rule]}', *more))


@pytest.fixture
def state(tmp_path):
    """Trains two steps and writes a snapshot: state(rule, format) is the state's path."""

    def make(rule="SGD", format="HDF5"):
        solver = make_solver(tmp_path, options(rule, f"snapshot_format: {format}"))
        solver.step(2)
        return solver.snapshot()

    return make


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("wrote", "reads"),
    [("Nesterov", "RMSProp"), ("AdaGrad", "SGD"), ("Adam", "AdaDelta"), ("SGD", "Nesterov"), ("Adam", "SGD")],
)
def test_a_state_of_another_solver_is_refused_in_one_line(wrote, reads, format, state, tmp_path):
    path, solver = state(wrote, format), make_solver(tmp_path, options(reads))
    before = weights(solver.net)
    refused(SnapshotError, solver.restore, path)
    message = refused(SnapshotError, check_state, path, reads)
    assert message.startswith(f"{path}: the state of a solver of type {wrote}, which keeps ")
    assert f"a solver of type {reads} keeps {UPDATE_RULES[reads].keeps[0]}" in message
    assert message.endswith(f"--weights {path.replace('solverstate', 'caffemodel')}")
    np.testing.assert_array_equal(weights(solver.net)[0], before[0])
    assert solver.iter == 0


def test_what_every_rules_arrays_are_is_told_once_for_each():
    assert {rule: len(UPDATE_RULES[rule].keeps) for rule in RULES} == {
        "SGD": 1,
        "Nesterov": 1,
        "AdaGrad": 1,
        "RMSProp": 1,
        "AdaDelta": 2,
        "Adam": 2,
    }
    assert len({UPDATE_RULES[rule].keeps for rule in RULES}) == 5  # SGD and Nesterov keep the same


def strip(path):
    """Make the state as Caffe writes it: without what is ours."""
    with h5py.File(path, "r+") as file:
        del file.attrs["pysketch"]


def test_a_state_that_does_not_say_its_solver_is_taken_with_a_warning_if_it_has_as_many_arrays(state, tmp_path, caplog):
    path = state("Nesterov")
    strip(path)
    solver = make_solver(tmp_path, options("RMSProp"))
    with caplog.at_level(logging.WARNING):
        solver.restore(path)
    assert solver.iter == 2
    expected = "does not say which solver wrote it; its arrays are taken as RMSProp's, the mean of squared gradients"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"{path}: {expected}"
    ]
    with pytest.raises(
        SnapshotError, match="has 4 history arrays, this solver and net need 8; was it written by another"
    ):
        make_solver(tmp_path, options("Adam")).restore(path)


@pytest.mark.skipif(not (CAFFE / "snapshots").is_dir(), reason="no snapshots of real Caffe in ../shared")
def test_a_state_of_real_caffe_is_one_that_does_not_say_its_solver():
    assert check_state(CAFFE / "snapshots" / "t_iter_10.solverstate.h5", "Adam").iteration == 10


@pytest.mark.parametrize("format", FORMATS)
def test_weights_in_place_of_a_state_and_the_other_way_round_are_told_with_the_right_file(format, state, tmp_path):
    path = Path(state(format=format))
    learned = path.with_name(path.name.replace("solverstate", "caffemodel"))
    assert refused(SnapshotError, check_state, learned, "SGD") == (
        f"{learned}: holds weights, not a solver state; give {path}"
    )
    assert refused(SnapshotError, check_weights, path) == (
        f"{path}: is a solver state, not weights, which are in {learned}; give that, or go on from this with --resume"
    )
    alone = shutil.copy(learned, tmp_path / f"alone{FORMATS[format]}")
    assert refused(SnapshotError, check_state, alone, "SGD").endswith(
        "give the .solverstate that was written beside it"
    )


@pytest.mark.parametrize("suffix", [".h5", ".caffemodel"])
def test_a_net_file_in_place_of_a_state_is_named_as_one(suffix, tmp_path):
    path = tmp_path / f"net{suffix}"
    write_net_file(path, make_solver(tmp_path).net)
    expected = "is a net file, not a solver state; give the PREFIX_iter_N.solverstate of a snapshot, or start from this"
    assert expected in refused(SnapshotError, check_state, path, "SGD")


@pytest.mark.parametrize("name", ["a.h5", "a.caffemodel", "a.solverstate", "a.png", "a"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"name: 'n'\nlayer { name: 'a' }\n", "a netdef"),
        (b"net: 'n'\nmax_iter: 3\n", "a solver file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG picture"),
        (b"<html>", "a web page (HTML), perhaps saved in place of the file itself"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
    ],
)
def test_other_files_are_named_as_what_they_are(content, kind, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    for check in (check_weights, lambda path: check_state(path, "SGD")):
        assert f"is {kind}" in refused(SnapshotError, check, tmp_path / name)


def test_a_state_whose_weights_are_gone_is_refused(state, tmp_path):
    path = Path(state())
    shutil.move(path.with_name("t_iter_2.caffemodel.h5"), tmp_path / "moved.h5")
    message = refused(SnapshotError, check_state, path, "SGD")
    assert message == f"{path.with_name('t_iter_2.caffemodel.h5')}: no such file; the weights of {path}"
    away = Path(shutil.copy(path, tmp_path / "away.solverstate.h5"))
    message = refused(SnapshotError, check_state, away, "SGD")
    assert re.search(
        r"/t_iter_2\S+: no such file; the weights of \S+away\S+, which were written as \S+/out/t_iter_2", message
    )


def test_a_training_begins_at_its_states_iteration_with_all_its_weights_files_there(state, tmp_path):
    path = state()
    definition = make_solver(tmp_path).definition
    assert check_start(definition) == 0
    assert check_start(definition, resume=path) == 2
    learned = path.replace("solverstate", "caffemodel")
    assert check_start(definition, weights=learned) == 0
    assert "is a solver state, not weights" in refused(SnapshotError, check_start, definition, None, path)
    fine = make_solver(tmp_path, f'weights: "{learned}"').definition
    assert check_start(fine) == 0
    shutil.move(learned, tmp_path / "moved.h5")
    assert "no such weights file" in refused(NetdefError, check_start, fine)


@pytest.mark.parametrize("max_iter", [1, 2])
def test_going_on_at_the_end_or_behind_it_does_nothing_and_says_so(max_iter, state, tmp_path, caplog):
    path = state()
    before = {each: each.stat().st_mtime_ns for each in (tmp_path / "out").iterdir()}
    solver = make_solver(tmp_path, f"max_iter: {max_iter} test_iter: 1 test_interval: 1 snapshot: 1")
    solver.restore(path)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert solver.solve()
    assert caplog.messages == [f"at iteration 2 of {max_iter} nothing is left to do; a larger max_iter goes on"]
    assert {each: each.stat().st_mtime_ns for each in (tmp_path / "out").iterdir()} == before


def test_steps_made_by_hand_up_to_the_end_are_still_finished_by_solve(tmp_path):
    solver = make_solver(tmp_path, "max_iter: 2")
    solver.step(2)
    assert solver.solve()
    assert (tmp_path / "out" / "t_iter_2.solverstate.h5").is_file()
