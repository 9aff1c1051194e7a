"""Several processes that work as one: on one machine or many, started by mpirun.

A `Communicator` is all that the rooms above know of it: a rank, a size, and exchanges of arrays that every process
makes in the same order. Without mpirun it is `ALONE`, which does nothing, and no library is imported. Sums are made in
rank order, so that a training with the same number of processes is the same to the bit every time.

Jobs that have nothing to do with each other, such as photos to draw, are handed out one by one to whoever is free:
`Hands`, with an mpirun or without, in working processes that may be killed.

Start reading at `communicator`; `mpi` carries the bytes between processes, `nccl` those between GPUs, `start` says
whether there are others, `started` how this process came to be, `launch` finds the mpirun. Of handing out,
at `handout`, then `worker`; `supervisor` stands between ranks, `wire` makes bytes of jobs.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "communicator": ["ALONE", "SMALL", "Communicator", "Message"],
        "handout": ["Hands", "Lost"],
        "launch": ["OVERSUBSCRIBED", "find_mpirun"],
        "nccl": ["between_devices"],
        "start": ["communicator", "joined", "leave", "own_threads", "work_at"],
        "started": ["Place", "place", "started_size"],
        "supervisor": ["supervise"],
        "worker": ["Work", "serve"],
    },
)
