"""When there are several processes; what is said where MPI is missing or another one; that one failure ends all."""

import os
import signal
import sys
import types

import numpy as np
import pytest

from pysketch.errors import ParallelError
from pysketch.parallel import mpi


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
        Finalize=lambda: aborted.append("finalized"),
        Exception=LookupError,
        Status=lambda: types.SimpleNamespace(),
        ANY_SOURCE=-2,
        BYTE="byte",
    )
    monkeypatch.setitem(sys.modules, "mpi4py", types.SimpleNamespace(MPI=library, rc=types.SimpleNamespace()))
    monkeypatch.setattr(mpi.atexit, "register", lambda call: None)
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
    sys.modules["mpi4py"].rc = types.SimpleNamespace()
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

    world = type(communicator._world)
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


def test_the_end_is_mpi_finalize_unless_somebody_is_lost(monkeypatch):
    for everybody, expected in ((True, ["finalized"]), (False, [])):
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        done = fake(monkeypatch, 3)
        communicator = mpi.join_world(3)
        assert sys.modules["mpi4py"].rc.finalize is False
        assert sys.excepthook is not sys.__excepthook__
        communicator.leave(everybody)
        assert sys.excepthook is sys.__excepthook__
        communicator.finalize()
        assert done == expected


class Post:
    """The mail of a world of three, to and from rank 1; what is sent to one that is dead is an error."""

    def __init__(self, monkeypatch):
        fake(monkeypatch, 3)
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        self.communicator, self.dead, self.sent, self.mail, self.open = mpi.join_world(3), set(), [], [], set()
        world = type(self.communicator._world)
        world.Isend = lambda _, buffer, rank, tag: self.request(rank, self.sent.append((rank, bytes(buffer[0]), tag)))
        world.Improbe = lambda _, source, tag, status: self.probe(source, status)
        world.Iprobe = lambda _, source, tag: self.check(source)

    def check(self, rank):
        if rank in self.dead or (rank < 0 and self.dead):
            raise LookupError("MPI_ERR_PROC_FAILED")

    def request(self, rank, _=None):
        self.check(rank)
        return types.SimpleNamespace(Test=lambda: self.check(rank) or rank not in self.open)

    def probe(self, source, status):
        self.check(source)
        found = next((each for each in self.mail if source in (each[0], -2)), None)
        if found is None:
            return None
        self.mail.remove(found)
        rank, content = found
        status.Get_source, status.Get_count = lambda: rank, lambda kind: len(content)

        def receive(buffer):
            buffer[0][:] = content
            return self.request(rank)

        return types.SimpleNamespace(Irecv=receive)


def test_what_is_posted_arrives_in_order_when_it_is_whole(monkeypatch):
    post = Post(monkeypatch)
    one = post.communicator
    one.post(0, b"hello")
    assert post.sent == [(0, b"hello", mpi.MAIL)]
    assert one.posted()
    post.mail = [(2, b"large"), (0, b"a"), (2, b"later")]
    post.open = {2}
    assert one.arrived() == [(0, b"a")]
    post.open = set()
    assert one.arrived() == [(2, b"large"), (2, b"later")]
    assert one.arrived() == []
    post.open = {0}
    one.post(0, b"slow")
    assert not one.posted()


def test_one_that_mpi_says_is_dead_is_lost_and_the_others_are_heard(monkeypatch):
    post = Post(monkeypatch)
    one = post.communicator
    one.post(0, b"to be lost")
    post.open, post.dead, post.mail = {0}, {0}, [(2, b"alive")]
    assert one.arrived() == []
    assert one.lost == {0}
    assert one.arrived() == [(2, b"alive")]
    assert one.posted()
    sent = len(post.sent)
    one.post(0, b"nothing")
    assert len(post.sent) == sent
