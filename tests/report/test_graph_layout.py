import itertools
import sys

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.report.graph_layout import lay_out, library

pytest.importorskip("grandalf", reason='drawing a graph needs grandalf: pip install -e ".[report]"')

SIZES = [(60.0, 30.0), (90.0, 50.0), (40.0, 20.0), (70.0, 30.0), (50.0, 30.0), (30.0, 10.0)]
ARROWS = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (0, 4)]
"""Box 0 has a way of its own to box 4; box 5 is alone."""


def random_arrows(seed, boxes=11):
    """Each box but the first is read from one or two earlier ones, in a random order."""
    rng = np.random.default_rng(seed)
    arrows = {(int(rng.integers(0, box)), box) for box in range(1, boxes) for _ in range(2)}
    return [tuple(map(int, arrow)) for arrow in rng.permutation(sorted(arrows))]


GRAPHS = [(SIZES, ARROWS), *(((SIZES * 2)[:11], random_arrows(seed)) for seed in range(5))]
every_graph = pytest.mark.parametrize(("sizes", "arrows"), GRAPHS)


def boxes(layout, sizes):
    """(left, right, top, bottom) of each."""
    pairs = zip(layout.centres, sizes, strict=True)
    return [(x - w / 2, x + w / 2, y - h / 2, y + h / 2) for (x, y), (w, h) in pairs]


@every_graph
def test_boxes_lie_apart_within_the_size(sizes, arrows):
    layout = lay_out(sizes, arrows)
    for left, right, top, bottom in boxes(layout, sizes):
        assert left >= 0 and top >= 0
        assert right <= layout.size[0] and bottom <= layout.size[1]
    for one, other in itertools.combinations(boxes(layout, sizes), 2):
        assert one[1] < other[0] or other[1] < one[0] or one[3] < other[2] or other[3] < one[2]


@every_graph
def test_arrows_run_down_from_a_bottom_to_a_top(sizes, arrows):
    layout = lay_out(sizes, arrows)
    placed = boxes(layout, sizes)
    for (source, target), route in zip(arrows, layout.routes, strict=True):
        assert route[0][1] == placed[source][3]
        assert route[-1][1] == placed[target][2]
        assert placed[source][0] < route[0][0] < placed[source][1]
        assert placed[target][0] < route[-1][0] < placed[target][1]
        assert all(upper[1] < lower[1] for upper, lower in itertools.pairwise(route))


@every_graph
def test_an_arrow_that_passes_a_rank_goes_straight_down_between_its_boxes(sizes, arrows):
    layout = lay_out(sizes, arrows)
    assert any(len(route) > 2 for route in layout.routes)
    for route in layout.routes:
        for (x, top), (x_below, bottom) in zip(route[1:-1:2], route[2:-1:2], strict=True):
            assert x == x_below
            beside = [box for box in boxes(layout, sizes) if box[3] > top and box[2] < bottom]
            assert all(not left <= x <= right for left, right, _, _ in beside)


@every_graph
def test_arrows_of_a_box_do_not_cross_at_it(sizes, arrows):
    layout = lay_out(sizes, arrows)
    centres = layout.centres
    for box, end in itertools.product(range(len(sizes)), (0, 1)):
        own = []
        for arrow, route in zip(arrows, layout.routes, strict=True):
            if arrow[end] == box:
                points = [centres[arrow[0]], *route[1:-1], centres[arrow[1]]]
                own.append((route[-end][0], points[1 - 3 * end][0]))
        own.sort()
        assert len({x for x, _ in own}) == len(own)
        assert [towards for _, towards in own] == sorted(towards for _, towards in own)


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
