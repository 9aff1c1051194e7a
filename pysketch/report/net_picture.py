"""The picture of a net's graph: `net_graph` says what it shows, `graph_layout` where, `diagram` draws it."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.report import graph_layout
from pysketch.report.diagram import Box, draw_diagram
from pysketch.report.net_graph import KINDS, Edge, Node


def draw_graph(nodes: Sequence[Node], edges: Sequence[Edge], path: str, title: str) -> None:
    """Write the picture of a net's graph."""
    boxes = [Box(node.title, node.lines, KINDS.index(node.kind)) for node in nodes]
    layout = graph_layout.lay_out([box.size for box in boxes], [(edge.source, edge.target) for edge in edges])
    routes = [(route, edge.label) for route, edge in zip(layout.routes, edges, strict=True)]
    draw_diagram(path, boxes, layout.centres, routes, layout.size, title)
