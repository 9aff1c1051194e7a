"""pycaffe's mode: where nets and solvers that are made from now on work, and from which folders code may come."""

from __future__ import annotations

import logging
import os
import sys
import time
from dataclasses import dataclass

from pysketch.device import CPU, Device, choose_device
from pysketch.doors import FIRST_PATH
from pysketch.layers import LAYERS, Context
from pysketch.netdef import Phase
from pysketch.solver import CaffeFormatter

TRAIN, TEST = Phase.TRAIN, Phase.TEST


@dataclass
class Mode:
    """gpu: whether the GPU of this index works; seed: of what is drawn by chance."""

    gpu: bool = False
    index: int = 0
    seed: int | None = None

    def device(self) -> Device:
        """The device; DeviceError if it cannot be used."""
        return choose_device("gpu", self.index) if self.gpu else CPU

    def context(self) -> Context:
        """Where and how a net works."""
        return Context(self.device(), seed=self.seed or 0, layer_paths=layer_paths())


mode = Mode()
"""What the functions below set."""


def set_mode_cpu() -> None:
    """Nets and solvers made from now on work on the CPU."""
    mode.gpu = False


def set_mode_gpu() -> None:
    """Nets and solvers made from now on work on the GPU of set_device; DeviceError if it cannot be used."""
    mode.gpu = True
    mode.device()


def set_device(index: int) -> None:
    """Which GPU set_mode_gpu means."""
    mode.index = int(index)


def set_random_seed(seed: int) -> None:
    """The seed of fillers, data order and Dropout of nets made from now on."""
    mode.seed = int(seed)


def layer_paths() -> list[str]:
    """Where Python layers may be imported from: the folders that the user's own script stands for.

    The folder of the script that runs (in a notebook the working directory), the first of sys.path, and what the
    script has put into sys.path since it imported pysketch.
    """
    main = sys.modules["__main__"]
    script = getattr(main, "__file__", None) if main.__spec__ is None else None  # else it is python -m
    folder = os.path.dirname(os.path.abspath(script)) if script else sys.path[0]
    added = [path for path in sys.path if path not in FIRST_PATH]
    return list(dict.fromkeys(path or os.getcwd() for path in (sys.path[0], folder, *added)))


def layer_type_list() -> list[str]:
    """The types that a netdef's layers may have."""
    return sorted(LAYERS)


def has_nccl() -> bool:
    """False: one process, one device."""
    return False


def solver_count() -> int:
    """How many solvers share the work: 1."""
    return 1


def solver_rank() -> int:
    """Which of them this is: 0."""
    return 0


def set_solver_count(count: int) -> None:
    """Accepts 1; ValueError for more."""
    if count != 1:
        raise ValueError(f"several solvers that share the work are not supported, found {count}")


def set_solver_rank(rank: int) -> None:
    """Accepts 0; ValueError for another."""
    if rank != 0:
        raise ValueError(f"several solvers that share the work are not supported, found rank {rank}")


def set_multiprocess(several: bool) -> None:
    """Accepts False; ValueError for True."""
    if several:
        raise ValueError("several processes that share the work are not supported")


def init_log(level: int = 0, stderr: bool = True) -> None:
    """Write Caffe's log lines to stderr: from this level on, 0 all, 1 warnings, 2 errors. stderr False: nowhere new."""
    logger = logging.getLogger("pysketch")
    logger.setLevel((logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)[min(max(level, 0), 3)])
    if stderr and not any(isinstance(handler.formatter, CaffeFormatter) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(CaffeFormatter())
        logger.addHandler(handler)


def log(text: str) -> None:
    """A line of one's own in the log."""
    logging.getLogger("pysketch.caffe").info("%s", text)


class Timer:
    """Measures how long it takes from start() to stop(), in milliseconds (`ms`)."""

    def __init__(self) -> None:
        self.ms = 0.0
        self._started = 0.0

    def start(self) -> None:
        """Begin."""
        self._started = time.perf_counter()

    def stop(self) -> None:
        """Look at the clock."""
        self.ms = 1000 * (time.perf_counter() - self._started)
