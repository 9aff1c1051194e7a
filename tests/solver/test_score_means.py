"""The batches of a test are shared among processes, and its scores are one process's to the bit."""

import logging

import pytest
from ranks import run_ranks
from solver_helpers import write_rows

from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.parallel.communicator import ALONE
from pysketch.solver.score_means import ScoreMeans, share_test

NET = """
layer { name: "data" type: "HDF5Data" top: "data" top: "label" hdf5_data_param { source: "LIST" batch_size: 3 } }
layer { name: "sum" type: "Reduction" bottom: "data" top: "sum" loss_weight: 0.3 reduction_param { operation: MEAN } }
layer { name: "size" type: "Reduction" bottom: "label" top: "size" reduction_param { operation: SUMSQ } }
"""


@pytest.fixture
def text(tmp_path):
    return NET.replace("LIST", write_rows(tmp_path, 11).as_posix())


def score(text, communicator, batches):
    """The means over so many batches, how many this process ran, and where the data are then."""
    net = Net(parse_netdef(text), Phase.TEST, Context(communicator=communicator))
    means, ran = ScoreMeans(net, share_test(net, communicator)), 0
    for k in range(batches):
        if means.is_own_turn:
            means.add(k + 1, net.forward_loss())
            ran += 1
        else:
            means.pass_over()
    scores, loss = means.end()
    return {name: value.tolist() for name, value in scores.items()}, loss, ran, net.layers[0].order.position


@pytest.mark.parametrize(("size", "batches", "ran"), [(2, 5, [3, 2]), (3, 2, [1, 1, 0]), (4, 8, [2, 2, 2, 2])])
def test_scores_are_those_of_one_process_to_the_bit(text, size, batches, ran):
    scores, loss, _, position = score(text, ALONE, batches)
    assert set(scores) == {"sum", "size"}
    found = run_ranks(size, lambda together: score(text, together, batches))
    assert [each[2] for each in found] == ran
    for each in found:
        assert (each[0], each[1], each[3]) == (scores, loss, position)


def test_batches_that_change_what_later_ones_give_are_run_by_all_and_the_log_says_so(text, caplog):
    noisy = text + 'layer { name: "noise" type: "DummyData" top: "noise" dummy_data_param { shape { dim: 2 } } }'
    noisy += 'layer { name: "quiet" type: "Silence" bottom: "noise" }'
    with caplog.at_level(logging.INFO):
        found = run_ranks(2, lambda together: score(noisy, together, 3))
    assert [each[2] for each in found] == [3, 3]
    assert "Layer noise: what a batch leaves in it counts: every process tests all batches" in caplog.text
    assert found[0][0] == score(text, ALONE, 3)[0]
