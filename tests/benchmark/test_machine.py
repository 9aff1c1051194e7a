import numpy as np
import pytest

from pysketch.benchmark.contender.clock import HostClock, Times, cupy_clock
from pysketch.benchmark.machine import _copy, measure
from pysketch.device.backend import CPU, to_host
from pysketch.device.workers import Workers


class FakeClock:
    """Says that the k-th call of `time` took so many seconds; runs the calls."""

    def __init__(self, *seconds):
        self.seconds = list(seconds)
        self.calls = []

    def time(self, calls):
        self.calls.append(len(calls))
        for call in calls:
            call()
        return [Times(seconds, seconds) for seconds in self.seconds.pop(0)]


def test_rates_are_of_the_fastest_run_after_one_that_is_not_counted():
    clock = FakeClock([0.01], [4.0, 2.0, 3.0, 4.0, 5.0], [0.01], [1.0, 0.5, 2.0, 3.0, 4.0])
    machine = measure(CPU, Workers(2), clock, 6, 840)
    assert clock.calls == [1, 5, 1, 5]
    assert machine.flops == 2 * 6**3 / 2.0
    assert machine.bandwidth == 2 * 840 / 0.5


def test_every_device_has_its_rates(device):
    clock = HostClock() if device.kind == "cpu" else cupy_clock(device.xp)
    machine = measure(device, Workers(2), clock, 33, 4096)
    assert machine.flops > 0
    assert machine.bandwidth > 0


@pytest.mark.parametrize(("threads", "size"), [(1, 10), (3, 10), (3, 2)])
def test_workers_copy_everything(threads, size, device):
    source = device.xp.arange(size, dtype=np.float32)
    target = device.xp.zeros_like(source)
    _copy(source, target, Workers(threads))
    np.testing.assert_array_equal(to_host(target), np.arange(size, dtype=np.float32))
