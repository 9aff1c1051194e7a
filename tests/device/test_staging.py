import numpy as np
import pytest

from pysketch.device.backend import to_host
from pysketch.device.blob import Blob
from pysketch.device.staging import Stage


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_on_the_cpu_a_blob_holds_the_array_itself():
    blob, array = Blob((1,)), numbers(2, 3)
    Stage(np).load(array, blob)
    assert blob.data is array
    assert blob.shape == (2, 3)


def test_every_array_arrives_whatever_came_before_it(device):
    blob, stage = Blob((1,), np.float32, device.xp), Stage(device.xp)
    for seed, shape in enumerate([(2, 3), (5, 7), (1, 2), (5, 7), (3, 20, 50)]):
        array = numbers(*shape, seed=seed)
        stage.load(array, blob)
        np.testing.assert_array_equal(to_host(blob.data), array)


def test_on_a_gpu_the_host_may_change_its_array_at_once(gpu):
    blob, array = Blob((1,), np.float32, gpu.xp), numbers(2, 3)
    expected = array.copy()
    Stage(gpu.xp).load(array, blob)
    array[...] = 0
    np.testing.assert_array_equal(to_host(blob.data), expected)


class FakeEvent:
    """Writes down when it is recorded and waited for."""

    def __init__(self, log):
        self.log = log

    def record(self, stream):
        self.log.append(("read from", id(self)))

    def synchronize(self):
        self.log.append(("wait for", id(self)))


class FakeCupy:
    """As much of CuPy as a stage uses; a copy from pinned memory is written down and not made."""

    def __init__(self):
        self.log, self.pieces, self.cuda = [], [], self

    def Event(self, disable_timing):
        return FakeEvent(self.log)

    def alloc_pinned_memory(self, nbytes):
        self.pieces.append(Pinned(nbytes))
        return self.pieces[-1]

    def get_current_stream(self):
        return "stream"

    def zeros(self, shape, dtype):
        return FakeArray(shape, self)


class Pinned(bytearray):
    def size(self):
        return len(self)


class FakeArray:
    def __init__(self, shape, xp):
        self.shape, self.size, self.xp = shape, int(np.prod(shape)), xp

    def set(self, copy, stream):
        owners = [k for k, piece in enumerate(self.xp.pieces) if np.shares_memory(copy, np.frombuffer(piece, np.uint8))]
        self.xp.log.append(("copy", owners[0]))


@pytest.mark.parametrize("loads", [2, 5])
def test_two_pieces_take_turns_and_each_is_waited_for_before_it_is_written_again(loads):
    xp = FakeCupy()
    blob, stage = Blob((4,), np.float32, xp), Stage(xp)
    for seed in range(loads):
        stage.load(numbers(4, seed=seed), blob)
    assert len(xp.pieces) == 2
    assert [piece for what, piece in xp.log if what == "copy"] == [k % 2 for k in range(loads)]
    assert [what for what, _ in xp.log] == ["wait for", "copy", "read from"] * loads
    events = [event for what, event in xp.log if what != "copy"]
    assert events == [event for k in range(loads) for event in [events[0 if k % 2 == 0 else 2]] * 2]
    assert events[0] != events[2]
