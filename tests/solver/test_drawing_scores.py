"""The scores of a test of a net that draws: those of tools/evaluate.py, each pair once."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from solver_helpers import SKETCH_NET, make_solver, write_pairs

from pysketch.images.metrics import own_ranks, rmse, squared_distances

PASS = "test_interval: 1"
TWO = SKETCH_NET.replace('"batch_size": 2', '"batch_size": 1, "test_batch_size": 2')


@pytest.fixture
def five(tmp_path):
    return str(write_pairs(tmp_path / "five", 5))


def drawn_and_sketches(solver, pairs=5):
    """What the solver's net draws of each pair, and the artists' sketches, in whole levels."""
    net = solver.test_nets[0]
    found = []
    for _ in range(pairs):
        net.forward()
        found.append(
            [np.rint(np.clip(net.blobs[name].data[0, 0], 0, 255)).astype(np.uint8) for name in ("prediction", "label")]
        )
    return [list(each) for each in zip(*found, strict=True)]


@pytest.mark.parametrize("options", [PASS, f"{PASS} test_iter: 0", f"{PASS} test_iter: 5"])
def test_rmse_and_rank_1_are_those_of_all_pairs_once(options, five, tmp_path):
    one = SKETCH_NET.replace('"batch_size": 2', '"batch_size": 1')
    predictions, sketches = drawn_and_sketches(make_solver(tmp_path, f"{PASS} test_iter: 1", one, data_source=five))
    scores, _ = make_solver(tmp_path, options, TWO, data_source=five).test()
    assert list(scores) == ["loss", "rmse", "rank_1"]
    assert scores["rmse"] == pytest.approx(np.mean([rmse(*each) for each in zip(predictions, sketches, strict=True)]))
    ranks = own_ranks(squared_distances(predictions, sketches))
    assert scores["rank_1"] == pytest.approx(100 * np.mean(ranks == 1))
    assert 0 < scores["rmse"] < 255


def test_the_log_has_them_behind_the_outputs_and_each_test_begins_anew(five, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    solver = make_solver(tmp_path, PASS, TWO, data_source=five)
    for _ in range(2):
        caplog.clear()
        solver.test_all()
        lines = [line.split(" = ")[0] for line in caplog.messages if "Test net output" in line]
        assert lines == [f"    Test net output #{k}: {name}" for k, name in enumerate(("loss", "rmse", "rank_1"))]
    first, again = (solver.test()[0] for _ in range(2))
    assert first == again


def test_a_net_that_does_not_draw_has_none(tmp_path):
    assert list(make_solver(tmp_path, PASS).test()[0]) == ["loss"]


def test_a_net_without_a_deploy_stage_has_none(five, tmp_path):
    text = SKETCH_NET.replace(' exclude { stage: "deploy" }', "")
    assert list(make_solver(tmp_path, PASS, text, data_source=five).test()[0]) == ["loss"]


def test_an_output_called_rmse_stays_what_it_is(five, tmp_path):
    text = SKETCH_NET.replace('top: "loss"', 'top: "rmse"')
    scores, loss = make_solver(tmp_path, PASS, text, data_source=five).test()
    assert list(scores) == ["rmse", "rank_1"]
    assert scores["rmse"] == pytest.approx(loss)
