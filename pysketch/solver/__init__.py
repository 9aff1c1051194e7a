"""Training: rates, updates, tests, snapshots and the log, in Caffe's order.

`solver` holds `Solver`, whose step is: clear the diffs, test if it is due, forward and backward, update, snapshot.
`definition` reads a solver file, `lr_policy` gives the rate, `updates` has the six kinds of solver. `micro_batch` is
the paper's Algorithm 1: a large batch in the memory of a few pairs; `shared_batches` is one of many processes, which
`agreement` keeps together and whose tests `score_means` adds up. The log is Caffe's, line for line.

Start reading at `solver`.
"""

from pysketch.solver.definition import SolverDef, load_solver, read_solver
from pysketch.solver.log import CaffeFormatter
from pysketch.solver.log_reader import Curve, TrainingLog, read_log
from pysketch.solver.shared_batches import SharedBatches
from pysketch.solver.solver import Solver, get_solver
from pysketch.solver.start import check_start, nothing_left
from pysketch.solver.updates import Updater

__all__ = [
    "CaffeFormatter",
    "Curve",
    "SharedBatches",
    "Solver",
    "SolverDef",
    "TrainingLog",
    "Updater",
    "check_start",
    "get_solver",
    "load_solver",
    "nothing_left",
    "read_log",
    "read_solver",
]
