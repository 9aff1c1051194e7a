"""Going on from a snapshot: the same run to the last bit, and what is said of states that do not fit."""

from __future__ import annotations

import logging
import re
import shutil

import h5py
import numpy as np
import pytest
from solver_helpers import CONV_NET, RULES, SKETCH_NET, assert_same_bits, make_solver, weights, write_pairs

from pysketch.errors import SnapshotError


@pytest.fixture
def run(tmp_path):
    """Makes solvers of one definition: run(rule, net), with more options or arguments if need be."""
    pairs = str(write_pairs(tmp_path / "data", 3))

    def make(rule="SGD", net=CONV_NET, options="", **arguments):
        text = f'type: "{rule}" {RULES[rule]} {options} lr_policy: "poly" power: 1 base_lr: 0.02 weight_decay: 0.001'
        source = {"data_source": pairs} if net is SKETCH_NET else {}
        return make_solver(tmp_path, text, net, **source, **arguments)

    return make


def state_at(solver, iteration):
    solver.step(iteration - solver.iter)
    return solver.snapshot()


@pytest.mark.parametrize(
    "net",
    [pytest.param(CONV_NET, marks=pytest.mark.slow), SKETCH_NET],
    ids=["shuffled_rows", "shuffled_mirrored_shifted_pairs"],
)
@pytest.mark.parametrize("rule", RULES)
def test_resuming_at_5_and_running_to_10_is_running_to_10(rule, net, run):
    straight = run(rule, net)
    state = state_at(straight, 5)
    straight.step(5)
    resumed = run(rule, net)
    before = weights(resumed.net)
    resumed.restore(state)
    assert resumed.iter == 5
    resumed.step(5)
    assert_same_bits(weights(resumed.net), weights(straight.net))
    assert_same_bits(resumed.updater.history, straight.updater.history)
    assert (resumed.loss, resumed.rate) == (straight.loss, straight.rate)
    assert not np.array_equal(weights(resumed.net)[0], before[0])


def test_a_resumed_run_writes_the_same_snapshot(run, tmp_path):
    straight = run("Adam", SKETCH_NET, "average_loss: 4")
    state = state_at(straight, 3)
    state_at(straight, 7)
    first = {path.name: contents(path) for path in (tmp_path / "out").glob("*_7.*")}
    resumed = run("Adam", SKETCH_NET, "average_loss: 4")
    resumed.restore(state)
    state_at(resumed, 7)
    assert len(first) == 2
    for name, expected in first.items():
        found = contents(tmp_path / "out" / name)
        assert found.keys() == expected.keys()
        for key in found:
            np.testing.assert_array_equal(found[key], expected[key])


def contents(path):
    """Every dataset and root attribute of a file."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, node: found.update({name: node[()]} if isinstance(node, h5py.Dataset) else {}))
        found.update(file.attrs)
    return found


@pytest.mark.parametrize("options", ["iter_size: 2", "micro_batch: 1", "iter_size: 2 clip_gradients: 0.1"])
def test_resuming_is_the_same_run_for_batches_in_parts_too(options, run):
    straight = run("Adam", SKETCH_NET, options)
    state = state_at(straight, 2)
    straight.step(3)
    resumed = run("Adam", SKETCH_NET, options)
    resumed.restore(state)
    resumed.step(3)
    assert_same_bits(weights(resumed.net), weights(straight.net))


def test_tests_and_log_lines_go_on_the_same_too(run, caplog):
    options = "test_iter: 2 test_interval: 2 display: 1 average_loss: 3"
    caplog.set_level(logging.INFO)
    straight = run("SGD", options=options)
    state = state_at(straight, 4)
    caplog.clear()
    straight.step(4)
    expected = lines(caplog)
    resumed = run("SGD", options=options)
    resumed.restore(state)
    caplog.clear()
    resumed.step(4)
    assert lines(caplog) == expected
    assert sum("Test net output" in line for line in expected) == 2


def lines(caplog):
    """The messages, without the times that iterations took."""
    return [re.sub(r"\(\S+ iter/s, \S+s/", "(", text) for text in caplog.messages]


def test_a_state_brings_its_own_seed(run):
    straight = run(net=SKETCH_NET, seed=5)
    state = state_at(straight, 3)
    straight.step(3)
    resumed = run(net=SKETCH_NET, seed=6)
    resumed.restore(state)
    assert resumed.context.seed == 5
    resumed.step(3)
    assert_same_bits(weights(resumed.net), weights(straight.net))


def test_a_restored_solver_tests_the_weights_it_trains(run):
    options = "test_iter: 5 test_interval: 1"
    solver = run(options=options, seed=5)
    state = state_at(solver, 2)
    expected = solver.test()[1]
    resumed = run(options=options, seed=6)
    resumed.restore(state)
    assert resumed.test()[1] == expected


def test_going_back_in_one_solver_repeats_the_run(run):
    solver = run("Adam", options="average_loss: 9")
    state = state_at(solver, 2)
    solver.step(3)
    first = weights(solver.net)
    loss = solver.loss
    solver.restore(state)
    solver.step(3)
    assert_same_bits(weights(solver.net), first)
    assert solver.loss == loss


def test_solve_goes_on_to_max_iter(run, tmp_path):
    straight = run()
    straight.solve()
    state = state_at(run(), 4)
    resumed = run()
    resumed.restore(state)
    assert resumed.solve()
    assert resumed.iter == 10
    assert_same_bits(weights(resumed.net), weights(straight.net))


def test_a_state_at_the_end_is_not_written_again(run, tmp_path):
    solver = run()
    solver.solve()
    state = tmp_path / "out" / "t_iter_10.solverstate.h5"
    written = state.stat().st_mtime_ns
    resumed = run()
    resumed.restore(state)
    resumed.solve()
    assert resumed.iter == 10
    assert state.stat().st_mtime_ns == written


def test_weights_are_found_beside_a_state_that_was_moved(run, tmp_path):
    solver = run()
    state_at(solver, 3)
    (tmp_path / "out").rename(tmp_path / "moved")
    resumed = run()
    resumed.restore(tmp_path / "moved" / "t_iter_3.solverstate.h5")
    assert_same_bits(weights(resumed.net), weights(solver.net))


def test_weights_beside_a_state_are_taken_before_those_of_the_same_name_where_it_was_written(run, tmp_path):
    solver = run()
    state_at(solver, 3)
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    kept = weights(solver.net)
    solver.net.params["conv1"][0].data[...] = 0
    solver.net.save(tmp_path / "out" / "t_iter_3.caffemodel.h5")
    resumed = run()
    resumed.restore(tmp_path / "copy" / "t_iter_3.solverstate.h5")
    assert_same_bits(weights(resumed.net), kept)


def test_a_state_moved_alone_finds_its_weights_where_they_were_written(run, tmp_path):
    solver = run()
    moved = shutil.move(state_at(solver, 3), tmp_path / "alone.solverstate.h5")
    resumed = run()
    resumed.restore(moved)
    assert_same_bits(weights(resumed.net), weights(solver.net))


def test_a_state_without_its_weights_is_refused(run, tmp_path):
    state = state_at(run(), 3)
    (tmp_path / "out" / "t_iter_3.caffemodel.h5").unlink()
    with pytest.raises(SnapshotError, match=r"t_iter_3\.caffemodel\.h5: no such file"):
        run().restore(state)


def test_a_state_without_our_part_gives_iteration_weights_and_history(run):
    """As Caffe's own: the data start anew."""
    straight = run("Adam")
    state = state_at(straight, 4)
    with h5py.File(state, "a") as file:
        del file.attrs["pysketch"]
    resumed = run("Adam", seed=9)
    resumed.restore(state)
    assert (resumed.iter, resumed.context.seed) == (4, 9)
    assert_same_bits(weights(resumed.net), weights(straight.net))
    assert_same_bits(resumed.updater.history, straight.updater.history)
    assert np.isnan(resumed.loss)


