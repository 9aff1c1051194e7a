"""The paper's tables and figures again.

An `Experiment` is a table or a figure: its cells, how one is computed, how the results are shown. `runner` computes
what is missing and keeps each result at once. `training` trains the nets that experiments need; every other file is
an experiment or some.

Start reading at `runner`, then `nets`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "experiments": ["EXPERIMENTS", "claim", "sections", "status", "told"],
        "names": ["EXPERIMENT_NAMES"],
        "runner": ["Results", "run"],
        "training": ["Setting"],
    },
)
