"""NCCL's calls, against a double that records them and carries them out between threads."""

from __future__ import annotations

import ctypes
import threading
import types

import numpy as np
import pytest
from ranks import run_ranks

from pysketch.device.backend import CPU, Device
from pysketch.errors import ParallelError
from pysketch.parallel import nccl
from pysketch.parallel.communicator import ALONE, SMALL


class Double:
    """CuPy's module `nccl` for one of several threads: a group's sends are in `mail` before anyone receives.

    names: what unique ids are made of: signed numbers, as in CuPy 13, or bytes, as in later ones.
    """

    NCCL_UINT8 = "bytes"

    def __init__(self, size, names):
        self.barrier, self.mail, self.names, self.threads = threading.Barrier(size, timeout=60), {}, names, {}

    def of(self, rank):
        """What the thread of this rank imports."""
        module, group = types.SimpleNamespace(NCCL_UINT8=self.NCCL_UINT8, calls=[]), []

        class NcclCommunicator:
            def __init__(inner, size, name, me):
                assert me == rank
                inner.name = name
                module.calls.append(("join", size, name))

            def send(inner, *call):
                group.append(("send", inner.name, *call))

            def recv(inner, *call):
                group.append(("recv", inner.name, *call))

        def end():
            module.calls.append(("group", list(group)))
            for kind, name, address, count, _, peer, _ in group:
                if kind == "send":
                    self.mail[name, rank, peer] = ctypes.string_at(address, count)
            self.barrier.wait()
            for kind, name, address, count, _, peer, _ in group:
                if kind == "recv":
                    data = self.mail[name, peer, rank]
                    assert len(data) == count
                    ctypes.memmove(address, data, count)
            group.clear()
            self.barrier.wait()

        module.NcclCommunicator, module.groupStart, module.groupEnd = NcclCommunicator, group.clear, end
        ids = iter(self.names)
        module.get_unique_id = lambda: next(ids)
        return module


class Stream:
    """A CUDA stream whose calls are noted."""

    def __init__(self, events, name):
        self.events, self.name, self.ptr = events, name, name

    def record(self):
        self.events.append(f"{self.name} records")
        return f"event of {self.name}"

    def wait_event(self, event):
        self.events.append(f"{self.name} waits for {event}")

    def __enter__(self):
        self.events.append(f"on {self.name}")
        current.stream = self

    def __exit__(self, *error):
        current.stream = None


current = threading.local()


class OnHost(nccl.NcclCommunicator):
    """Takes arrays of floats for arrays on a GPU."""

    def _is_on_host(self, array):
        return array.dtype.kind != "f"

    def _address(self, array):
        return array.ctypes.data

    def _current_stream(self):
        return (getattr(current, "stream", None) or types.SimpleNamespace(ptr="main")).ptr


def join(together, double):
    """The communicator of a thread, its module, and what its streams were told."""
    events, module = [], double.of(together.rank)
    cuda = types.SimpleNamespace(
        Stream=lambda non_blocking: Stream(events, "other"), get_current_stream=lambda: Stream(events, "main")
    )
    device = types.SimpleNamespace(xp=types.SimpleNamespace(cuda=cuda))
    return OnHost(together, module, device), module, events


SIGNED = [tuple(range(-64, 64)), tuple(range(127, -1, -1))]
BYTES = [bytes(range(128)), bytes(range(128, 256))]


@pytest.mark.parametrize("names", [SIGNED, BYTES])
@pytest.mark.parametrize("count", [1, SMALL + 3])
def test_sums_and_gathered_arrays_are_those_of_the_host(names, count):
    double = Double(3, names)

    def work(together):
        communicator, module, _ = join(together, double)
        array = np.full(count, [1e16, 1.0, -1e16][together.rank])
        communicator.all_reduce(array)
        first = np.full(2, together.rank + 1.5)
        communicator.broadcast(first)
        whole = communicator.all_gather(np.full((1, 2), together.rank, np.float32))
        return array, first.tolist(), whole[:, 1].tolist(), communicator.gather_texts("x"), module.calls[0]

    for array, first, whole, texts, joined in run_ranks(3, work):
        assert (array == 0).all()
        assert (first, whole, texts) == ([1.5, 1.5], [0, 1, 2], ["x"] * 3)
        assert joined == ("join", 3, names[0])


def test_a_large_sum_is_two_groups_of_sends_and_receives():
    double = Double(2, SIGNED)

    def work(together):
        communicator, module, _ = join(together, double)
        communicator.all_reduce(np.ones(SMALL + 2, np.float32))
        return module.calls[1:]

    half = (SMALL + 2) // 2 * 4
    for rank, calls in enumerate(run_ranks(2, work)):
        assert [name for name, _ in calls] == ["group", "group"]
        for _, group in calls:
            found = [(kind, count, unit, peer, stream) for kind, _, _, count, unit, peer, stream in group]
            assert found == [(kind, half, "bytes", 1 - rank, "main") for kind in ("send", "recv")]


def test_a_sum_behind_the_callers_back_has_a_stream_and_a_communicator_of_its_own():
    double = Double(2, SIGNED)

    def work(together):
        communicator, module, events = join(together, double)
        array = np.full(5, together.rank + 1.0)
        communicator.begin_all_reduce(array)
        communicator.finish()
        names = {name for _, group in module.calls[2:] for _, name, *_ in group}
        streams = {stream for _, group in module.calls[2:] for *_, stream in group}
        communicator.all_reduce(array)
        return array.tolist(), names, streams, {name for _, name, *_ in module.calls[-1][1]}, events

    for values, names, streams, after, events in run_ranks(2, work):
        assert values == [6.0] * 5
        assert (names, streams, after) == ({SIGNED[1]}, {"other"}, {SIGNED[0]})
        assert events == [
            "main records",
            "other waits for event of main",
            "on other",
            "other records",
            "main waits for event of other",
        ]


def test_a_failure_ends_all_as_the_hosts_do_it():
    class Host(types.SimpleNamespace):
        rank, size, local_rank, local_size = 0, 1, 0, 1

        def broadcast(self, array):
            pass

    ended = []
    communicator, *_ = join(Host(abort=ended.append), Double(1, SIGNED))
    communicator.abort(2)
    assert ended == [2]


def test_alone_and_on_cpus_nothing_changes():
    gpu = Device("gpu", 1)
    assert nccl.between_devices(ALONE, gpu) is ALONE
    assert run_ranks(2, lambda together: nccl.between_devices(together, CPU) is together) == [True, True]


def test_a_cupy_without_nccl_goes_by_way_of_the_hosts_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(nccl, "nccl_of", lambda device: None)
    with caplog.at_level("INFO"):
        assert run_ranks(2, lambda together: nccl.between_devices(together, Device("gpu")) is together) == [True, True]
    assert "This CuPy has no NCCL" in caplog.text


def test_two_processes_on_one_gpu_are_refused(monkeypatch):
    monkeypatch.setattr(nccl, "nccl_of", lambda device: Double(2, SIGNED))
    with pytest.raises(ParallelError, match=r"^2 processes have gpu:1 of .*; without a number each takes its own GPU$"):
        run_ranks(2, lambda together: nccl.between_devices(together, Device("gpu", 1)))


def test_each_with_a_gpu_of_its_own_gets_nccl(monkeypatch):
    double = Double(2, BYTES)
    monkeypatch.setattr(nccl, "nccl_of", lambda device: double.of(device.index))
    found = run_ranks(2, lambda together: nccl.between_devices(together, Device("gpu", together.rank)))
    assert [type(each) for each in found] == [nccl.NcclCommunicator] * 2