def test_a_state_of_another_solver_type_is_refused(run):
    state = state_at(run("Adam"), 2)
    with pytest.raises(SnapshotError, match=r"has 8 history arrays, this solver and net need 4; was it written by ano"):
        run("SGD").restore(state)


def test_a_state_of_another_net_is_refused_and_nothing_has_changed(run):
    state = state_at(run(), 2)
    other = run(net=CONV_NET.replace("num_output: 3", "num_output: 4"), seed=3)
    before = weights(other.net)
    with pytest.raises(SnapshotError, match=r"/history/0 has shape \(3, 2, 3, 3\), expected \(4, 2, 3, 3\)"):
        other.restore(state)
    assert (other.iter, other.context.seed) == (0, 3)
    assert_same_bits(weights(other.net), before)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "JSONDecodeError"),
        ('{"seed": -1, "losses": [], "train": {}, "test": []}', "seed must be a whole number"),
        (
            '{"seed": 1, "losses": [], "train": {"data": {"position": -4}}, "test": []}',
            "position must be a whole number",
        ),
        ('{"seed": 1, "losses": [], "train": {"data": {}}, "test": []}', r"KeyError\('position'\)"),
    ],
)
def test_a_malformed_part_of_ours_is_refused_in_one_line(text, reason, run):
    state = state_at(run(), 2)
    with h5py.File(state, "a") as file:
        file.attrs["pysketch"] = text
    with pytest.raises(SnapshotError, match=rf"t_iter_2\.solverstate\.h5: its pysketch state is malformed: .*{reason}"):
        run().restore(state)


TWINS = """
layer { name: "data" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "LIST" batch_size: 2 } }
layer { name: "flat" type: "Flatten" bottom: "label" top: "flat" }
layer { name: "one" type: "InnerProduct" bottom: "flat" top: "one" param { name: "w" } param { name: "b" }
  inner_product_param { num_output: 12 weight_filler { type: "xavier" } } }
layer { name: "two" type: "InnerProduct" bottom: "one" top: "two" param { name: "w" } param { name: "own" }
  inner_product_param { num_output: 12 } }
layer { name: "quiet" type: "Silence" bottom: "data" }
layer { name: "loss" type: "EuclideanLoss" bottom: "two" bottom: "flat" top: "loss" }
"""


def test_training_goes_on_from_weights_that_hold_shared_params_once_as_caffes_do(run):
    straight = run("Adam", TWINS)
    state = state_at(straight, 3)
    with h5py.File(state.replace("solverstate", "caffemodel"), "r+") as file:
        assert sorted(file["data/two"]) == ["0", "1"]
        del file["data/two/0"]
    straight.step(3)
    resumed = run("Adam", TWINS)
    resumed.restore(state)
    resumed.step(3)
    assert_same_bits(weights(resumed.net), weights(straight.net))
