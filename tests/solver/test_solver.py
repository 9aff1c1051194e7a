"""The solver: what it does when, what it logs, what it writes, and how it stops."""

from __future__ import annotations

import logging
import math
import re

import h5py
import numpy as np
import pytest
from solver_helpers import (
    CONV_NET,
    SKETCH_NET,
    assert_same_bits,
    make_solver,
    solver_def,
    weights,
    write_net,
    write_pairs,
)

from pysketch.errors import DivergenceError, NetdefError, SnapshotError
from pysketch.solver.solver import Solver, get_solver
from pysketch.weights.snapshot import WeightsFile

UNSHUFFLED = CONV_NET.replace("shuffle: true", "")
TESTED = "test_iter: 3 test_interval: 2"


@pytest.fixture
def log(caplog):
    """The messages logged so far, from level INFO on."""
    caplog.set_level(logging.INFO)
    return caplog


def snapshots(folder):
    return sorted(path.name for path in (folder / "out").glob("*"))


def test_a_netdef_without_layers_is_refused(tmp_path):
    (tmp_path / "empty.prototxt").write_text("")
    with pytest.raises(NetdefError, match=r"empty\.prototxt: has no layers in phase TRAIN; there is nothing to learn"):
        definition = solver_def(f'net: "{(tmp_path / "empty.prototxt").as_posix()}" max_iter: 1 base_lr: 1')
        Solver(definition, definition.context())


def test_the_loss_falls_in_training(tmp_path):
    solver = make_solver(tmp_path, "base_lr: 0.02 momentum: 0.9 average_loss: 5 max_iter: 60")
    solver.step(5)
    first = solver.loss
    solver.step(55)
    assert solver.loss < 0.7 * first


def test_the_joint_loss_falls_in_training_on_pairs(tmp_path):
    solver = make_solver(
        tmp_path,
        'type: "Adam" base_lr: 0.1 momentum: 0.9 average_loss: 5',
        SKETCH_NET,
        data_source=str(write_pairs(tmp_path / "data", 3)),
    )
    solver.step(5)
    first = solver.loss
    solver.step(35)
    assert solver.loss < 0.8 * first


