"""Several processes that work as one: on one machine or many, started by mpirun.

A `Communicator` is all that the rooms above know of it: a rank, a size, and exchanges of arrays that every process
makes in the same order. Without mpirun it is `ALONE`, which does nothing, and no library is imported. Sums are made in
rank order, so that a training with the same number of processes is the same to the bit every time.

Start reading at `communicator`; `mpi` carries the bytes between processes, `nccl` those between GPUs, `start` says
whether there are others.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "communicator": ["ALONE", "SMALL", "Communicator", "Message"],
        "launch": ["OVERSUBSCRIBED", "find_mpirun"],
        "nccl": ["between_devices"],
        "start": ["communicator", "joined", "own_threads"],
    },
)
