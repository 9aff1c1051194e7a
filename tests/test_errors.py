"""Errors: their family, positions, and the near name that a hint offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pysketch import errors
from pysketch.errors import Position, PysketchError, counted, did_you_mean, named

KINDS = ["NetdefError", "ShapeError", "SnapshotError", "DataError", "DeviceError", "DivergenceError"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_caught_as_a_pysketch_error_and_keeps_its_text(kind):
    with pytest.raises(PysketchError, match=r"^net:3:1: wrong$"):
        raise getattr(errors, kind)("net:3:1: wrong")


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_is_a_kind_of_another(kind):
    assert getattr(errors, kind).__bases__ == (PysketchError,)


def test_a_position_reads_file_line_column():
    assert str(Position("a/b.prototxt", 41, 3)) == "a/b.prototxt:41:3"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("kernal_size", '; did you mean "kernel_size"?'),
        ("Kernel_Size", '; did you mean "kernel_size"?'),
        ("strid", '; did you mean "stride"?'),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_hint_is_the_nearest_name_or_nothing(name, hint):
    assert did_you_mean(name, ["stride", "kernel_size", "pad"]) == hint


def test_the_hint_spells_the_name_as_it_is_known():
    assert did_you_mean("relu", ["Convolution", "ReLU"]) == '; did you mean "ReLU"?'


def test_names_may_come_from_an_iterator():
    assert did_you_mean("pas", iter(["pad"])) == '; did you mean "pad"?'


def test_without_known_names_there_is_no_hint():
    assert did_you_mean("pad", []) == ""


def test_a_message_is_named_by_its_file_once():
    assert named(Path("a.png"), "not an image") == "a.png: not an image"
    assert named(Path("a.png"), "a.png: not an image") == "a.png: not an image"


@pytest.mark.parametrize(("number", "text"), [(0, "0 words"), (1, "1 word"), (2, "2 words")])
def test_one_is_told_in_the_singular(number, text):
    assert counted(number, "word") == text
