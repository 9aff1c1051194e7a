"""Log lines as Caffe's own parser expects them."""

from __future__ import annotations

import logging
import os
import re
from datetime import datetime

import pytest

from pysketch.solver.caffe_log import CaffeFormatter


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
