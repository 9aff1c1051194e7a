"""pycaffe's names on pysketch: ``import pysketch.caffe as caffe`` runs common pycaffe scripts unchanged.

Here are `Net`, the solvers, `get_solver`, `Layer` for Python layers, `io`, `proto.caffe_pb2`, and `NetSpec` with
`layers` and `params`. A Python layer's ``import caffe`` finds this module too, unless a real one is installed. A netdef
may import Python layers from the folder of the script that runs (sys.path[0]) and from nowhere else.

The device is the CPU until set_mode_gpu; then `blob.data` and `blob.diff` are CuPy arrays.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pysketch.net
import pysketch.solver
from pysketch import io
from pysketch.backend import CPU, Device, choose_device
from pysketch.caffe import proto
from pysketch.caffe.net_spec import NetSpec, layers, params, to_proto
from pysketch.caffe_layer import TEST, TRAIN, BlobVec, Layer
from pysketch.netdef import Phase
from pysketch.solver_def import load_solver

__version__ = "1.0.0"
__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "BlobVec",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "get_solver",
    "io",
    "layers",
    "params",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
    "to_proto",
]

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


class Net(pysketch.net.Net):
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
        super().__init__(network_file, Phase(phase), weights=weights, device=_device(), **_options(), **options)


def get_solver(path: str | os.PathLike[str]) -> pysketch.solver.Solver:
    """The solver of a solver file, on the device that set_mode_cpu and set_mode_gpu chose."""
    return pysketch.solver.Solver(load_solver(path), device=_device(), **_options(seed=None))


def _of_type(name: str) -> Any:
    def make(path: str | os.PathLike[str]) -> pysketch.solver.Solver:
        definition = load_solver(path)
        if definition.type != name:
            raise ValueError(f"{path}: a solver of type {definition.type}, not {name}; get_solver takes any")
        return get_solver(path)

    make.__name__ = f"{name}Solver"
    make.__doc__ = f"The solver of a solver file of type {name}; ValueError for another type."
    return make


SGDSolver, NesterovSolver, AdaGradSolver = _of_type("SGD"), _of_type("Nesterov"), _of_type("AdaGrad")
RMSPropSolver, AdaDeltaSolver, AdamSolver = _of_type("RMSProp"), _of_type("AdaDelta"), _of_type("Adam")


def _device() -> Device:
    return choose_device("gpu", _mode["device"]) if _mode["gpu"] else CPU


def _options(**otherwise: Any) -> dict[str, Any]:
    """The seed, if one was set, and where Python layers may be imported from."""
    seed = {"seed": _mode["seed"]} if _mode["seed"] is not None else otherwise
    return {**seed, "layer_paths": [sys.path[0] or os.getcwd()]}
