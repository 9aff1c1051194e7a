"""What the environment says of how this process was started: by an mpirun, to work for a parent, or alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

PLACE = "PYSKETCH_WORKER"
"""The environment variable that has the place of a working process, in JSON."""


class Place(NamedTuple):
    """What a working process has of its machine: how many threads, and which number it is among those there."""

    threads: int
    number: int


def place(environment: Mapping[str, str]) -> Place | None:
    """The place of this process if it was started to work, else None."""
    found = environment.get(PLACE)
    return Place(*json.loads(found)) if found else None


def started_size(environment: Mapping[str, str]) -> int:
    """How many processes the mpirun, or the srun, that started this one started; 1 without any.

    Asked of the variables that Open MPI, MPICH (and what is derived from it: Intel MPI, MVAPICH) and Slurm set.
    """
    names = ["OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "PMI_SIZE"]
    if "PMIX_RANK" in environment or "PMI_RANK" in environment:
        names.append("SLURM_STEP_NUM_TASKS")  # a batch script has tasks, too, and is none
    sizes = (environment.get(name, "") for name in names)
    return next((int(size) for size in sizes if size.isdigit()), 1)