def test_iter_size_makes_one_update_of_several_batches(tmp_path):
    parts = make_solver(tmp_path, "iter_size: 3 momentum: 0.9", UNSHUFFLED)
    parts.step(4)
    whole = make_solver(tmp_path, "momentum: 0.9", UNSHUFFLED.replace("batch_size: 2", "batch_size: 6"))
    whole.step(4)
    assert (parts.iter, parts.loss) == (4, pytest.approx(whole.loss, rel=1e-5))
    for found, expected in zip(weights(parts.net), weights(whole.net), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_loss_is_the_mean_of_the_last_few(tmp_path):
    one, few = make_solver(tmp_path), make_solver(tmp_path, "average_loss: 3")
    assert math.isnan(few.loss)
    losses = []
    for _ in range(5):
        one.step(1)
        few.step(1)
        losses.append(one.loss)
        assert few.loss == pytest.approx(np.mean(losses[-3:]), rel=1e-12)


def test_the_rate_is_that_of_the_last_update(tmp_path):
    solver = make_solver(tmp_path, 'lr_policy: "step" gamma: 0.5 stepsize: 2')
    rates = []
    for _ in range(5):
        solver.step(1)
        rates.append(solver.rate)
    assert rates == [0.01, 0.01, 0.005, 0.005, 0.0025]


def test_without_max_iter_solve_makes_no_update_and_says_so_and_step_makes_as_many_as_it_is_told(tmp_path, log):
    solver = make_solver(tmp_path, "max_iter: 0")
    before = weights(solver.net)
    assert solver.solve()
    assert solver.iter == 0
    assert any("max_iter is missing or 0: no update is made" in message for message in log.messages)
    assert_same_bits(weights(solver.net), before)
    solver.step(2)
    assert solver.iter == 2


def test_a_shared_param_is_updated_once(tmp_path):
    """y = w (w x): of two layers of one param only the first owns it."""
    net = """
    layer { name: "data" type: "HDF5Data" top: "data" hdf5_data_param { source: "LIST" batch_size: 2 } }
    layer { name: "a" type: "Convolution" bottom: "data" top: "a" param { name: "w" }
      convolution_param { num_output: 2 kernel_size: 1 bias_term: false weight_filler { type: "xavier" } } }
    layer { name: "b" type: "Convolution" bottom: "a" top: "b" param { name: "w" }
      convolution_param { num_output: 2 kernel_size: 1 bias_term: false } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "data" top: "loss" }
    """
    solver = make_solver(tmp_path, net=net)
    (before,) = weights(solver.net)
    solver.step(1)
    (param,) = solver.net.learnable
    np.testing.assert_array_equal(param.blob.data, before - param.blob.diff)
    assert np.abs(param.blob.diff).min() > 0


def test_the_same_seed_gives_the_same_net_and_another_seed_another(tmp_path, log):
    nets = [make_solver(tmp_path, "", seed=seed) for seed in (5, 5, 6)]
    for solver in nets:
        solver.step(3)
    assert_same_bits(weights(nets[0].net), weights(nets[1].net))
    assert not np.array_equal(weights(nets[0].net)[0], weights(nets[2].net)[0])
    seeds = [message for message in log.messages if "seed" in message]
    assert seeds == ["Random seed: 5", "Random seed: 5", "Random seed: 6"]


def test_the_files_seed_is_used_unless_another_is_given(tmp_path):
    assert make_solver(tmp_path, "random_seed: 77").context.seed == 77
    assert make_solver(tmp_path, "random_seed: 77", seed=3).context.seed == 3


def test_without_a_seed_each_run_draws_its_own(tmp_path):
    seeds = {make_solver(tmp_path, "random_seed: -1").context.seed for _ in range(3)}
    assert len(seeds) == 3


def test_weights_files_are_where_training_starts(tmp_path):
    make_solver(tmp_path, seed=9).net.save(tmp_path / "w.h5")
    solver = make_solver(tmp_path, f'weights: "{(tmp_path / "w.h5").as_posix()}"')
    assert_same_bits(weights(solver.net), weights(make_solver(tmp_path, seed=9).net))


def test_train_state_chooses_layers(tmp_path):
    staged = UNSHUFFLED + 'layer { name: "extra" type: "Split" bottom: "prediction" top: "extra" include { RULE } }'
    for rule, state, found in (
        ('stage: "more"', 'train_state { stage: "more" }', True),
        ('stage: "more"', "", False),
        ("min_level: 2", "train_state { level: 2 }", True),
        ("min_level: 2", "train_state { level: 1 }", False),
    ):
        assert ("extra" in make_solver(tmp_path, state, staged.replace("RULE", rule)).net.blobs) is found


def iterations(messages, start):
    return [int(re.match(r"Iteration (\d+)", text)[1]) for text in messages if re.match(rf"Iteration \d+{start}", text)]


@pytest.mark.parametrize(("initial", "expected"), [("true", [0, 2, 4]), ("false", [2, 4])])
def test_tests_come_before_the_iteration_they_are_due_at_and_at_the_end(initial, expected, tmp_path, log):
    make_solver(tmp_path, f"{TESTED} test_initialization: {initial} max_iter: 4").solve()
    assert iterations(log.messages, ", Testing net") == expected
    assert log.messages[-1] == "Optimization Done."
    assert log.messages[-2].startswith("    Test net output #0: loss = ")


def test_no_test_comes_at_an_end_that_is_not_due(tmp_path, log):
    make_solver(tmp_path, f"{TESTED} max_iter: 5").solve()
    assert iterations(log.messages, ", Testing net") == [0, 2, 4]


def test_scores_are_averaged_over_test_iter_batches(tmp_path):
    solver = make_solver(tmp_path, TESTED, UNSHUFFLED)
    scores, loss = solver.test()
    net = make_solver(tmp_path, TESTED, UNSHUFFLED).test_nets[0]
    expected = np.mean([net.forward_loss() for _ in range(3)])
    assert list(scores) == ["loss"]
    assert scores["loss"] == pytest.approx(expected, rel=1e-12)
    assert loss == pytest.approx(expected, rel=1e-12)


def test_a_test_sees_the_params_as_they_are_now(tmp_path):
    solver = make_solver(tmp_path, TESTED, UNSHUFFLED.replace("batch_size: 2", "batch_size: 5"))
    before = solver.test()[1]
    solver.step(5)
    assert solver.test()[1] != before
    assert solver.test()[1] == pytest.approx(solver.net.forward_loss(), rel=1e-5)


def test_every_blob_of_the_test_nets_can_be_read_as_of_the_training_net(tmp_path):
    solver = make_solver(tmp_path, TESTED)
    solver.step(1)
    test_net = solver.test_nets[0]
    test_net.forward()
    first = test_net.layers[1].name
    before = {name: blob.data.copy() for name, blob in test_net.blobs.items()}
    assert all(np.isfinite(data).all() for data in before.values())
    test_net.forward(start=first)
    for name, data in before.items():
        np.testing.assert_array_equal(test_net.blobs[name].data, data)


def test_without_keep_blobs_test_nets_keep_only_their_outputs_and_the_training_net_all(tmp_path):
    solver = make_solver(tmp_path, TESTED, keep_blobs=False)
    scores = solver.test()
    solver.step(1)
    assert solver.test_nets[0].slots.nbytes > 0
    assert solver.net.slots.nbytes == 0
    assert make_solver(tmp_path, TESTED).test() == scores


def test_callbacks_stand_before_forward_and_between_backward_and_update(tmp_path):
    solver, seen = make_solver(tmp_path), []
    param = solver.net.learnable[0].blob

    def on_start():
        seen.append(("start", solver.iter, bool(param.diff.any())))

    def on_gradients():
        seen.append(("gradients", solver.iter, bool(param.diff.any())))
        before.append(param.data.copy())
        param.diff[...] = 0

    before = []
    solver.add_callback(on_start, on_gradients)
    solver.step(2)
    assert seen == [("start", 0, False), ("gradients", 0, True), ("start", 1, False), ("gradients", 1, True)]
    np.testing.assert_array_equal(before[0], before[1])  # as the gradient was taken away
    np.testing.assert_array_equal(before[1], param.data)


def test_apply_update_takes_the_diffs_as_they_are_at_this_iterations_rate(tmp_path):
    solver = make_solver(tmp_path, 'base_lr: 0.5 lr_policy: "step" gamma: 0.5 stepsize: 2 weight_decay: 0')
    solver.step(2)
    param = solver.net.learnable[0].blob
    before = param.data.copy()
    param.diff[...] = 0.25
    solver.apply_update()
    np.testing.assert_allclose(param.data, before - 0.25 * 0.25, rtol=1e-5)
    assert solver.iter == 2


def test_solve_goes_on_from_a_state(tmp_path):
    solver = make_solver(tmp_path)
    solver.step(4)
    state = solver.snapshot()
    solver.step(6)
    again = make_solver(tmp_path)
    assert again.solve(state)
    assert again.iter == 10
    for mine, theirs in zip(weights(again.net), weights(solver.net), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_tests_leave_training_as_it_is(tmp_path):
    with_tests, without = make_solver(tmp_path, TESTED), make_solver(tmp_path)
    with_tests.step(5)
    without.step(5)
    assert_same_bits(weights(with_tests.net), weights(without.net))


def test_each_test_net_has_its_own_state_and_test_iter(tmp_path, log):
    net = CONV_NET + 'layer { name: "e" type: "Split" bottom: "prediction" top: "extra" include { stage: "more" } }'
    text = 'test_iter: 1 test_iter: 2 test_interval: 1 test_state { } test_state { stage: "more" level: 3 }'
    solver = make_solver(tmp_path, text, net)
    assert [list(test.outputs) for test in solver.test_nets] == [["loss"], ["extra", "loss"]]
    assert solver.test_nets[1].state.level == 3
    solver.test_all()
    assert [text for text in log.messages if "Testing" in text] == [
        "Iteration 0, Testing net (#0)",
        "Iteration 0, Testing net (#1)",
    ]


def test_the_test_nets_loss_is_logged_if_asked_for(tmp_path, log):
    solver = make_solver(tmp_path, f"{TESTED} test_compute_loss: true", UNSHUFFLED)
    solver.test_all()
    line = re.fullmatch(r"Test loss: (\S+)", log.messages[-2])
    assert float(line[1]) == pytest.approx(make_solver(tmp_path, TESTED, UNSHUFFLED).test()[1], rel=1e-4)


def test_a_test_net_whose_layers_differ_in_shape_is_refused(tmp_path):
    other = write_net(tmp_path, CONV_NET.replace("num_output: 3", "num_output: 4"), "other.prototxt")
    with pytest.raises(
        NetdefError, match=r'layer "conv1": shape \(4, 2, 3, 3\) in net .*other\.prototxt, \(3, 2, 3, 3\)'
    ):
        make_solver(tmp_path, f'test_net: "{other}" {TESTED}')


def test_snapshots_come_at_their_interval_and_at_the_end(tmp_path):
    make_solver(tmp_path, "snapshot: 2 max_iter: 5").solve()
    assert snapshots(tmp_path) == [f"t_iter_{n}.{k}.h5" for n in (2, 4, 5) for k in ("caffemodel", "solverstate")]


def test_a_snapshot_just_taken_is_not_taken_again_at_the_end(tmp_path, log):
    make_solver(tmp_path, "snapshot: 2 max_iter: 4").solve()
    assert sum("Snapshotting solver state" in text for text in log.messages) == 2


def test_without_snapshot_after_train_nothing_is_written_at_the_end(tmp_path):
    make_solver(tmp_path, "snapshot: 2 max_iter: 3 snapshot_after_train: false").solve()
    assert snapshots(tmp_path) == ["t_iter_2.caffemodel.h5", "t_iter_2.solverstate.h5"]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_snapshot_holds_the_weights_and_with_snapshot_diff_the_steps(wanted, tmp_path):
    solver = make_solver(tmp_path, f"snapshot_diff: {str(wanted).lower()}")
    solver.step(2)
    state = solver.snapshot()
    assert state == f"{(tmp_path / 'out' / 't').as_posix()}_iter_2.solverstate.h5"
    with h5py.File(state.replace("solverstate", "caffemodel")) as file:
        assert ("diff" in file) is wanted
        for param in solver.net.learnable:
            np.testing.assert_array_equal(file[f"data/{param.layer}/{param.index}"][()], param.blob.data)
            if wanted:
                np.testing.assert_array_equal(file[f"diff/{param.layer}/{param.index}"][()], param.blob.diff)


def test_a_folder_for_snapshots_that_cannot_be_made_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    solver = make_solver(tmp_path, f'snapshot_prefix: "{(tmp_path / "file" / "t").as_posix()}"')
    with pytest.raises(SnapshotError, match="file: snapshots cannot be written there: "):
        solver.solve()
    assert solver.iter == 0


def test_a_folder_for_snapshots_without_permission_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    solver = make_solver(tmp_path)
    with pytest.raises(SnapshotError, match="out: snapshots cannot be written there: no permission"):
        solver.solve()
    assert solver.iter == 0


def test_with_micro_batch_the_last_forward_too_runs_in_parts(tmp_path):
    solver = make_solver(tmp_path, "micro_batch: 1 display: 1 max_iter: 2")
    solver.solve()
    assert solver.net.blobs["data"].shape == (2, 2, 6, 7)
    assert solver.net.blobs["conv1"].shape == (1, 3, 4, 5)


def test_every_iteration_is_reported(tmp_path):
    seen = []
    make_solver(tmp_path, on_iteration=lambda solver: seen.append((solver.iter, solver.loss > 0))).step(3)
    assert seen == [(1, True), (2, True), (3, True)]


def asks(*requests):
    """An on_iteration that makes these requests in iteration 2."""

    def ask(solver):
        if solver.iter == 2:
            for request in requests:
                solver.request(request)

    return ask


def test_a_stop_ends_training_after_the_iteration_with_a_snapshot(tmp_path, log):
    solver = make_solver(tmp_path, f"{TESTED} display: 1", on_iteration=asks("stop"))
    assert not solver.solve()
    assert solver.iter == 2
    assert snapshots(tmp_path) == ["t_iter_2.caffemodel.h5", "t_iter_2.solverstate.h5"]
    assert log.messages[-1] == "Optimization stopped early."


def test_a_snapshot_asked_for_is_taken_and_training_goes_on(tmp_path):
    solver = make_solver(tmp_path, "max_iter: 4", on_iteration=asks("snapshot"))
    assert solver.solve()
    assert [name for name in snapshots(tmp_path) if "state" in name] == [
        "t_iter_2.solverstate.h5",
        "t_iter_4.solverstate.h5",
    ]


def test_a_stop_is_not_forgotten_over_a_later_snapshot(tmp_path):
    solver = make_solver(tmp_path, on_iteration=asks("stop", "snapshot"))
    assert not solver.step(9)
    assert solver.iter == 2


def test_after_a_stop_training_can_go_on(tmp_path):
    solver = make_solver(tmp_path, on_iteration=asks("stop"))
    assert not solver.step(9)
    assert solver.step(3)
    assert solver.iter == 5


DIVERGED = (
    r"^training diverged at iteration (\d+): (.*) is not finite; the rate is 1e\+12; try a smaller base_lr, "
    r"clip_gradients or smaller initial weights; (.*)$"
)


def test_divergence_stops_with_the_place_the_rate_and_what_to_try(tmp_path):
    """Warnings are errors here: none comes from NumPy."""
    solver = make_solver(tmp_path, "base_lr: 1e12")
    with pytest.raises(DivergenceError) as error:
        solver.solve()
    iteration, place, kept = re.match(DIVERGED, str(error.value)).groups()
    assert 1 <= int(iteration) == solver.iter < 9
    assert re.match(r'layer "\w+", (top "\w+"|param \d), (data|diff)$', place)
    assert kept == "no snapshot was written"
    assert snapshots(tmp_path) == []


@pytest.mark.parametrize("options", ["", "iter_size: 2", "micro_batch: 1"])
def test_the_first_layer_that_is_not_finite_is_named(options, tmp_path):
    solver = make_solver(tmp_path, options)
    solver.net.params["conv2"][0].data[0, 1, 0, 1] = np.nan
    with pytest.raises(DivergenceError, match=r'iteration 0: layer "conv2", top "prediction", data is not finite'):
        solver.step(1)
    solver.net.params["conv1"][1].data[0] = np.inf
    with pytest.raises(DivergenceError, match=r'iteration 0: layer "conv1", top "conv1", data is not finite'):
        solver.step(1)


def test_steps_made_by_hand_diverge_with_the_same_words(tmp_path):
    with pytest.raises(DivergenceError, match=DIVERGED):
        make_solver(tmp_path, "base_lr: 1e12").step(9)


def test_divergence_keeps_the_last_good_snapshot(tmp_path):
    solver = make_solver(tmp_path, 'snapshot: 1 base_lr: 0.01 lr_policy: "exp" gamma: 1e7 max_iter: 30')
    with pytest.raises(DivergenceError, match=r"; the last good snapshot is that of iteration (\d+)$") as error:
        solver.solve()
    last = int(str(error.value).split()[-1])
    assert [name for name in snapshots(tmp_path) if "state" in name] == sorted(
        f"t_iter_{n}.solverstate.h5" for n in range(1, last + 1)
    )
    with WeightsFile(tmp_path / "out" / f"t_iter_{last}.caffemodel.h5") as file:
        assert np.isfinite(file.read("conv1", 0)).all()


def test_weights_that_are_not_finite_are_never_written(tmp_path):
    solver = make_solver(tmp_path)
    solver.step(2)
    solver.snapshot()
    good = {name: (tmp_path / "out" / name).read_bytes() for name in snapshots(tmp_path)}
    solver.net.params["conv2"][1].data[0] = np.nan
    with pytest.raises(DivergenceError, match=r'layer "conv2", param 1, data is not finite.* that of iteration 2$'):
        solver.snapshot()
    assert {name: (tmp_path / "out" / name).read_bytes() for name in snapshots(tmp_path)} == good


def test_a_run_whose_last_update_diverges_does_not_end_as_if_it_were_good(tmp_path):
    def poison(solver):
        if solver.iter == 3:
            solver.net.params["conv1"][0].data[0] = np.inf

    solver = make_solver(tmp_path, "max_iter: 3 snapshot_after_train: false", on_iteration=poison)
    with pytest.raises(DivergenceError, match=r'at iteration 3: layer "conv1", param 0, data is not finite'):
        solver.solve()


def test_without_test_iter_a_test_is_one_pass_and_batches_count_by_their_items(tmp_path):
    solver = make_solver(tmp_path, "test_interval: 2", UNSHUFFLED)
    rows = make_solver(tmp_path, "test_iter: 1 test_interval: 2", UNSHUFFLED.replace("batch_size: 2", "batch_size: 1"))
    expected = np.mean([rows.test_nets[0].forward_loss() for _ in range(5)])
    for _ in range(2):
        scores, loss = solver.test()
        assert loss == pytest.approx(expected, rel=1e-6)
        assert scores["loss"] == pytest.approx(expected, rel=1e-6)
        solver.test_nets[0].forward()  # the next pass starts at the first row again
        assert solver.test_nets[0].blobs["data"].shape[0] == 2


def test_a_pass_over_data_without_a_size_is_refused_before_training(tmp_path):
    layer = 'layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {'
    layer += " shape { dim: [2, 2, 6, 7] } shape { dim: [2, 1, 3, 4] } } }"
    endless = layer + CONV_NET[CONV_NET.index('layer { name: "conv1"') :]
    with pytest.raises(NetdefError, match=r"net\.prototxt has no data layer whose size is known.*\? give test_iter"):
        make_solver(tmp_path, "test_interval: 2", endless)
    assert list(make_solver(tmp_path, "test_interval: 2 test_iter: 1", endless).test()[0]) == ["loss"]


def test_a_layers_setting_reaches_all_nets_and_the_solvers_its_options(tmp_path):
    path = tmp_path / "s.txt"
    path.write_text(f'net: "{write_net(tmp_path)}" max_iter: 9 base_lr: 0.01 test_interval: 3 solver_mode: CPU')
    solver = get_solver(path, settings=["base_lr=0.5", "conv1.num_output=4", "conv1.num_output=5"])
    assert solver.options.base_lr == 0.5
    assert [net.blobs["conv1"].shape[1] for net in (solver.net, *solver.test_nets)] == [5, 5]
    assert solver.net.netdef.text.startswith("# --set base_lr=0.5\n# --set conv1.num_output=5\n")


def test_a_stage_in_the_solver_file_that_no_layer_knows_is_warned_of(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        make_solver(tmp_path, 'train_state { stage: "warm" } test_iter: 1 test_interval: 1 test_state { stage: "hot" }')
    found = [message.rpartition(": no layer")[2] for message in caplog.messages]
    assert found == [f' has a rule for the stage "{stage}"; stages: none' for stage in ("warm", "hot")]
