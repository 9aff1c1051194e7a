"""Columns: packed strings, names that are no text, rows taken out."""

import numpy as np
import pytest
from gallery_makers import expected, portrait

from pysketch.search.portraits import Packed, as_bytes, as_text, columns_of

STRINGS = [b"one", b"", b"three", b"", b"\0\xff"]


def test_packed_strings_come_back_one_by_one_and_together():
    packed = Packed.of(STRINGS)
    assert [packed[k] for k in range(len(packed))] == STRINGS
    assert packed.strings(np.array([4, 0, 0, 1])) == [STRINGS[4], STRINGS[0], STRINGS[0], STRINGS[1]]
    assert packed.lengths().tolist() == [3, 0, 5, 0, 2]
    assert Packed.of([]).strings(np.array([], int)) == []


@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 3, 4], [4], [], [4, 2], [1, 1], [0, 2, 1, 3]])
def test_rows_are_taken_in_their_order(rows):
    taken = Packed.of(STRINGS).take(np.array(rows, int))
    assert [taken[k] for k in range(len(taken))] == [STRINGS[k] for k in rows]
    assert taken.is_sound()


@pytest.mark.parametrize(
    ("ends", "sound"),
    [([2, 2, 4], True), ([2, 1, 4], False), ([-1, 2, 4], False), ([2, 3, 5], False), ([2, 3], False), ([], False)],
)
def test_ends_are_sound_if_they_never_fall_and_end_with_the_content(ends, sound):
    assert Packed(np.zeros(4, np.uint8), np.array(ends, np.int64)).is_sound() == sound


def test_ends_so_far_apart_that_their_difference_overflows_are_not_sound():
    ends = np.array([2**62, -(2**62), 4], np.int64)
    assert not Packed(np.zeros(4, np.uint8), ends).is_sound()


@pytest.mark.parametrize("name", ["anna", "Åsa Öberg", "\udcff\udc80", "a\x1b[31m\n", ""])
def test_any_name_of_a_file_is_kept_as_it_is(name):
    assert as_text(as_bytes(name)) == name


def test_what_is_no_utf_8_is_read_too():
    assert as_bytes(as_text(b"\xff\xfe anna \x80")) == b"\xff\xfe anna \x80"


def test_photos_of_one_person_are_one_person():
    columns = columns_of([portrait(1, "b"), portrait(2, "a"), portrait(3, "b")])
    assert columns.people() == ["b", "a"]
    assert columns.person.tolist() == [0, 1, 0]
    assert [columns.name_of(row) for row in range(3)] == ["b", "a", "b"]


def test_rows_taken_are_those_photos_and_their_people_alone():
    portraits = [portrait(k, "ab"[k % 2]) for k in range(4)]
    taken = columns_of(portraits).take(np.array([3, 1]))
    assert taken.people() == ["b"]
    assert [taken.path_of(row) for row in range(2)] == [portraits[3].path, portraits[1].path]
    assert taken.sketches[0] == portraits[3].sketch
    assert list(expected(portraits)) == [each.path for each in portraits]
