"""Training compared with traces and snapshots of real Caffe, where they are at hand."""

from __future__ import annotations

import logging
import shutil

import h5py
import numpy as np
import pytest
from solver_helpers import CAFFE, solver_def

from pysketch.device.backend import copy_into
from pysketch.solver.definition import load_solver
from pysketch.solver.solver import Solver

GOLDEN, SNAPSHOTS = CAFFE / "golden", CAFFE / "snapshots"

needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the traces of real Caffe are not in ../shared/caffe")
needs_snapshots = pytest.mark.skipif(
    not SNAPSHOTS.is_dir(), reason="the snapshots of real Caffe are not in ../shared/caffe"
)

SETTINGS = [
    *("sgd", "sgd_mom_l2", "sgd_l1", "sgd_iter2_clip", "nesterov", "adagrad", "rmsprop", "adadelta", "adam"),
    *("step", "exp", "inv", "multistep", "poly", "sigmoid"),
]

# What train.log says Caffe was run with, less its tests.
CAFFES_RUN = """
    train_net: "net.prototxt" base_lr: 0.01 display: 5 max_iter: 20 lr_policy: "step" gamma: 0.5 stepsize: 10
    momentum: 0.9 weight_decay: 0.0005 snapshot: 10 snapshot_prefix: "snap/t" snapshot_diff: true
    solver_mode: CPU random_seed: 7 average_loss: 3 iter_size: 2
"""


def copied(folder, target):
    """The folder's files in target, writable even where they are not; target."""
    for path in folder.iterdir():
        shutil.copyfile(path, target / path.name)
    return target


@pytest.fixture
def golden(tmp_path, monkeypatch):
    """The traces; the working directory is a copy of their folder, as paths in it are relative."""
    monkeypatch.chdir(copied(GOLDEN, tmp_path))
    with np.load("golden.npz") as file:
        return dict(file)


@pytest.fixture
def caffes_solver(tmp_path, monkeypatch):
    """A solver with the settings of Caffe's run, in a copy of its folder.

    Its netdef has layers for phase TEST, Eltwise and Reduction, that are not ours: they are left out.
    """
    monkeypatch.chdir(copied(SNAPSHOTS, tmp_path))
    netdef = tmp_path / "net.prototxt"
    netdef.write_text("\n".join(line for line in netdef.read_text().splitlines() if "phase: TEST" not in line))
    return Solver(solver_def(CAFFES_RUN))


def contents(path):
    """Path in the file -> how it is stored: dtype and shape, None for a group; the string type in full."""
    found = {}

    def visit(name, node):
        found[name] = None
        if isinstance(node, h5py.Dataset):
            kind = node.id.get_type()
            text = (kind.get_strpad(), kind.get_cset()) if node.dtype.kind == "S" else ()
            found[name] = (node.dtype.str, node.shape, node.chunks, node.id.get_space().get_simple_extent_type(), *text)

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


@needs_golden
@pytest.mark.parametrize("name", SETTINGS)
def test_eight_updates_are_those_of_caffe(name, golden):
    solver = Solver(load_solver(f"{name}.solver"))
    W, B, loss = (golden[f"{name}__{what}"] for what in ("W", "B", "loss"))
    weight, bias = solver.net.params["conv"]
    copy_into(weight.data, W[0])
    copy_into(bias.data, B[0])
    for update in range(8):
        solver.step(1)
        np.testing.assert_allclose(solver.net.loss(), loss[update], rtol=1e-6)  # of the last batch
        np.testing.assert_allclose(weight.data, W[update + 1], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(bias.data, B[update + 1], rtol=1e-6, atol=1e-6)


@needs_golden
def test_every_trace_is_compared(golden):
    assert {key.removesuffix("__loss") for key in golden if key.endswith("__loss")} == set(SETTINGS)


@needs_snapshots
def test_training_goes_on_from_caffes_own_snapshot_as_caffe_did(caffes_solver, caplog):
    caffes_solver.restore("t_iter_10.solverstate.h5")
    assert caffes_solver.iter == 10
    with caplog.at_level(logging.INFO):
        assert caffes_solver.solve()
    with h5py.File("t_iter_20.caffemodel.h5") as weights, h5py.File("t_iter_20.solverstate.h5") as state:
        for k, param in enumerate(caffes_solver.net.learnable):
            for group, found in (("data", param.blob.data), ("diff", param.blob.diff)):
                expected = weights[f"{group}/{param.layer}/{param.index}"][()]
                np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
            history = caffes_solver.updater.history[k]
            np.testing.assert_allclose(history, state[f"history/{k}"][()], rtol=1e-6, atol=1e-6)
    # from here on Caffe's own numbers, in train.log
    for line in (
        "    Train net output #0: loss = 73.7817 (* 0.5 = 36.8909 loss)",
        "Iteration 15, lr = 0.005",
        "Iteration 20, loss = 16.6965",
    ):
        assert line in caplog.messages
    assert any(line.startswith("Iteration 15 (") and line.endswith("loss = 26.6403") for line in caplog.messages)


@needs_snapshots
def test_our_snapshots_are_laid_out_as_caffes(caffes_solver):
    caffes_solver.restore("t_iter_10.solverstate.h5")
    caffes_solver.solve()
    for kind in ("caffemodel", "solverstate"):
        ours, caffes = (contents(f"{folder}t_iter_20.{kind}.h5") for folder in ("snap/", ""))
        assert len(caffes) > 5
        assert ours == caffes


@needs_snapshots
def test_our_solver_states_hold_caffes_numbers(caffes_solver):
    caffes_solver.restore("t_iter_10.solverstate.h5")
    caffes_solver.solve()
    with h5py.File("snap/t_iter_20.solverstate.h5") as ours, h5py.File("t_iter_20.solverstate.h5") as caffes:
        for name in ("iter", "current_step", "learned_net"):
            assert ours[name][()] == caffes[name][()]


@needs_snapshots
def test_caffes_weights_load_by_layer_name(caffes_solver):
    caffes_solver.net.copy_from("t_iter_20.caffemodel.h5")
    with h5py.File("t_iter_20.caffemodel.h5") as file:
        np.testing.assert_array_equal(caffes_solver.net.params["conv1"][0].data, file["data/conv1/0"][()])
