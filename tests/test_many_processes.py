"""A training by several processes is that of one: solvers, tests, snapshots. Here the processes are threads."""

from __future__ import annotations

import logging
from contextlib import closing

import numpy as np
import pytest
from ranks import run_ranks
from solver_helpers import CONV_NET, RULES, SKETCH_NET, make_solver, write_net, write_pairs

from pysketch.device.workers import Workers
from pysketch.errors import DivergenceError, ParallelError
from pysketch.parallel.communicator import ALONE

NET = CONV_NET.replace("batch_size: 2", "batch_size: 6").replace(
    'layer { name: "relu1"',
    'layer { name: "drop" type: "Dropout" bottom: "conv1" top: "conv1" dropout_param { dropout_ratio: 0.2 } }\n'
    'layer { name: "norm" type: "BatchNorm" bottom: "conv1" top: "conv1" }\nlayer { name: "relu1"',
)


@pytest.fixture(autouse=True)
def written(monkeypatch, tmp_path):
    """Nothing is written anew: threads would write one file at once."""
    write_net(tmp_path, NET)
    monkeypatch.setattr("solver_helpers.write_net", lambda folder, text: (folder / "net.prototxt").as_posix())


def solver(folder, communicator, options="", net=NET, **where):
    where = {"dtype": np.float64, "workers": Workers(1), **where}
    return make_solver(folder, options, net, communicator=communicator, **where)


def train(folder, communicator=ALONE, options="", steps=4, **where):
    """The params, the history and the mean loss after so many iterations."""
    with closing(solver(folder, communicator, options, **where)) as one:
        one.step(steps)
        params = [param.blob.data.copy() for param in one.net.learnable]
        return params, [each.copy() for each in one.updater.history], one.loss


def assert_near(found, expected, tolerance):
    for one, other in zip((*found[0], *found[1]), (*expected[0], *expected[1]), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    assert found[2] == pytest.approx(expected[2], rel=tolerance)


@pytest.mark.parametrize(
    "type", [name if name == "Adam" else pytest.param(name, marks=pytest.mark.slow) for name in RULES]
)
def test_every_solver_learns_what_it_learns_alone(type, tmp_path):
    options = f'type: "{type}" {RULES[type]} iter_size: 2 weight_decay: 0.01 average_loss: 3 momentum2: 0.99'
    expected = train(tmp_path, options=options)
    results = run_ranks(3, lambda together: train(tmp_path, together, options))
    for found in results:
        assert_near(found, expected, 1e-9)
        for one, first in zip(found[0], results[0][0], strict=True):
            np.testing.assert_array_equal(one, first)


@pytest.mark.slow
def test_clipping_looks_at_the_whole_gradient(tmp_path, caplog):
    options = "clip_gradients: 0.5 regularization_type: 'L1' weight_decay: 0.02"
    with caplog.at_level(logging.INFO):
        expected = train(tmp_path, options=options)
        alone = [each.message for each in caplog.records if "clipping" in each.message]
        caplog.clear()
        for found in run_ranks(2, lambda together: train(tmp_path, together, options)):
            assert_near(found, expected, 1e-10)
    assert len(alone) == 4
    assert {each.message for each in caplog.records if "clipping" in each.message} == set(alone)


def snapshots(folder, communicator, stop_at, start=None):
    """Train on from a snapshot to one at an iteration; its path, and the params. Files hold single precision."""
    with closing(solver(folder, communicator, "momentum: 0.9 average_loss: 5", dtype=np.float32)) as one:
        if start:
            one.restore(start)
        one.step(stop_at - one.iter)
        return one.snapshot(), [param.blob.data.copy() for param in one.net.learnable]


@pytest.mark.slow
def test_a_training_goes_on_from_one_process_to_three_to_two(tmp_path):
    _, expected = snapshots(tmp_path, ALONE, 9)
    (path, _) = snapshots(tmp_path, ALONE, 3)
    (path, _), *_ = run_ranks(3, lambda together: snapshots(tmp_path, together, 6, path))
    for _, found in run_ranks(2, lambda together: snapshots(tmp_path, together, 9, path)):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_with_as_many_processes_it_goes_on_bit_for_bit(tmp_path):
    run_ranks(2, lambda together: snapshots(tmp_path, together, 3))
    straight = run_ranks(2, lambda together: snapshots(tmp_path, together, 6))
    path = (tmp_path / "out" / "t_iter_3.solverstate.h5").as_posix()
    resumed = run_ranks(2, lambda together: snapshots(tmp_path, together, 6, path))
    for (_, found), (_, expected) in zip(resumed, straight, strict=True):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_stop_that_one_was_told_stops_all_after_the_same_iteration(tmp_path):
    def work(together):
        with closing(solver(tmp_path, together, "max_iter: 9")) as one:
            if together.rank == 1:
                one.on_iteration = lambda solver: solver.request("stop") if solver.iter == 4 else None
            return one.solve(), one.iter

    assert run_ranks(3, work) == [(False, 4)] * 3
    assert (tmp_path / "out" / "t_iter_4.solverstate.h5").exists()


def test_one_with_other_weights_is_refused_before_the_first_step(tmp_path):
    def work(together):
        with closing(solver(tmp_path, together)) as one:
            one.net.learnable[0].blob.data[...] += together.rank
            one.step(1)

    with pytest.raises(ParallelError, match=r"^rank 1 of 2 does not train what rank 0 does: it has another set of w"):
        run_ranks(2, work)


@pytest.mark.slow
def test_all_say_so_when_a_training_diverges(tmp_path):
    with pytest.raises(DivergenceError, match="training diverged at iteration"), np.errstate(all="ignore"):
        run_ranks(2, lambda together: train(tmp_path, together, "base_lr: 1e30", steps=9))


def test_of_a_net_that_draws_all_pairs_are_scored_by_whoever_drew_them(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", 7)
    (tmp_path / "net.prototxt").write_text(SKETCH_NET)

    def scores(communicator=ALONE):
        options = "test_interval: 4 test_initialization: false"
        with closing(solver(tmp_path, communicator, options, SKETCH_NET, data_source=str(pairs))) as one:
            return one.test()

    expected = scores()
    assert {"loss", "rmse", "rank_1"} == set(expected[0])
    for found in run_ranks(2, scores):
        assert found == expected
