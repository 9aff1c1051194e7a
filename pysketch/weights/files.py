"""Weights and solver states in whatever format: HDF5 or Caffe's binary one, told by what a file begins with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from pysketch.errors import SnapshotError
from pysketch.weights.snapshot import SolverState, WeightsFile, read_state, write_state

if TYPE_CHECKING:
    from pysketch.weights.caffemodel import CaffemodelFile

_HDF5 = b"\x89HDF\r\n\x1a\n"

SUFFIXES = {"HDF5": ".h5", "BINARYPROTO": ""}
"""What follows .caffemodel and .solverstate in each snapshot_format."""


WeightsReader: TypeAlias = "WeightsFile | CaffemodelFile"
"""A weights file that is open for reading."""


def open_weights(path: str | os.PathLike[str]) -> WeightsReader:
    """A weights file open for reading, to be used in a with statement; SnapshotError if it is none."""
    return WeightsFile(path) if is_hdf5(path) else _binary().CaffemodelFile(path)


def check_weights(path: str | os.PathLike[str]) -> None:
    """SnapshotError for what is no weights file, before what takes long has begun."""
    with open_weights(path):
        pass


def read_solver_state(path: str | os.PathLike[str], shapes: Sequence[tuple[int, ...]] | None) -> SolverState:
    """A solver state whose history must have these shapes; None: without its history. SnapshotError if it is none."""
    return (read_state if is_hdf5(path) else _binary().read_binary_state)(path, shapes)


def write_solver_state(path: str | os.PathLike[str], state: SolverState) -> None:
    """Write a solver state: HDF5 if the path ends in .h5, else Caffe's binary format."""
    (write_state if os.fspath(path).endswith(".h5") else _binary().write_binary_state)(path, state)


def read_attributes(path: str | os.PathLike[str]) -> dict[str, str]:
    """The texts that pysketch keeps in a weights file, such as a net file's `netdef`."""
    with open_weights(path) as file:
        return file.attributes


def _binary() -> ModuleType:
    """What knows Caffe's binary format, with protobuf, for which files in HDF5 need not wait."""
    from pysketch.weights import caffemodel

    return caffemodel


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """Does the file begin as HDF5 does, or, if it is empty or says so, should it? SnapshotError if there is none."""
    try:
        with Path(path).open("rb") as stream:
            start = stream.read(len(_HDF5))
    except FileNotFoundError:
        raise SnapshotError(f"{path}: no such file") from None
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be read: {error.strerror}") from None
    return start == _HDF5 or os.fspath(path).endswith(".h5")
