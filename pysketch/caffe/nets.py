"""pycaffe's nets and solvers, and the mode that says where those made from now on work."""

from __future__ import annotations

import os
import sys
from typing import Any

from pysketch.device import CPU, Device, choose_device
from pysketch.layers import Context
from pysketch.net import Net as OurNet
from pysketch.netdef import Phase
from pysketch.solver import Solver, load_solver

_mode: dict[str, Any] = {"gpu": False, "device": 0, "seed": None}


def set_mode_cpu() -> None:
    """Nets and solvers made from now on work on the CPU."""
    _mode["gpu"] = False


def set_mode_gpu() -> None:
    """Nets and solvers made from now on work on the GPU of set_device; DeviceError if it cannot be used."""
    _mode["gpu"] = True
    _device()


def set_device(index: int) -> None:
    """Which GPU set_mode_gpu means."""
    _mode["device"] = int(index)


def set_random_seed(seed: int) -> None:
    """The seed of fillers, data order and Dropout of nets made from now on."""
    _mode["seed"] = int(seed)


class Net(OurNet):
    """``Net(file, phase)``, ``Net(file, weights, phase)`` or ``Net(file, phase, weights=...)``; see pysketch.Net."""

    def __init__(self, network_file: str | os.PathLike[str], *arguments: Any, **options: Any) -> None:
        phase, weights = options.pop("phase", None), options.pop("weights", None)
        for argument in arguments:
            if isinstance(argument, int):
                phase = argument
            else:
                weights = argument
        if phase is None:
            raise TypeError("a net needs a phase: caffe.TRAIN or caffe.TEST")
        super().__init__(network_file, Phase(phase), _context(), weights=weights, **options)


def get_solver(path: str | os.PathLike[str]) -> Solver:
    """The solver of a solver file, on the device that set_mode_cpu and set_mode_gpu chose."""
    definition = load_solver(path)
    return Solver(definition, definition.context(_device(), _mode["seed"], layer_paths=_layer_paths()))


def _of_type(name: str) -> Any:
    def make(path: str | os.PathLike[str]) -> Solver:
        found = load_solver(path).type
        if found != name:
            raise ValueError(f"{path}: a solver of type {found}, not {name}; get_solver takes any")
        return get_solver(path)

    make.__name__ = f"{name}Solver"
    make.__doc__ = f"The solver of a solver file of type {name}; ValueError for another type."
    return make


SGDSolver, NesterovSolver, AdaGradSolver = _of_type("SGD"), _of_type("Nesterov"), _of_type("AdaGrad")
RMSPropSolver, AdaDeltaSolver, AdamSolver = _of_type("RMSProp"), _of_type("AdaDelta"), _of_type("Adam")


def _device() -> Device:
    return choose_device("gpu", _mode["device"]) if _mode["gpu"] else CPU


def _context() -> Context:
    return Context(_device(), seed=_mode["seed"] or 0, layer_paths=_layer_paths())


def _layer_paths() -> list[str]:
    """Where Python layers may be imported from: the folder of the script that runs."""
    return [sys.path[0] or os.getcwd()]
