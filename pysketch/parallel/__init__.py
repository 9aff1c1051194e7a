"""Several processes that work as one: on one machine or many, started by mpirun.

A `Communicator` is all that the rooms above know of it: a rank, a size, and exchanges of arrays that every process
makes in the same order. Without mpirun it is `ALONE`, which does nothing, and no library is imported. Sums are made in
rank order, so that a training with the same number of processes is the same to the bit every time.

Start reading at `communicator`; `mpi` carries the bytes between processes, `nccl` those between GPUs, `start` says
whether there are others.
"""

from pysketch.parallel.communicator import ALONE, SMALL, Communicator, Message
from pysketch.parallel.launch import OVERSUBSCRIBED, find_mpirun
from pysketch.parallel.nccl import between_devices
from pysketch.parallel.start import communicator, joined, own_threads

__all__ = [
    "ALONE",
    "OVERSUBSCRIBED",
    "SMALL",
    "Communicator",
    "Message",
    "between_devices",
    "communicator",
    "find_mpirun",
    "joined",
    "own_threads",
]
