"""Training: rates, updates, tests, snapshots and the log, in Caffe's order.

`solver` holds `Solver`, whose step is: clear the diffs, test if it is due, forward and backward, update, snapshot.
`definition` reads a solver file, `lr_policy` gives the rate, `updates` has the six kinds of solver. `micro_batch` is
the paper's Algorithm 1: a large batch in the memory of a few pairs; `shared_batches` is one of many processes, which
`agreement` keeps together and whose tests `score_means` adds up. The log is Caffe's, line for line.

Start reading at `solver`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "definition": ["SolverDef", "load_solver", "read_solver"],
        "log": ["CaffeFormatter"],
        "log_reader": ["Curve", "TrainingLog", "read_log"],
        "shared_batches": ["SharedBatches"],
        "solver": ["Solver", "get_solver"],
        "start": ["check_start", "nothing_left"],
        "updates": ["Updater"],
    },
)
