"""Several processes that work as one: on one machine or many, started by mpirun.

A `Communicator` is all that the rooms above know of it: a rank, a size, and exchanges of arrays that every process
makes in the same order. Without mpirun it is `ALONE`, which does nothing, and no library is imported. Sums are made in
rank order, so that a training with the same number of processes is the same to the bit every time.

Jobs that have nothing to do with each other, such as photos to draw, are handed out one by one to whoever is free:
`Hands`, with an mpirun or without, in working processes that may be killed.

Start reading at `communicator`; `mpi` carries the bytes between processes, `nccl` those between GPUs, `start` says
whether there are others. Of handing out, at `handout`, then `worker`; `supervisor` stands between ranks.
"""

from pysketch.parallel.communicator import ALONE, Communicator
from pysketch.parallel.handout import Hands, Lost
from pysketch.parallel.nccl import between_devices
from pysketch.parallel.start import communicator, joined, leave, own_threads, work_at
from pysketch.parallel.supervisor import supervise
from pysketch.parallel.worker import Place, place, serve

__all__ = [
    "ALONE",
    "Communicator",
    "Hands",
    "Lost",
    "Place",
    "between_devices",
    "communicator",
    "joined",
    "leave",
    "own_threads",
    "place",
    "serve",
    "supervise",
    "work_at",
]
