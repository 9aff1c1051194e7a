"""Scores, and how they are shown: tables, curves, diagrams, pages.

`evaluation` lets one of the `methods` draw all test photos and scores it, `measures` and `varied` say more of what it
drew, `verification` whether it tells a person from others, `groups` of whom not, in `further_tables`; `published` takes
somebody's pictures; `figures` and `diagram` draw with matplotlib, `pages` writes HTML that needs no network, `table`
writes text. `net_graph` and `graph_layout` say what a net's diagram shows and where. `found` says who was found by a
sketch, `find_page` shows it. The small files beside them (`score_table`, `summary_table`, `layer_help`, `net_picture`,
`training_panels`) are each what one command shows.

Start reading at `scoring`, which does what a `request` asks for, in turn, then at `evaluation`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "": ["figures", "graph_layout", "pages"],
        "data_sheet": ["data_sheet"],
        "evaluation": ["PHOTO_CROP", "SKETCH_CROP", "Evaluation", "evaluate", "fit_seconds", "net_draw"],
        "find_page": ["check_find_page", "write_find_page"],
        "found": ["Found", "Person", "found_record", "found_table", "how_sure", "how_sure_all", "people", "pictured"],
        "layer_help": ["describe_layer", "list_layers"],
        "meanings": ["BACKGROUND", "GROUPS", "MATCHING", "MEASURED", "SCORING", "SKIN", "VERIFICATION", "WORTH"],
        "net_graph": ["Edge", "Node", "net_graph", "netdef_graph"],
        "net_picture": ["draw_graph"],
        "pages": ["PICTURES", "Picture", "Section", "Table", "write_csv", "write_page"],
        "request": ["Request"],
        "scoring": ["score"],
        "summary_table": ["summary_table"],
        "table": ["aligned", "markdown"],
        "training_panels": ["training_panels"],
    },
)
