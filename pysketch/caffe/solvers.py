"""pycaffe's solvers: pysketch's, made of a file alone, with pycaffe's nets and Caffe's own snapshot format."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from pysketch.caffe.mode import layer_paths, mode
from pysketch.caffe.nets import Net
from pysketch.netdef import Options
from pysketch.solver import Solver as OurSolver
from pysketch.solver import load_solver


class Solver(OurSolver):
    """The solver of a solver file, of whatever type, on the device that set_mode_cpu and set_mode_gpu chose.

    Snapshots are in Caffe's binary format unless the file says otherwise. ValueError if the file states another type
    than the class is for; if it states none, the class decides.
    """

    net_class: ClassVar[type[Net]] = Net
    type: ClassVar[str | None] = None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        options = load_solver(path).options
        settings = [] if options.given("snapshot_format") else ["snapshot_format=BINARYPROTO"]
        if self.type and not (options.given("type") or options.given("solver_type")):
            settings.append(f"type={self.type}")
        definition = load_solver(path, settings)
        if self.type and definition.type != self.type:
            raise ValueError(f"{path}: a solver of type {definition.type}, not {self.type}; get_solver takes any")
        super().__init__(definition, definition.context(mode.device(), mode.seed, layer_paths=layer_paths()))

    def share_weights(self, net: Net) -> None:
        """Let another net's params be the training net's memory, layer by name."""
        net.share_with(self.net)

    @property
    def param(self) -> Options:
        """What the solver file says: ``solver.param.max_iter``."""
        return self.options


class SGDSolver(Solver):
    """Stochastic gradient descent with momentum."""

    type = "SGD"


class NesterovSolver(Solver):
    """Nesterov's accelerated gradient."""

    type = "Nesterov"


class AdaGradSolver(Solver):
    """AdaGrad."""

    type = "AdaGrad"


class RMSPropSolver(Solver):
    """RMSProp."""

    type = "RMSProp"


class AdaDeltaSolver(Solver):
    """AdaDelta."""

    type = "AdaDelta"


class AdamSolver(Solver):
    """Adam."""

    type = "Adam"


_CLASSES: dict[str | None, Any] = {
    cls.type: cls for cls in (SGDSolver, NesterovSolver, AdaGradSolver, RMSPropSolver, AdaDeltaSolver, AdamSolver)
}


def get_solver(path: str | os.PathLike[str]) -> Solver:
    """The solver of a solver file, of the class for its type."""
    return _CLASSES[load_solver(path).type](path)
