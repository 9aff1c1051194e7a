from types import SimpleNamespace

import pytest

from pysketch.benchmark.contender.clock import HostClock, clock_of, cupy_clock, torch_clock


class FakeEvent:
    """cupy.cuda.Event: notes in a log when it is recorded, and at which of the fake GPU's milliseconds."""

    def __init__(self, gpu):
        self.gpu = gpu

    def record(self):
        self.gpu.log.append("record")
        self.at = self.gpu.milliseconds


class FakeGpu:
    """cupy, whose GPU needs as many milliseconds for a piece of work as it is told."""

    def __init__(self):
        self.log, self.milliseconds = [], 7.0
        stream = SimpleNamespace(synchronize=lambda: self.log.append("wait"))
        self.cuda = SimpleNamespace(
            Event=lambda: FakeEvent(self),
            get_current_stream=lambda: stream,
            get_elapsed_time=lambda first, last: last.at - first.at,
        )

    def work(self, milliseconds):
        self.log.append("work")
        self.milliseconds += milliseconds


def test_a_gpus_events_stand_around_each_piece_of_work_and_nothing_waits_in_between():
    gpu = FakeGpu()
    times = cupy_clock(gpu).time([lambda: gpu.work(2.5), lambda: gpu.work(4.0)])
    assert [each.seconds for each in times] == pytest.approx([2.5e-3, 4e-3])
    assert gpu.log == ["wait", *["record", "work", "record"] * 2, "wait"]


def test_pytorchs_events_are_asked_for_times_and_tell_them_themselves():
    gpu, options = FakeGpu(), []

    class Event(FakeEvent):
        def __init__(self, **asked):
            super().__init__(gpu)
            options.append(asked)

        def elapsed_time(self, last):
            return last.at - self.at

    cuda = SimpleNamespace(Event=Event, synchronize=lambda: gpu.log.append("wait"))
    times = torch_clock(SimpleNamespace(cuda=cuda)).time([lambda: gpu.work(2.5), lambda: gpu.work(4.0)])
    assert [each.seconds for each in times] == pytest.approx([2.5e-3, 4e-3])
    assert gpu.log == ["wait", *["record", "work", "record"] * 2, "wait"]
    assert options == [{"enable_timing": True}] * 4


def test_beside_a_gpus_time_stands_the_hosts(monkeypatch):
    now = iter([10.0, 10.5])
    monkeypatch.setattr("pysketch.benchmark.contender.clock.time.perf_counter", lambda: next(now))
    gpu = FakeGpu()
    (times,) = cupy_clock(gpu).time([lambda: gpu.work(1000.0)])
    assert (times.seconds, times.host_seconds) == (1.0, 0.5)


def test_the_hosts_clock_takes_what_is_over_when_the_call_returns(monkeypatch):
    now = iter([10.0, 10.5, 11.0, 13.0])
    monkeypatch.setattr("pysketch.benchmark.contender.clock.time.perf_counter", lambda: next(now))
    times = HostClock().time([lambda: None, lambda: None])
    assert [(each.seconds, each.host_seconds) for each in times] == [(0.5, 0.5), (2.0, 2.0)]


def test_events_of_a_gpu_are_in_order(gpu):
    xp = gpu.xp
    x = xp.ones((7, 5), "float32")
    times = cupy_clock(xp).time([lambda: x.dot(x.T), lambda: None])
    assert len(times) == 2
    assert all(each.seconds >= 0 and each.host_seconds > 0 for each in times)


def test_a_contender_may_bring_its_clock():
    clock = cupy_clock(FakeGpu())
    assert clock_of(SimpleNamespace(clock=clock)) is clock
    assert isinstance(clock_of(SimpleNamespace()), HostClock)
