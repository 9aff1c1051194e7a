"""Processes stop together, and do not begin unless they are about to do the same."""

import numpy as np
import pytest
from ranks import run_ranks
from solver_helpers import CONV_NET, make_solver

from pysketch.errors import ParallelError
from pysketch.parallel.communicator import ALONE
from pysketch.solver.agreement import agreed_action, check_agreement, solver_digests


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [
        ([None, None, None], None),
        ([None, "snapshot", None], "snapshot"),
        (["snapshot", None, "stop"], "stop"),
    ],
)
def test_what_one_wants_all_do_and_a_stop_wins(wanted, agreed):
    assert run_ranks(3, lambda together: agreed_action(wanted[together.rank], together)) == [agreed] * 3


def test_alone_one_agrees_with_oneself():
    assert agreed_action("stop", ALONE) == "stop"
    check_agreement(ALONE, {"netdef": "a"})


def test_who_differs_and_in_what_is_said_by_all():
    told = []

    def work(together):
        digests = {"netdef": "a", "seed": "1", "data set": "x"}
        if together.rank == 1:
            digests |= {"netdef": "b", "data set": "y"}
        try:
            check_agreement(together, digests)
        except ParallelError as error:
            told.append(str(error))

    run_ranks(3, work)
    assert told == 3 * [
        "rank 1 of 3 does not train what rank 0 does: it has another netdef and another data set; "
        "every process needs the same files and the same command line"
    ]


CHANGES = {
    "solver": ("momentum: 0.9", CONV_NET, {}),
    "netdef": ("", CONV_NET.replace("num_output: 3", "num_output: 3 stride: 1"), {}),
    "seed": ("", CONV_NET, {"seed": 9}),
    "kind of device": ("", CONV_NET, {"dtype": np.float64}),
    "data set": ("", CONV_NET, {}),
    "set of weights": ("", CONV_NET, {}),
    "iteration": ("", CONV_NET, {}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_digests_tell_another_training_by_what_is_other_in_it(what, tmp_path):
    digests = []
    for options, net, where in (("", CONV_NET, {}), CHANGES[what]):
        solver = make_solver(tmp_path, options, net, **where)
        if digests and what == "data set":
            solver.net.layers[0].rows["data"][0, 0, 0, 0] += 1
        if digests and what == "set of weights":
            solver.net.learnable[0].blob.data[0, 0, 0, 0] += 1
        if digests and what == "iteration":
            solver.net.layers[0].order.skip(2)
        digests.append(solver_digests(solver.definition, solver.iter, [solver.net], solver.updater))
    first, second = digests
    unlike = {name for name in first if first[name] != second[name]}
    assert what in unlike
    more = {"seed": {"set of weights"}, "kind of device": {"set of weights", "data set"}}
    assert unlike <= {what} | more.get(what, set())


def test_equal_trainings_have_equal_digests(tmp_path):
    one, other = (make_solver(tmp_path) for _ in range(2))
    found = [solver_digests(each.definition, each.iter, [each.net], each.updater) for each in (one, other)]
    assert found[0] == found[1]
    assert set(found[0]) == {*CHANGES, "version of pysketch"}
