"""When there are several processes; what is said where MPI is missing or another one; that one failure ends all."""

import sys
import types

import numpy as np
import pytest

from pysketch.errors import ParallelError
from pysketch.parallel import mpi


@pytest.mark.parametrize(
    ("environment", "size"),
    [
        ({}, 1),
        ({"OMPI_COMM_WORLD_SIZE": "4"}, 4),
        ({"PMI_SIZE": "3", "PMI_RANK": "0"}, 3),
        ({"MV2_COMM_WORLD_SIZE": "2"}, 2),
        ({"SLURM_STEP_NUM_TASKS": "5", "PMIX_RANK": "1"}, 5),
        ({"SLURM_STEP_NUM_TASKS": "5", "SLURM_NTASKS": "5"}, 1),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, 1),
        ({"PMI_SIZE": ""}, 1),
    ],
)
def test_the_size_is_what_an_mpirun_says_and_a_batch_script_is_none(environment, size):
    assert mpi.started_size(environment) == size


def fake(monkeypatch, found):
    """An mpi4py whose world has so many processes."""

    class World:
        def Get_size(self):
            return found

        def Get_rank(self):
            return 1

        def Dup(self):
            return self

        def Split_type(self, kind):
            return self

        def Abort(self, status):
            aborted.append(status)
            raise KeyboardInterrupt

    aborted = []
    library = types.SimpleNamespace(
        COMM_WORLD=World(),
        COMM_TYPE_SHARED=1,
        THREAD_MULTIPLE=3,
        Query_thread=lambda: 3,
        Get_library_version=lambda: "Some MPI 4.2, built in May\nand more",
    )
    monkeypatch.setitem(sys.modules, "mpi4py", types.SimpleNamespace(MPI=library))
    return aborted


def test_without_mpi4py_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(
        ParallelError,
        match=r"^this is one of 3 processes that an mpirun has started, and mpi4py.*not installed.*\[mpi\]",
    ):
        mpi.join_world(3)


def test_without_an_mpi_too(monkeypatch):
    def missing(name):
        raise RuntimeError("cannot load\nMPI library")

    monkeypatch.setitem(sys.modules, "mpi4py", type(sys)("mpi4py"))
    monkeypatch.setattr(sys.modules["mpi4py"], "__getattr__", missing, raising=False)
    with pytest.raises(ParallelError, match=r"mpi4py finds no MPI \(cannot load MPI library\); .*\[mpi\]"):
        mpi.join_world(3)


def test_an_mpirun_of_another_mpi_is_found_out(monkeypatch):
    fake(monkeypatch, 1)
    with pytest.raises(
        ParallelError,
        match=r"^this is one of 3 processes .* \(Some MPI 4\.2\) sees 1: take the mpirun that belongs to it",
    ):
        mpi.join_world(3)


def test_a_traceback_of_one_ends_all(monkeypatch, capsys):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    aborted = fake(monkeypatch, 3)
    communicator = mpi.join_world(3)
    assert (communicator.rank, communicator.size) == (1, 3)
    try:
        raise ValueError("so wrong")
    except ValueError as error:
        with pytest.raises(KeyboardInterrupt):
            sys.excepthook(ValueError, error, error.__traceback__)
    assert aborted == [mpi.FAILED]
    told = capsys.readouterr().err
    assert "ValueError: so wrong" in told
    assert told.endswith("error: rank 1 of 3 has failed\n")


class Request:
    """Done at the third look."""

    def __init__(self):
        self.looks = 0

    def Test(self):
        self.looks += 1
        return self.looks == 3


def test_bytes_are_sent_as_they_lie_and_waited_for_without_blocking(monkeypatch):
    fake(monkeypatch, 3)
    communicator, calls = mpi.join_world(3), []
    world, library = communicator._world, communicator._mpi
    library.IN_PLACE, library.BYTE = "in place", "byte"
    type(world).Iallgatherv = lambda self, *arguments: calls.append(arguments) or Request()
    type(world).Ialltoallv = lambda self, *arguments: calls.append(arguments) or Request()
    flat = np.arange(7.0)
    communicator.fill(flat, [0, 2, 4, 7])
    (place, (buffer, *rest)) = calls.pop()
    assert (place, rest) == ("in place", [[16, 16, 24], [0, 16, 32], "byte"])
    assert np.shares_memory(buffer, flat)
    received = np.zeros((3, 2))
    communicator.swap(flat, [0, 2, 4, 7], received)
    (send, *sent), (target, *got) = calls.pop()
    assert (sent, got) == ([[16, 16, 24], [0, 16, 32], "byte"], [[16, 16, 16], [0, 16, 32], "byte"])
    assert np.shares_memory(send, flat)
    assert np.shares_memory(target, received)
    assert communicator.seconds > 0
