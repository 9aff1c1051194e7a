"""Scores, and how they are shown: tables, curves, diagrams, pages.

`evaluation` lets one of the `methods` draw all test photos and scores it, `measures` and `varied` say more of what it
drew, `verification` whether it tells a person from others, `groups` of whom not, in `further_tables`; `published` takes
somebody's pictures; `figures` and `diagram` draw with matplotlib, `pages` writes HTML that needs no network, `table`
writes text. `net_graph` and `graph_layout` say what a net's diagram shows and where. `found` says who was found by a
sketch, `find_page` shows it. The small files beside them (`score_table`, `summary_table`, `layer_help`, `net_picture`,
`training_panels`) are each what one command shows.

Start reading at `evaluation`.
"""

from pysketch.report import figures, graph_layout, pages
from pysketch.report.crowd import draw_crowd
from pysketch.report.data_sheet import data_sheet
from pysketch.report.evaluation import (
    PHOTO_CROP,
    SKETCH_CROP,
    Evaluation,
    ManyAtOnce,
    check_strangers,
    draw_each,
    evaluate,
    fit_seconds,
    net_draw,
)
from pysketch.report.evaluation_pages import check_library, write_pairs, write_report
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
from pysketch.report.further_tables import (
    BACKGROUND,
    GROUPS,
    MATCHING,
    SKIN,
    VERIFICATION,
    tell_backgrounds,
    tell_groups,
    tell_matching,
    tell_measures,
    tell_skins,
    tell_verification,
)
from pysketch.report.groups import group_trials
from pysketch.report.layer_help import describe_layer, list_layers
from pysketch.report.matches import MATCHES, PIXELS
from pysketch.report.measures import MEASURES, Surroundings, usable_measures
from pysketch.report.methods import Method, learned_method, net_method
from pysketch.report.net_graph import Edge, Node, net_graph, netdef_graph
from pysketch.report.net_picture import draw_graph
from pysketch.report.pages import PICTURES, Picture, Section, Table, write_csv, write_page
from pysketch.report.published import evaluate_pictures
from pysketch.report.score_table import score_table
from pysketch.report.summary_table import summary_table
from pysketch.report.table import aligned, markdown
from pysketch.report.training_panels import training_panels
from pysketch.report.varied import background_trials, brought_back, in_light, skin_trials, with_moved_sketches

__all__ = [
    "BACKGROUND",
    "GROUPS",
    "MATCHES",
    "MATCHING",
    "MEASURES",
    "PHOTO_CROP",
    "PICTURES",
    "PIXELS",
    "SKETCH_CROP",
    "SKIN",
    "VERIFICATION",
    "WORTH",
    "Edge",
    "Evaluation",
    "Found",
    "ManyAtOnce",
    "Method",
    "Node",
    "Person",
    "Picture",
    "Section",
    "Surroundings",
    "Table",
    "aligned",
    "background_trials",
    "brought_back",
    "check_find_page",
    "check_library",
    "check_strangers",
    "data_sheet",
    "describe_layer",
    "draw_crowd",
    "draw_each",
    "draw_graph",
    "evaluate",
    "evaluate_pictures",
    "figures",
    "fit_seconds",
    "found_record",
    "found_table",
    "graph_layout",
    "group_trials",
    "how_sure",
    "how_sure_all",
    "in_light",
    "learned_method",
    "list_layers",
    "markdown",
    "net_draw",
    "net_graph",
    "net_method",
    "netdef_graph",
    "pages",
    "people",
    "pictured",
    "score_table",
    "skin_trials",
    "summary_table",
    "tell_backgrounds",
    "tell_groups",
    "tell_matching",
    "tell_measures",
    "tell_skins",
    "tell_verification",
    "training_panels",
    "usable_measures",
    "with_moved_sketches",
    "write_csv",
    "write_find_page",
    "write_page",
    "write_pairs",
    "write_report",
]
