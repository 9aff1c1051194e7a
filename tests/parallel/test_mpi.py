"""When there are several processes; what is said where MPI is missing or another one; that one failure ends all."""

import os
import signal
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


def test_mpirun_has_time_to_pass_on_the_last_words_and_to_end_a_process_whose_mpi_abort_returns(monkeypatch, capsys):
    def kill(process, number):
        killed.append((process, number))
        raise KeyboardInterrupt

    fake(monkeypatch, 3)
    communicator, aborted, waited, killed = mpi.join_world(3), [], [], []
    monkeypatch.setattr(type(communicator._world), "Abort", lambda self, status: aborted.append((status, *waited)))
    monkeypatch.setattr(mpi.time, "sleep", waited.append)
    monkeypatch.setattr(mpi.os, "kill", kill)
    with pytest.raises(KeyboardInterrupt):
        communicator.abort(2)
    assert aborted == [(2, mpi.HEARD)]
    assert waited == [mpi.HEARD, mpi.LAST]
    assert killed == [(os.getpid(), signal.SIGKILL)]
    assert capsys.readouterr() == ("", "")


def test_bytes_are_sent_as_they_lie_and_waited_for_without_blocking(monkeypatch):
    fake(monkeypatch, 3)
    communicator, calls, looks = mpi.join_world(3), [], []

    def testall(requests):
        looks.append(requests)
        return len(looks) == 3

    world, communicator._mpi.BYTE = type(communicator._world), "byte"
    communicator._mpi.Request = types.SimpleNamespace(Testall=testall)
    for name in ("Irecv", "Isend"):
        setattr(world, name, lambda self, buffer, rank, name=name: calls.append((name, buffer, rank)) or name)
    flat = np.arange(7.0)
    communicator.exchange([(0, flat[:2])], [(2, flat[4:])])
    assert looks == [["Irecv", "Isend"]] * 3
    assert [(name, rank, buffer[0].nbytes, buffer[1]) for name, buffer, rank in calls] == [
        ("Irecv", 2, 24, "byte"),
        ("Isend", 0, 16, "byte"),
    ]
    assert all(np.shares_memory(buffer[0], flat) for _, buffer, _ in calls)
    assert communicator.seconds > 0


def test_an_exchange_is_looked_at_without_a_pause_at_first_and_then_ever_less(monkeypatch):
    fake(monkeypatch, 3)
    communicator, looks, pauses = mpi.join_world(3), [], []
    world, communicator._mpi.BYTE = type(communicator._world), "byte"
    world.Irecv = world.Isend = lambda self, buffer, rank: "request"
    communicator._mpi.Request = types.SimpleNamespace(Testall=lambda requests: looks.append(1) or len(looks) == 10)
    monkeypatch.setattr(mpi, "YIELDS", 4)
    monkeypatch.setattr(mpi, "SPINS", 7)
    monkeypatch.setattr(mpi, "_let_others_run", lambda: pauses.append("none"))
    monkeypatch.setattr(mpi.time, "sleep", pauses.append)
    communicator.exchange([(0, np.zeros(1))], [(0, np.zeros(1))])
    assert pauses == ["none"] * 3 + [0] * 3 + [mpi.PAUSE] * 3


def test_others_run_where_the_system_has_no_way_to_yield(monkeypatch):
    pauses = []
    monkeypatch.delattr(mpi.os, "sched_yield", raising=False)
    monkeypatch.setattr(mpi.time, "sleep", pauses.append)
    mpi._let_others_run()
    assert pauses == [0]
