"""Receptive fields along one axis, against sets of elements that are counted one by one."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pysketch.convolution.im2col import Window
from pysketch.convolution.receptive_field import POINT, ReceptiveField

HALF = Fraction(1, 2)
LARGER = ReceptiveField(HALF, HALF, 0)
"""y[o] = x[o // 2]."""
FIELDS = [
    POINT,
    ReceptiveField(1, 0, 4),
    ReceptiveField(2, 1, 1),
    ReceptiveField(3, 5, -2),
    ReceptiveField(1, 2, 6),
    ReceptiveField(2, 0, 0),
]


def seen(field: ReceptiveField, elements: set[int]) -> set[int]:
    """From the first to the last that these elements see."""
    ranges = [field.seen_range(o, o + 1) for o in elements]
    return set(range(min(first for first, _ in ranges), max(last for _, last in ranges)))


def test_a_range_is_what_its_elements_see_from_the_first_to_the_last():
    field = ReceptiveField(2, 1, 3)
    assert seen(field, {4}) == {7, 8, 9, 10, 11}
    assert field.seen_range(4, 7) == (7, 16)
    assert field.size == 5


@pytest.mark.parametrize("lower", FIELDS)
@pytest.mark.parametrize("upper", FIELDS)
@pytest.mark.parametrize("o", [0, 1, 6])
def test_what_is_seen_through_two_layers_is_what_the_upper_one_sees_as_the_lower_one_sees_it(lower, upper, o):
    assert seen(lower.then(upper), {o}) == seen(lower, seen(upper, {o}))


def test_what_a_layer_that_enlarges_sees_is_found_by_whole_elements():
    assert [LARGER.seen_range(o, o + 1) for o in range(4)] == [(0, 1), (0, 1), (1, 2), (1, 2)]
    assert LARGER.seen_range(3, 7) == (1, 4)
    assert LARGER.size == 1
    assert ReceptiveField(2, 1, 1).then(LARGER).stride == 1


def test_two_fields_together_see_what_either_sees():
    one, other = ReceptiveField(2, 1, 3), ReceptiveField(2, 4, 0)
    assert one.united(other) == other.united(one) == ReceptiveField(2, 4, 3)
    assert seen(one.united(other), {5}) == seen(one, {5}) | seen(other, {5})


def test_fields_of_different_strides_have_nothing_in_common():
    assert ReceptiveField(2).united(ReceptiveField(1)) is None


def test_a_windows_field_is_its_extent_less_its_padding():
    window = Window((2, 5), stride=(1, 2), pad=(3, 1), dilation=(4, 1))
    assert window.receptive_field(0) == ReceptiveField(1, 3, 1)
    assert window.receptive_field(1) == ReceptiveField(2, 1, 3)
    assert [window.receptive_field(axis).size for axis in (0, 1)] == [5, 5]
