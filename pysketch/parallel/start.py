"""Whether this process works alone or with others."""

from __future__ import annotations

import os

from pysketch.parallel.communicator import ALONE, Communicator
from pysketch.parallel.mpi import join_world
from pysketch.parallel.started import Place, started_size

_joined: list[Communicator] = []


def communicator() -> Communicator:
    """The processes that an mpirun has started together with this one; `ALONE` without one.

    Always the same object. ParallelError if they cannot work together.
    """
    if not _joined:
        size = started_size(os.environ)
        _joined.append(join_world(size) if size > 1 else ALONE)
    return _joined[0]


def joined() -> Communicator:
    """What `communicator` has given; `ALONE` if it was not asked yet, or could not."""
    return _joined[0] if _joined else ALONE


def leave(everybody: bool) -> None:
    """From here on this process is alone, as far as it and `joined` know; everybody: whether all can end together."""
    joined().leave(everybody)
    _joined[:] = [ALONE]


def work_at(place: Place) -> None:
    """This process works alone at this place: `joined` says which one of its machine it is."""
    alone = Communicator()
    alone.local_rank = place.number
    _joined[:] = [alone]


def own_threads(communicator: Communicator) -> int | None:
    """How many threads a process has cores for, if it shares them with the others there; None: alone, all of them.

    An mpirun may have bound each process to cores of its own, or have let them all have all.
    """
    if communicator.size == 1:
        return None
    import platform  # for several processes alone

    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]
    place = f"{platform.node()} {allowed}"
    return max(1, len(allowed) // communicator.gather_texts(place).count(place))
