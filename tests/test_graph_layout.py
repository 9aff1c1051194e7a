import itertools
import sys

import pytest

from pysketch.errors import DataError
from pysketch.graph_layout import lay_out, library

pytest.importorskip("grandalf", reason='drawing a graph needs grandalf: pip install -e ".[report]"')

SIZES = [(60.0, 30.0), (90.0, 50.0), (40.0, 20.0), (70.0, 30.0), (50.0, 30.0), (30.0, 10.0)]
ARROWS = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (0, 4)]
"""Box 0 has a way of its own to box 4; box 5 is alone."""


def boxes(layout):
    """(left, right, top, bottom) of each."""
    pairs = zip(layout.centres, SIZES, strict=True)
    return [(x - w / 2, x + w / 2, y - h / 2, y + h / 2) for (x, y), (w, h) in pairs]


def test_boxes_lie_apart_within_the_size():
    layout = lay_out(SIZES, ARROWS)
    for left, right, top, bottom in boxes(layout):
        assert left >= 0 and top >= 0
        assert right <= layout.size[0] and bottom <= layout.size[1]
    for one, other in itertools.combinations(boxes(layout), 2):
        assert one[1] < other[0] or other[1] < one[0] or one[3] < other[2] or other[3] < one[2]


def test_arrows_run_down_from_a_bottom_to_a_top():
    layout = lay_out(SIZES, ARROWS)
    placed = boxes(layout)
    for (source, target), route in zip(ARROWS, layout.routes, strict=True):
        assert route[0][1] == placed[source][3]
        assert route[-1][1] == placed[target][2]
        assert placed[source][0] < route[0][0] < placed[source][1]
        assert placed[target][0] < route[-1][0] < placed[target][1]
        assert all(upper[1] < lower[1] for upper, lower in itertools.pairwise(route))


def test_an_arrow_that_passes_a_rank_goes_straight_down_between_its_boxes():
    layout = lay_out(SIZES, ARROWS)
    route = layout.routes[ARROWS.index((0, 4))]
    assert len(route) == 2 + 2 * 2
    for (x, top), (x_below, bottom) in (route[1:3], route[3:5]):
        assert x == x_below
        beside = [box for box in boxes(layout) if box[3] > top and box[2] < bottom]
        assert all(not left <= x <= right for left, right, _, _ in beside)


def test_arrows_of_a_box_do_not_cross_at_it():
    layout = lay_out(SIZES, ARROWS)
    for box, end in ((1, 0), (4, 1), (0, 0)):
        own = [
            route if end == 0 else route[::-1]
            for arrow, route in zip(ARROWS, layout.routes, strict=True)
            if arrow[end] == box
        ]
        own.sort(key=lambda route: route[0][0])
        assert len({route[0][0] for route in own}) == len(own)
        assert [route[1][0] for route in own] == sorted(route[1][0] for route in own)


def test_a_source_stands_right_above_its_only_reader():
    layout = lay_out([(10.0, 10.0)] * 4, [(0, 1), (1, 2), (3, 2)])
    assert layout.centres[3][1] == layout.centres[1][1]


def test_the_same_graph_is_laid_out_the_same():
    assert lay_out(SIZES, ARROWS) == lay_out(SIZES, ARROWS)


def test_a_missing_grandalf_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "grandalf", None)
    with pytest.raises(
        DataError, match=r'drawing a graph needs grandalf; install it with: pip install -e "\.\[report\]"'
    ):
        library()
