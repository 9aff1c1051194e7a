"""Scores, and how they are shown: tables, curves, diagrams, pages.

`evaluation` lets a method draw all test photos and scores it, `measures` and `varied` say more of what it drew,
`published` takes somebody's pictures; `figures` and `diagram` draw with matplotlib, `pages` writes HTML that needs no
network, `table` writes text. `net_graph` and `graph_layout` say what a net's diagram shows and where. The small files
beside them (`score_table`, `summary_table`, `layer_help`, `net_picture`, `training_panels`) are each what one command
shows.

Start reading at `evaluation`.
"""

from pysketch.report import figures, graph_layout, pages
from pysketch.report.data_sheet import data_sheet
from pysketch.report.evaluation import PHOTO_CROP, SKETCH_CROP, Draw, Evaluation, evaluate, fit_seconds, net_draw
from pysketch.report.evaluation_pages import check_library, write_pairs, write_report
from pysketch.report.layer_help import describe_layer, list_layers
from pysketch.report.measures import (
    MEASURES,
    Surroundings,
    explain,
    measure,
    measure_artists,
    measure_rows,
    usable_measures,
)
from pysketch.report.net_graph import Edge, Node, net_graph, netdef_graph
from pysketch.report.net_picture import draw_graph
from pysketch.report.pages import PICTURES, Picture, Section, Table, write_csv, write_page
from pysketch.report.published import evaluate_pictures
from pysketch.report.score_table import score_table
from pysketch.report.summary_table import summary_table
from pysketch.report.table import Rows, aligned, markdown
from pysketch.report.training_panels import training_panels
from pysketch.report.varied import (
    Trial,
    background_outcomes,
    background_trials,
    outcome_rows,
    skin_outcome,
    skin_trials,
)

__all__ = [
    "MEASURES",
    "PHOTO_CROP",
    "PICTURES",
    "SKETCH_CROP",
    "Draw",
    "Edge",
    "Evaluation",
    "Node",
    "Picture",
    "Rows",
    "Section",
    "Surroundings",
    "Table",
    "Trial",
    "aligned",
    "background_outcomes",
    "background_trials",
    "check_library",
    "data_sheet",
    "describe_layer",
    "draw_graph",
    "evaluate",
    "evaluate_pictures",
    "explain",
    "figures",
    "fit_seconds",
    "graph_layout",
    "list_layers",
    "markdown",
    "measure",
    "measure_artists",
    "measure_rows",
    "net_draw",
    "net_graph",
    "netdef_graph",
    "outcome_rows",
    "pages",
    "score_table",
    "skin_outcome",
    "skin_trials",
    "summary_table",
    "training_panels",
    "usable_measures",
    "write_csv",
    "write_page",
    "write_pairs",
    "write_report",
]
