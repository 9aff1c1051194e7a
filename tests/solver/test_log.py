"""What the solver logs: Caffe's lines, which Caffe's own parse_log.py reads, and debug_info."""

from __future__ import annotations

import logging
import os
import re
from datetime import datetime

import numpy as np
import pytest
from solver_helpers import CONV_NET, make_solver

from pysketch.solver.log import CaffeFormatter

UNSHUFFLED = CONV_NET.replace("shuffle: true", "")
TESTED = "test_iter: 3 test_interval: 2"

NUMBER = r"[-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?"


@pytest.fixture
def log(caplog):
    """The messages logged so far, from level INFO on."""
    caplog.set_level(logging.INFO)
    return caplog


def test_the_log_is_what_caffes_parser_reads(tmp_path, log):
    weighted = CONV_NET.replace('top: "loss" }', 'top: "loss" loss_weight: 0.5 }')
    make_solver(tmp_path, f"{TESTED} display: 2 max_iter: 4", weighted).solve()
    formatter = CaffeFormatter()
    lines = [formatter.format(record) for record in log.records]
    solving = next(k for k, line in enumerate(lines) if "Solving" in line)
    assert lines[solving].endswith("] Solving tiny")
    text = lines[solving:]
    assert all(re.match(r"I\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ \w+\.py:\d+\] \S|.*\]     \S", line) for line in text)
    assert [int(m[1]) for line in text if (m := re.search(r"Iteration (\d+) \(", line))] == [0, 2]
    assert [float(m[1]) for line in text if (m := re.search(rf"lr = ({NUMBER})", line))] == [0.01, 0.01]
    for kind, count in (("Train", 2), ("Test", 3)):
        found = [m for line in text if (m := re.search(rf"{kind} net output #(\d+): (\S+) = ([\.\deE+-]+)", line))]
        assert [(m[1], m[2]) for m in found] == [("0", "loss")] * count
    train = next(line for line in text if "Train net output" in line)
    whole, part = re.search(r"loss = (\S+) \(\* 0\.5 = (\S+) loss\)$", train).groups()
    assert float(part) == pytest.approx(float(whole) / 2, rel=1e-4)


def test_the_lines_of_an_iteration_are_caffes(tmp_path, log):
    solver = make_solver(tmp_path, "display: 2", UNSHUFFLED)
    log.clear()
    solver.step(3)
    shapes = [re.sub(NUMBER, "#", text) for text in log.messages]
    lines = ["Iteration # (# iter/s, #s/# iters), loss = #", "    Train net output ##: loss = # (* # = # loss)"]
    assert shapes == [*lines, "Iteration #, lr = #"] * 2


def test_an_unweighted_output_is_logged_element_by_element(tmp_path, log):
    net = UNSHUFFLED + 'layer { name: "e" type: "Split" bottom: "label" top: "extra" }'
    make_solver(tmp_path, "display: 1", net).step(1)
    outputs = [text for text in log.messages if "Train net output" in text]
    assert len(outputs) == 2 * 1 * 3 * 4 + 1
    assert re.fullmatch(rf"    Train net output #5: extra = {NUMBER}", outputs[5])
    assert "#24: loss" in outputs[24]


def test_the_last_loss_line_comes_after_the_last_snapshot(tmp_path, log):
    make_solver(tmp_path, "display: 3 max_iter: 6 average_loss: 2").solve()
    assert [text.split()[0] for text in log.messages[-4:]] == [
        "Snapshotting",
        "Snapshotting",
        "Iteration",
        "Optimization",
    ]
    assert re.fullmatch(rf"Iteration 6, loss = {NUMBER}", log.messages[-2])


def test_without_display_no_iteration_is_logged(tmp_path, log):
    make_solver(tmp_path, "max_iter: 3").solve()
    assert not any("Iteration" in text for text in log.messages)


def test_debug_info_tells_every_blobs_and_params_mean_magnitude(tmp_path, log):
    solver = make_solver(tmp_path, "debug_info: true", UNSHUFFLED)
    log.clear()
    solver.step(1)
    words = [re.sub(rf"[:=] \(?{NUMBER}.*", "", text) for text in log.messages]
    for layer, top in (("data", "data"), ("conv1", "conv1"), ("relu1", "conv1"), ("conv2", "prediction")):
        assert f"    [Forward] Layer {layer}, top blob {top} data" in words
    for layer, k in (("conv1", 0), ("conv1", 1), ("conv2", 0), ("conv2", 1)):
        assert f"    [Forward] Layer {layer}, param blob {k} data" in words
        assert f"    [Backward] Layer {layer}, param blob {k} diff" in words
        assert f"    [Update] Layer {layer}, param {k} data" in words
    assert "    [Backward] Layer loss, bottom blob prediction diff" in words
    label = float(np.abs(solver.net.blobs["label"].data).mean())
    assert f"    [Forward] Layer data, top blob label data: {label:g}" in log.messages


def line(text="Iteration 5", *values, level=logging.INFO):
    record = logging.LogRecord("pysketch.solver", level, "/a/b/solver.py", 239, text, values, None)
    record.created = datetime(2015, 6, 3, 9, 8, 7, 650).timestamp()
    return CaffeFormatter().format(record)


def test_a_line_begins_with_glogs_prefix_without_a_year():
    assert line("Iteration %d, loss = %g", 5, 0.25) == (
        f"I0603 09:08:07.000650 {os.getpid()} solver.py:239] Iteration 5, loss = 0.25"
    )


def test_the_prefix_has_four_words():
    prefix, _, text = line("Solving tiny").partition("] ")
    assert text == "Solving tiny"
    assert len(prefix.split()) == 4
    assert re.fullmatch(r"I\d{4} \d\d:\d\d:\d\d\.\d{6} \d+ solver\.py:239", prefix)


@pytest.mark.parametrize(
    ("level", "letter"), [(logging.INFO, "I"), (logging.WARNING, "W"), (logging.ERROR, "E"), (logging.DEBUG, "D")]
)
def test_the_first_letter_is_the_level(level, letter):
    assert line(level=level).startswith(f"{letter}0603 ")


def test_leading_blanks_that_the_parser_looks_for_stay():
    assert line("    Train net output #0: loss = 3").endswith("] " + "    Train net output #0: loss = 3")


def test_a_text_of_several_lines_has_no_blank_ones():
    assert line("Initializing:\n\nnet: x\n \n  y: 1\n\n").split("] ")[1] == "Initializing:\nnet: x\n  y: 1"
