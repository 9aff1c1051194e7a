"""Scores, and how they are shown: tables, curves, diagrams, pages.

`evaluation` lets a method draw all test photos and scores it; `figures` and `diagram` draw with matplotlib, `pages`
writes HTML that needs no network, `table` writes text. `net_graph` and `graph_layout` say what a net's diagram shows
and where.

Start reading at `evaluation`.
"""

from pysketch.report import figures, graph_layout, pages
from pysketch.report.diagram import Box, draw_diagram
from pysketch.report.evaluation import PHOTO_CROP, SKETCH_CROP, Evaluation, evaluate, fit_seconds, net_draw
from pysketch.report.evaluation_pages import RANKS, SCORES, check_library, scores, write_pairs, write_report
from pysketch.report.figures import Panel
from pysketch.report.net_graph import KINDS, net_graph
from pysketch.report.pages import PICTURES, Picture, Section, Table, write_csv, write_page
from pysketch.report.table import aligned, markdown

__all__ = [
    "KINDS",
    "PHOTO_CROP",
    "PICTURES",
    "RANKS",
    "SCORES",
    "SKETCH_CROP",
    "Box",
    "Evaluation",
    "Panel",
    "Picture",
    "Section",
    "Table",
    "aligned",
    "check_library",
    "draw_diagram",
    "evaluate",
    "figures",
    "fit_seconds",
    "graph_layout",
    "markdown",
    "net_draw",
    "net_graph",
    "pages",
    "scores",
    "write_csv",
    "write_page",
    "write_pairs",
    "write_report",
]
