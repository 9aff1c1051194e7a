"""Where and how to work: one object, made once by whoever starts the work, handed to nets, solvers and layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from pysketch.device import CPU, Device, Workers
from pysketch.parallel import ALONE, Communicator


@dataclass(frozen=True)
class Context:
    """Where and how nets and their layers work; those that are given the same one share its workers.

    device: where arrays are made. dtype: float32 for work, float64 for gradient checks. seed: of fillers, data order
    and whatever else is drawn by chance; the same seed gives the same net. workers: the threads and the workspace that
    layers work with; default: all cores, 64 MiB. data_source: what the command line's --data says; it wins over a data
    layer's own `source`. layer_paths: folders from which the user lets Python layers be imported. output_dir: the
    folder in which the user lets layers write files; None: nowhere. folders: where relative paths in netdefs are looked
    for too, if they are not in the working directory: the solver file's own, and the netdef's comes last.
    communicator: the processes that train together; default: this one alone.
    """

    device: Device = CPU
    dtype: type = np.float32
    seed: int = 0
    workers: Workers = field(default_factory=Workers)
    data_source: str | None = None
    layer_paths: Sequence[str] = ()
    output_dir: str | None = None
    folders: Sequence[str] = ()
    communicator: Communicator = ALONE

    @property
    def xp(self) -> ModuleType:
        """The device's array module; on a GPU it becomes the current one."""
        return self.device.xp
