"""Requests: options that do not go together, each a sentence; nothing that is scored is overwritten."""

import re
from pathlib import Path

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.pictures import write_image
from pysketch.report.request import Request

AGAIN = "--skin, --background and --groups need something that draws: a net file, or --baseline NAME"
OF_MATCH = "--inner and --distractors are for the table of --match"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "expected a net file, --baseline NAME or --pictures FOLDER"),
        ({"pictures": [Path("p")], "skin": ["all"]}, AGAIN),
        ({"pictures": [Path("p")], "background": ["black"]}, AGAIN),
        ({"pictures": [Path("p")], "groups": 2}, AGAIN),
        ({"net": "n.h5", "groups": 2}, "--groups is for made people: --data synthetic"),
        ({"net": "n.h5", "realign": True}, "--realign brings back what --moved moves"),
        ({"net": "n.h5", "inner": True}, OF_MATCH),
        ({"baseline": ["grey"], "distractors": 5}, OF_MATCH),
        (
            {"net": "n.h5", "match": ["views"], "distractors": 5, "pictures": [Path("p")]},
            "--distractors need something that draws them: --pictures has no others",
        ),
    ],
)
def test_options_that_do_not_go_together_are_a_sentence(options, sentence):
    assert Request("DIR", **options).problem() == sentence


@pytest.mark.parametrize(
    "options",
    [
        {"net": "n.h5"},
        {"pictures": [Path("p")], "verify": True, "match": ["inner"], "inner": True},
        {"baseline": ["et"], "skin": ["7"], "background": ["all"], "match": ["views"], "distractors": 1},
        {"net": "n.h5", "moved": (0, 0, 0), "realign": True, "whole": True},
    ],
)
def test_what_goes_together_is_no_problem(options):
    assert Request("DIR", **options).problem() is None


def test_groups_of_synthetic_people_are_no_problem():
    request = Request("synthetic", net="n.h5", groups=2)
    assert request.problem() is None
    assert request.draws_again


def test_drawn_once_is_not_drawn_again():
    assert not Request("DIR", net="n.h5", verify=True).draws_again


@pytest.fixture
def theirs(tmp_path):
    """A folder of one picture."""
    write_image(tmp_path / "theirs" / "pictures" / "a.png", np.zeros((3, 2), np.uint8))
    return tmp_path / "theirs" / "pictures"


def test_a_csv_file_that_is_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path))}: the scores cannot be written there: it is a "):
        Request("synthetic", csv=tmp_path).check_outputs()


def test_neither_scores_nor_a_report_go_over_what_is_scored(theirs):
    for outputs in ({"csv": theirs / "a.png"}, {"report": theirs.parent}):
        with pytest.raises(DataError, match="is read by this command, and would be overwritten"):
            Request("synthetic", pictures=[theirs], **outputs).check_outputs()
    Request("synthetic", pictures=[theirs], csv=theirs / "b.csv", report=theirs).check_outputs()
