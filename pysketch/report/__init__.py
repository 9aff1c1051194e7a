"""Scores, and how they are shown: tables, curves, diagrams, pages.

`evaluation` lets one of the `methods` draw all test photos and scores it, `measures` and `varied` say more of what it
drew, `verification` whether it tells a person from others, `groups` of whom not, in `further_tables`; `published` takes
somebody's pictures; `figures` and `diagram` draw with matplotlib, `pages` writes HTML that needs no network, `table`
writes text. `net_graph` and `graph_layout` say what a net's diagram shows and where. `found` says who was found by a
sketch, `find_page` shows it. The small files beside them (`score_table`, `summary_table`, `layer_help`, `net_picture`,
`training_panels`) are each what one command shows.

Start reading at `scoring`, which does what a `request` asks for, in turn, then at `evaluation`.
"""

from pysketch.report import figures, graph_layout, pages
from pysketch.report.data_sheet import data_sheet
from pysketch.report.evaluation import (
    PHOTO_CROP,
    SKETCH_CROP,
    Evaluation,
    evaluate,
    fit_seconds,
    net_draw,
)
from pysketch.report.find_page import check_find_page, write_find_page
from pysketch.report.found import (
    WORTH,
    Found,
    Person,
    found_record,
    found_table,
    how_sure,
    how_sure_all,
    people,
    pictured,
)
from pysketch.report.further_tables import BACKGROUND, GROUPS, MATCHING, SKIN, VERIFICATION
from pysketch.report.layer_help import describe_layer, list_layers
from pysketch.report.matches import MATCHES
from pysketch.report.measures import MEASURES
from pysketch.report.net_graph import Edge, Node, net_graph, netdef_graph
from pysketch.report.net_picture import draw_graph
from pysketch.report.pages import PICTURES, Picture, Section, Table, write_csv, write_page
from pysketch.report.request import Request
from pysketch.report.score_table import SCORING
from pysketch.report.scoring import score
from pysketch.report.summary_table import summary_table
from pysketch.report.table import aligned, markdown
from pysketch.report.training_panels import training_panels

__all__ = [
    "BACKGROUND",
    "GROUPS",
    "MATCHES",
    "MATCHING",
    "MEASURES",
    "PHOTO_CROP",
    "PICTURES",
    "SCORING",
    "SKETCH_CROP",
    "SKIN",
    "VERIFICATION",
    "WORTH",
    "Edge",
    "Evaluation",
    "Found",
    "Node",
    "Person",
    "Picture",
    "Request",
    "Section",
    "Table",
    "aligned",
    "check_find_page",
    "data_sheet",
    "describe_layer",
    "draw_graph",
    "evaluate",
    "figures",
    "fit_seconds",
    "found_record",
    "found_table",
    "graph_layout",
    "how_sure",
    "how_sure_all",
    "list_layers",
    "markdown",
    "net_draw",
    "net_graph",
    "netdef_graph",
    "pages",
    "people",
    "pictured",
    "score",
    "summary_table",
    "training_panels",
    "write_csv",
    "write_find_page",
    "write_page",
]
