import logging

import pytest
from caffe_parser import parse_log
from solver_helpers import CAFFE, CONV_NET, make_solver

from pysketch.errors import DataError
from pysketch.solver.log import CaffeFormatter
from pysketch.solver.log_reader import read_log

RUN = """I1122 19:10:06.041819 18087 solver.cpp:289] Solving tiny
I1122 19:10:06.041841 18087 solver.cpp:347] Iteration 0, Testing net (#0)
I1122 19:10:06.042063 18087 solver.cpp:414]     Test net output #0: loss = 20.5 (* 0.5 = 10.25 loss)
I1122 19:10:06.041841 18087 solver.cpp:347] Iteration 0, Testing net (#1)
I1122 19:10:06.042063 18087 solver.cpp:414]     Test net output #0: loss = 7
I1122 19:10:06.042322 18087 solver.cpp:239] Iteration 0 (-1.59748e-43 iter/s, 0s/5 iters), loss = 10.1771
I1122 19:10:06.042335 18087 solver.cpp:258]     Train net output #0: loss = 20.9393 (* 0.5 = 10.4697 loss)
I1122 19:10:06.042335 18087 solver.cpp:258]     Train net output #1: two = 1
I1122 19:10:06.042335 18087 solver.cpp:258]     Train net output #2: two = -2e-05
I1122 19:10:06.042356 18087 sgd_solver.cpp:112] Iteration 0, lr = 0.01
I1122 19:10:06.043452 18087 solver.cpp:239] Iteration 5 (5000 iter/s, 0.001s/5 iters), loss = nan
I1122 19:10:06.043469 18087 sgd_solver.cpp:112] Iteration 5, lr = 1e-05
I1122 19:10:06.058313 18087 solver.cpp:327] Iteration 10, loss = 16.5
"""


@pytest.fixture
def read(tmp_path):
    """Read a log from text."""

    def reading(text):
        (tmp_path / "train.log").write_text(text)
        return read_log(tmp_path / "train.log")

    return reading


@pytest.fixture
def our_log(tmp_path):
    """The log file of a short run with tests, a loss weight and a snapshot."""
    handler = logging.FileHandler(tmp_path / "ours.log")
    handler.setFormatter(CaffeFormatter())
    logger = logging.getLogger("pysketch")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.info("Initializing solver from parameters:\n%s", 'net: "a"\n\nbase_lr: 0.01\n')
    net = CONV_NET.replace('top: "loss" }', 'top: "loss" loss_weight: 0.5 }')
    options = (
        'test_iter: 2 test_interval: 3 display: 2 max_iter: 6 snapshot: 3 lr_policy: "step" gamma: 0.5 stepsize: 4'
    )
    try:
        make_solver(tmp_path, options, net).solve()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()
    return tmp_path / "ours.log"


def test_every_line_of_a_run_is_read(read):
    log = read(RUN)
    assert log.loss.iterations == [0, 5, 10]
    assert log.loss.values[::2] == [10.1771, 16.5]
    assert log.loss.values[1] != log.loss.values[1]
    assert (log.rate.iterations, log.rate.values) == ([0, 5], [0.01, 1e-5])
    assert {name: curve.values for name, curve in log.test.items()} == {"loss": [20.5], "loss (#1)": [7]}
    assert {name: curve.values for name, curve in log.train.items()} == {
        "loss": [20.9393],
        "two": [1],
        "two 2": [-2e-5],
    }


def test_a_run_that_goes_on_replaces_what_came_after_its_snapshot(read):
    log = read(RUN + RUN[:58] + "x] Iteration 4 (1 iter/s, 1s/2 iters), loss = 3\nx] Iteration 6, loss = 2\n")
    assert (log.loss.iterations, log.loss.values) == ([0, 4, 6], [10.1771, 3, 2])
    assert log.rate.iterations == [0]


def test_a_run_that_begins_anew_replaces_everything(read):
    log = read(RUN + RUN.replace("loss = 16.5", "loss = 4.5"))
    assert log.loss.values[::2] == [10.1771, 4.5]
    assert log.test["loss"].values == [20.5]


def test_outputs_before_any_iteration_belong_to_none(read):
    assert read("] Test net output #0: loss = 3\n" + RUN).test["loss"].values == [20.5]


@pytest.mark.parametrize("which", ["ours", "caffe"])
def test_an_independent_parser_reads_the_same_from_our_log_and_from_caffes(which, our_log):
    path = our_log if which == "ours" else CAFFE / "train.log"
    if not path.is_file():
        pytest.skip("Caffe's log is not in the shared folder")
    log, (train, test) = read_log(path), parse_log(path)
    assert set(train[0]) == {"NumIters", "Seconds", "LearningRate", "loss"}
    assert set(test[0]) == {"NumIters", "Seconds", "LearningRate", "loss", "mae"} - (
        {"mae"} if which == "ours" else set()
    )
    for rows, curves in ((train, log.train), (test, log.test)):
        for name, curve in curves.items():
            assert curve.iterations == [row["NumIters"] for row in rows]
            assert curve.values == [row[name] for row in rows]
    assert log.rate.iterations == [row["NumIters"] for row in train]
    rates = dict(zip(log.rate.iterations, log.rate.values, strict=True))
    assert [row["LearningRate"] for row in train[1:]] == [rates[row["NumIters"]] for row in train[:-1]]
    seconds = [row["Seconds"] for row in train]
    assert seconds == sorted(seconds)
    assert 0 <= seconds[0] < seconds[-1] < 60


def test_our_short_run_logs_these_iterations(our_log):
    log = read_log(our_log)
    assert log.loss.iterations == [0, 2, 4, 6]
    assert log.rate.values == [0.01, 0.01, 0.005]
    assert log.test["loss"].iterations == [0, 3, 6]


def test_our_log_has_no_blank_line(our_log):
    lines = our_log.read_text().splitlines()
    assert len(lines) > 10
    assert all(line.strip() for line in lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing\n", r"train\.log: expected a training log, found no line such as"),
        ("x] Iteration 1, loss = 3\nx] Iteration 2, lr = fast\n", r'train\.log:2: expected a number, found "fast"'),
    ],
)
def test_a_file_that_is_no_log_is_one_line(text, message, read):
    with pytest.raises(DataError, match=message):
        read(text)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"none\.log: cannot be read: No such file"):
        read_log(tmp_path / "none.log")


def test_a_log_that_windows_powershell_has_written_is_read(tmp_path, read):
    expected = read(RUN)
    (tmp_path / "train.log").write_bytes(RUN.encode("utf-16"))
    assert str(read_log(tmp_path / "train.log")) == str(expected)  # a loss is nan, which equals nothing
