"""MPI carries the bytes. The only module that imports mpi4py, and only where an mpirun started several processes."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType, TracebackType
from typing import Any, NoReturn

import numpy as np

from pysketch.device import Array
from pysketch.errors import ParallelError
from pysketch.parallel.communicator import Communicator, Message
from pysketch.shipped import how_to_install

FAILED = 1
"""The exit status of a process that ends with a traceback."""

PATIENCE = 60.0
"""Seconds that the other processes may take until they begin to work together."""

YIELDS = 300
"""How often an exchange is looked at without a pause, letting others run in between; a look brings about a message."""
SPINS = 2000
"""After how many looks, with the shortest sleep between those that are left, they are `PAUSE` seconds apart."""
PAUSE = 1e-4

HEARD = 0.25
"""Seconds that mpirun has to pass on what was written last, before it is told to end all; what it has not is lost."""
LAST = 10.0
"""Seconds that mpirun may take to end the process that told it to end all."""


def started_size(environment: Mapping[str, str]) -> int:
    """How many processes the mpirun, or the srun, that started this one started; 1 without any.

    Asked of the variables that Open MPI, MPICH (and what is derived from it: Intel MPI, MVAPICH) and Slurm set.
    """
    names = ["OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "PMI_SIZE"]
    if "PMIX_RANK" in environment or "PMI_RANK" in environment:
        names.append("SLURM_STEP_NUM_TASKS")  # a batch script has tasks, too, and is none
    sizes = (environment.get(name, "") for name in names)
    return next((int(size) for size in sizes if size.isdigit()), 1)


class MpiCommunicator(Communicator):
    """The processes of MPI's world. Buffers are sent as they lie in memory; nothing is pickled.

    No call blocks inside MPI: an exchange is begun, then looked at again and again, so that signals are answered, and
    that a process that waits leaves its core to one that computes. `begin_all_reduce` hands its array to a thread,
    which has a communicator of its own; where MPI does not let threads call it, the sum is made at once.
    `seconds`: how long the caller has waited in all exchanges.
    """

    def __init__(self, mpi: ModuleType, world: Any) -> None:
        self._mpi = mpi
        self._world = world
        self._exchanges = world.Dup()
        self.rank, self.size = world.Get_rank(), world.Get_size()
        local = world.Split_type(mpi.COMM_TYPE_SHARED)
        self.local_rank, self.local_size = local.Get_rank(), local.Get_size()
        self.seconds = 0.0
        self.overlaps = mpi.Query_thread() == mpi.THREAD_MULTIPLE
        self._behind: MpiCommunicator | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._begun: list[Future[None]] = []

    def exchange(self, sends: list[Message], receives: list[Message]) -> None:
        """MPI_Irecv and MPI_Isend: on MPICH up to eight times as fast as its collectives that do not block."""
        byte, begin = self._mpi.BYTE, self._exchanges
        start, spins = time.perf_counter(), 0
        requests = [begin.Irecv([array.view(np.uint8), byte], rank) for rank, array in receives]
        requests += [begin.Isend([array.view(np.uint8), byte], rank) for rank, array in sends]
        while not self._mpi.Request.Testall(requests):
            spins += 1
            if spins < YIELDS:
                _let_others_run()
            else:
                time.sleep(0 if spins < SPINS else PAUSE)
        self.seconds += time.perf_counter() - start

    def begin_all_reduce(self, array: Array) -> None:
        """In a thread, one array after the other."""
        if not self.overlaps or self._is_elsewhere(array):
            self.all_reduce(array)
            return
        if self._behind is None:
            self._behind = MpiCommunicator(self._mpi, self._world)
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="pysketch-exchange")
        self._begun.append(self._thread.submit(self._behind.all_reduce, array))

    def finish(self) -> None:
        """Wait for the thread."""
        start = time.perf_counter()
        begun, self._begun = self._begun, []
        for each in begun:
            each.result()
        self.seconds += time.perf_counter() - start

    def abort(self, status: int) -> NoReturn:
        """MPI_Abort, after `HEARD` seconds. On MPICH it may return: mpirun then ends this process, too, a moment later.

        One that mpirun has not ended within `LAST` seconds kills itself. Nothing more is said or raised.
        """
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # a stream that nobody reads any more
                stream.flush()
        time.sleep(HEARD)
        self._world.Abort(status)
        while True:
            time.sleep(LAST)
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows any but Ctrl-C's kills


def _let_others_run() -> None:
    """Without a pause; before Python 3.14 even a sleep of 0 s is one, of 50 us and more on Linux."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()
    else:
        time.sleep(0)


def join_world(size: int) -> MpiCommunicator:
    """Begin to work with those `size` processes, this one included, that mpirun has started.

    From here on a traceback that ends this process ends them all: the others would wait for ever. ParallelError if
    mpi4py or an MPI is not there, or is not the one whose mpirun was used.
    """
    started = f"this is one of {size} processes that an mpirun has started"
    try:
        with _ending_after(PATIENCE):
            from mpi4py import MPI  # waits for the others
    except ImportError as error:
        raise ParallelError(
            f"{started}, and mpi4py, by which they would work together, is not installed ({error}); "
            f"{how_to_install('mpi')}"
        ) from None
    except RuntimeError as error:
        message = " ".join(str(error).split())
        raise ParallelError(f"{started}, and mpi4py finds no MPI ({message}); {how_to_install('mpi')}") from None
    found = MPI.COMM_WORLD.Get_size()
    if found != size:
        library = MPI.Get_library_version().split(",")[0].split("\n")[0].strip()
        raise ParallelError(
            f"{started}, but the MPI of mpi4py ({library}) sees {found}: take the mpirun that belongs to it, "
            f"such as {os.path.join(os.path.dirname(sys.executable), 'mpirun')}"
        )
    communicator = MpiCommunicator(MPI, MPI.COMM_WORLD)
    sys.excepthook = _Hook(communicator)
    return communicator


@contextlib.contextmanager
def _ending_after(seconds: float) -> Iterator[None]:
    """If what is done inside takes longer, the process ends, with a traceback.

    MPI begins when all processes are there. One that has ended before, as a library is missing on its machine, would be
    waited for by the others for ever, in C, where nothing of Python's runs.
    """
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


class _Hook:
    """Ends all processes when one ends with a traceback."""

    def __init__(self, communicator: MpiCommunicator) -> None:
        self._communicator = communicator

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write("".join(traceback.format_exception(kind, error, trace)))
        sys.stderr.write(f"error: rank {self._communicator.rank} of {self._communicator.size} has failed\n")
        self._communicator.abort(FAILED)
