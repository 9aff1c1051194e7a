import json

import pytest

from pysketch.benchmark.card import child
from pysketch.benchmark.card.child import print_line, work
from pysketch.benchmark.card.pieces import Partial
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.card.sections import Section
from pysketch.errors import DeviceError


@pytest.fixture
def said(monkeypatch):
    """Works through a section of these pieces, or one that raises, and gives what it said."""

    def run(pieces, seconds=100.0):
        def make(plan, stack, deadline):
            if isinstance(pieces, Exception):
                raise pieces
            stack.callback(lines.append, "closed")
            return pieces

        lines = []
        monkeypatch.setattr(child, "SECTIONS", {"x": Section("X", 1, make)})
        work(Plan(), "x", seconds, lambda **what: lines.append(what))
        return lines

    return run


def raises(error):
    def call():
        raise error

    return call


def test_every_piece_says_what_it_found_and_one_that_fails_does_not_stop_the_next(said, capfd):
    half = raises(Partial({"n": 2}, "half"))
    assert said({"a": raises(ValueError("no")), "b": half, "c": lambda: {"n": 3}}) == [
        {"planned": ["a", "b", "c"]},
        {"piece": "a", "error": "ValueError: no"},
        {"piece": "b", "found": {"n": 2}, "error": "half"},
        {"piece": "c", "found": {"n": 3}},
        {"ended": True},
        "closed",
    ]
    assert "ValueError: no" in capfd.readouterr().err


def test_after_its_time_no_piece_is_begun(said):
    assert said({"a": dict}, seconds=-1.0) == [{"planned": ["a"]}, {"ended": True}, "closed"]


def test_a_section_that_cannot_begin_says_why(said, capfd):
    assert said(DeviceError("no such\nmode")) == [{"error": "no such mode"}]
    assert "DeviceError" in capfd.readouterr().err


def test_a_line_is_one_object(tmp_path):
    with open(tmp_path / "x", "w") as lines:
        print_line(lines, {"piece": "a\nb"})
        assert json.loads((tmp_path / "x").read_text()) == {"piece": "a\nb"}
