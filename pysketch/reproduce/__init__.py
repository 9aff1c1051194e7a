"""The paper's tables and figures again.

An `Experiment` is a table or a figure: its cells, how one is computed, how the results are shown. `runner` computes
what is missing and keeps each result at once. `training` trains the nets that experiments need; every other file is
an experiment or some.

Start reading at `runner`, then `nets`.
"""

from pysketch.reproduce.experiments import EXPERIMENTS, claim, sections, status, told
from pysketch.reproduce.runner import Results, computed, run
from pysketch.reproduce.training import Setting

__all__ = ["EXPERIMENTS", "Results", "Setting", "claim", "computed", "run", "sections", "status", "told"]
