"""Options of a solver file that do nothing together with its others: each is said in one line, none is silent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pysketch.netdef import NetDef, Phase
from pysketch.solver.definition import SOLVER, SolverDef

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Need:
    """What an option needs to do anything: a check of the solver, and what to say where it fails."""

    met: Callable[[SolverDef], bool]
    reason: str

    def said(self, solver: SolverDef) -> str:
        """The reason, with what the solver has instead."""
        return self.reason.format(policy=solver.options.lr_policy, type=solver.type)


def _policies(*names: str) -> _Need:
    return _Need(lambda solver: solver.options.lr_policy in names, "lr_policy is {policy}")


def _types(*names: str) -> _Need:
    return _Need(lambda solver: solver.type in names, "the solver is {type}")


_TESTS = _Need(lambda solver: solver.options.test_interval > 0, "test_interval is 0: there are no tests")

_NEEDS = {
    "gamma": _policies("step", "exp", "inv", "multistep", "sigmoid"),
    "power": _policies("inv", "poly"),
    "stepsize": _policies("step", "sigmoid"),
    "stepvalue": _policies("multistep"),
    "momentum2": _types("Adam"),
    "rms_decay": _types("RMSProp"),
    "delta": _types("AdaGrad", "RMSProp", "AdaDelta", "Adam"),
    "regularization_type": _Need(lambda solver: solver.options.weight_decay != 0, "weight_decay is 0"),
    "average_loss": _Need(lambda solver: solver.options.display > 0, "display is 0: nothing is logged"),
    "device_id": _Need(lambda solver: solver.options.solver_mode != "CPU", "solver_mode is CPU"),
    "test_iter": _TESTS,
    "test_net": _TESTS,
    "test_state": _TESTS,
    "test_initialization": _TESTS,
    "test_compute_loss": _TESTS,
}
"""Option -> what it needs; the others always do something."""


def unused_options(solver: SolverDef) -> Iterator[tuple[str, str]]:
    """The options, with the reason, that the file gives another value than the default and that do nothing."""
    options, defaults = solver.options, SOLVER.defaults()
    for name, need in _NEEDS.items():
        if options.given(name) and getattr(options, name) != getattr(defaults, name) and not need.met(solver):
            yield name, need.said(solver)


def warn_of_unused(solver: SolverDef, netdefs: dict[str, NetDef]) -> None:
    """Log a warning for each option that does nothing, and for each phase that a state cannot change."""
    for name, reason in unused_options(solver):
        logger.warning("%s: %s has no effect: %s", solver.options.position(name), name, reason)
    states = [(Phase.TRAIN, solver.options.train_state), (Phase.TRAIN, netdefs[solver.train_net].state)]
    states += [(Phase.TEST, state) for state in solver.options.test_state]
    states += [(Phase.TEST, netdefs[path].state) for path in solver.test_nets if path != solver.train_net]
    for phase, state in states:
        if state.given("phase") and state.phase != phase.name:
            place = state.position("phase")
            logger.warning("%s: phase %s has no effect: the net is built for %s", place, state.phase, phase.name)
