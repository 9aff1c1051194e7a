"""What a training may begin with, looked at before its data are read: a solver's state, or weights.

A state of ours says which solver wrote it, and what its arrays are; one of Caffe's does not, and is taken as the
present solver's if it has as many arrays.
"""

from __future__ import annotations

import os
from pathlib import Path

from pysketch.errors import SnapshotError
from pysketch.solver.definition import SolverDef
from pysketch.solver.run_state import RunState
from pysketch.solver.updates import UPDATE_RULES
from pysketch.weights import SolverState, check_weights, read_solver_state

RUN_STATE = "pysketch"
"""The root attribute of a solver state that holds a `RunState`."""


def check_start(
    definition: SolverDef, resume: str | os.PathLike[str] | None = None, weights: str | os.PathLike[str] | None = None
) -> int:
    """The iteration that a training begins at: that of the state `resume`, or 0.

    SnapshotError or NetdefError for a state, or for weights, given here or in the solver file, that cannot be it.
    """
    for path in (*definition.weights, *([weights] if weights else [])):
        check_weights(path)
    return check_state(resume, definition.type).iteration if resume else 0


def nothing_left(iteration: int, max_iter: int) -> str:
    """What to say of a run that goes on from its end."""
    return f"at iteration {iteration} of {max_iter} nothing is left to do; a larger max_iter goes on"


def check_state(path: str | os.PathLike[str], type: str) -> SolverState:
    """A solver state without its history, for a solver of this type, whose weights are there.

    SnapshotError for another kind of file, for a state that another type of solver wrote, and without its weights.
    """
    state = read_solver_state(path, None)
    run = run_state_of(state, path)
    if run is not None and run.solver not in (None, type):
        kept = " and ".join(run.history or ["others"])
        raise SnapshotError(
            f"{path}: the state of a solver of type {run.solver}, which keeps {kept}; a solver of type {type} keeps "
            f"{_keeps(type)} and goes on otherwise; its weights alone can be started from: --weights "
            f"{learned_weights(state, path)}"
        )
    check_weights(learned_weights(state, path))
    return state


def learned_weights(state: SolverState, path: str | os.PathLike[str]) -> Path:
    """The weights file that was written with a state: beside it, else where it was then; SnapshotError if nowhere."""
    learned = Path(state.learned_net)
    beside = Path(path).parent / learned.name
    found = next((each for each in (beside, learned) if each.is_file()), None)
    if found is None:
        written = "" if beside == learned else f", which were written as {learned}"
        raise SnapshotError(f"{beside}: no such file; the weights of {path}{written}")
    return found


def run_state_of(state: SolverState, path: str | os.PathLike[str]) -> RunState | None:
    """What a state of ours says of its run; None for one of Caffe's."""
    text = state.attributes.get(RUN_STATE)
    return None if text is None else RunState.from_json(text, os.fspath(path))


def taken_as(type: str) -> str:
    """What to say of a state that does not tell its solver."""
    return f"does not say which solver wrote it; its arrays are taken as {type}'s, {_keeps(type)}"


def _keeps(type: str) -> str:
    return " and ".join(UPDATE_RULES[type].keeps)
