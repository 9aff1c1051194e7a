"""Where the boxes of a graph stand and how its arrows run: layer by layer from the top; the only importer of grandalf.

grandalf places boxes by the method of Sugiyama, Tagawa and Toda ("Methods for visual understanding of hierarchical
system structures", 1981): ranks by the longest way from a source, few crossings, arrows as straight as may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pysketch.errors import DataError
from pysketch.shipped import how_to_install

Point = tuple[float, float]
"""(x, y), y downwards, in the unit of the boxes' sizes."""

Arrow = tuple[int, int]
"""From one box to another, by their indices."""

_GAP_X, _GAP_Y, _LANE = 24.0, 30.0, 6.0  # between boxes, between ranks; the width of an arrow that passes a rank
_MIDDLE, _ROUNDS = 0.6, 4  # the part of a box's width where arrows end; sweeps against crossings


@dataclass(frozen=True)
class Layout:
    """centres: of the boxes. routes: of each arrow the points that it passes, its ends included; size: of it all."""

    centres: list[Point]
    routes: list[list[Point]]
    size: Point


def library() -> Any:
    """grandalf's parts; DataError with what to install where it is missing."""
    try:
        from grandalf import graphs, layouts
    except ImportError:
        raise DataError(f"drawing a graph needs grandalf; install it with: {how_to_install('report')}") from None
    return graphs, layouts


class _View:
    """What grandalf asks of a box, w, h and xy, and of an arrow, setpath."""

    def __init__(self, w: float = 0.0, h: float = 0.0) -> None:
        self.w, self.h = w, h
        self.xy = (0.0, 0.0)
        self.points: list[Point] = []

    def setpath(self, points: Sequence[Point]) -> None:
        self.points = list(points)


def lay_out(sizes: Sequence[Point], arrows: Sequence[Arrow]) -> Layout:
    """Place boxes of these (width, height), and arrows (from, to) between them, which lead in no circle.

    No two arrows have the same ends. All run downwards. They leave a box at its bottom and come in at its top, next to
    each other; where one passes a rank it runs straight down between the boxes there. Parts that no arrow joins stand
    side by side.
    """
    graphs, layouts = library()
    vertices = [graphs.Vertex(k) for k in range(len(sizes))]
    for vertex, size in zip(vertices, sizes, strict=True):
        vertex.view = _View(*size)
    edges = {pair: graphs.Edge(vertices[pair[0]], vertices[pair[1]]) for pair in arrows}
    for edge in edges.values():
        edge.view = _View()
    parts = graphs.Graph(vertices, list(edges.values())).C
    width, height = -_GAP_X, 0.0
    for part in sorted(parts, key=lambda part: min(vertex.data for vertex in part.V())):
        right, bottom = _place(layouts.SugiyamaLayout(part), part, width + _GAP_X)
        width, height = right, max(height, bottom)
    centres = [vertex.view.xy for vertex in vertices]
    inner = {pair: edge.view.points[1:-1] for pair, edge in edges.items()}
    return Layout(centres, _routes(sizes, centres, inner, arrows), (width, height))


def _place(sugiyama: Any, part: Any, left: float) -> Point:
    """Lay out one part, its leftmost edge at `left`; returns where it ends, to the right and below."""
    sugiyama.xspace, sugiyama.yspace = _GAP_X, _GAP_Y
    sugiyama.dw, sugiyama.dh = _LANE, 1.0
    sugiyama.init_all(optimize=True)
    sugiyama.draw(_ROUNDS)
    views = [vertex.view for rank in sugiyama.layers for vertex in rank]
    shift = left - min(view.xy[0] - view.w / 2 for view in views)
    for view in views:
        view.xy = view.xy[0] + shift, view.xy[1]
    halves = {rank[0].view.xy[1]: max(vertex.view.h for vertex in rank) / 2 for rank in sugiyama.layers}
    for edge in part.E():
        passed = edge.view.points[1:-1]
        lanes = [[(x + shift, y - halves[y]), (x + shift, y + halves[y])] for x, y in passed]
        edge.view.points = [(0.0, 0.0), *(point for lane in lanes for point in lane), (0.0, 0.0)]
    right = max(view.xy[0] + view.w / 2 for view in views)
    return right, max(view.xy[1] + view.h / 2 for view in views)


def _routes(
    sizes: Sequence[Point],
    centres: Sequence[Point],
    inner: Mapping[Arrow, list[Point]],
    arrows: Sequence[Arrow],
) -> list[list[Point]]:
    """With ends: at a box in the order of where they lead to, evenly over the middle of its width."""
    ends: dict[tuple[Arrow, int], Point] = {}
    for box, ((x, y), (width, height)) in enumerate(zip(centres, sizes, strict=True)):
        for end, edge in ((0, y + height / 2), (1, y - height / 2)):
            next_x = {
                arrow: ([centres[arrow[0]], *points, centres[arrow[1]]][1 if end == 0 else -2][0])
                for arrow, points in inner.items()
                if arrow[end] == box
            }
            for k, arrow in enumerate(sorted(next_x, key=next_x.__getitem__)):
                ends[arrow, end] = x + width * _MIDDLE * ((k + 1) / (len(next_x) + 1) - 0.5), edge
    return [[ends[arrow, 0], *inner[arrow], ends[arrow, 1]] for arrow in arrows]
