import threading
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import layer_text, python_layer, refused
from ranks import run_ranks

from pysketch.errors import DataError
from pysketch.layers.base import LAYERS, Count
from pysketch.layers.batch_data import BatchData
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

NET = 'layer { name: "d" type: "Counted" top: "item" top: "draw" } layer { name: "s" type: "Silence" bottom: "item" }'


class Counted(BatchData):
    """Tops: the index and the number of each of two items drawn, of five."""

    tops = Count(2)
    prefetch = True

    def setup(self, bottom, top):
        """Five items, another order each epoch."""
        self.threads, self.fails = [], False
        self.begin(5, 2, True, self.prefetch)

    def reshape(self, bottom, top):
        """Batches of two, in a pass the last of one."""
        for blob in top:
            blob.reshape(self.next_size)

    def make_batch(self, draws):
        """Indices and draws."""
        self.threads.append(threading.current_thread() is threading.main_thread())
        if self.fails:
            raise OSError("gone")
        found = np.array(draws, np.float32)
        return found[:, 1], found[:, 0]


@pytest.fixture
def net(monkeypatch):
    monkeypatch.setitem(LAYERS, "Counted", Counted)
    net = Net(parse_netdef(NET), context=Context(seed=4))
    yield net
    net.close()


def drawn(net, batches):
    found = []
    for _ in range(batches):
        net.forward()
        found += [(int(i), int(n)) for i, n in zip(net.blobs["item"].data, net.blobs["draw"].data, strict=True)]
    return found


def test_every_item_comes_once_in_an_epoch_and_draws_count_on(net):
    found = drawn(net, 5)
    assert [n for _, n in found] == list(range(10))
    assert sorted(i for i, _ in found[:5]) == sorted(i for i, _ in found[5:]) == list(range(5))


def test_a_state_brings_the_same_batches_back(net):
    drawn(net, 1)
    state = net.layers[0].state()
    found = drawn(net, 3)
    net.layers[0].restore_state(state)
    assert drawn(net, 3) == found


@pytest.mark.parametrize("prefetch", [True, False])
def test_the_next_batch_is_made_in_a_thread_if_asked_for(monkeypatch, prefetch):
    monkeypatch.setitem(LAYERS, "Counted", Counted)
    monkeypatch.setattr(Counted, "prefetch", prefetch)
    net = Net(parse_netdef(NET), context=Context(seed=4))
    drawn(net, 3)
    net.close()
    assert net.layers[0].threads[1:3] == [not prefetch] * 2


def test_a_batch_that_fails_is_not_counted_as_given(net):
    drawn(net, 1)
    layer = net.layers[0]
    layer.close()
    layer.fails = True
    with pytest.raises(OSError, match="gone"):
        net.forward()
    layer.fails = False
    assert [n for _, n in drawn(net, 1)] == [2, 3]


def test_a_layer_without_make_batch_says_so(monkeypatch):
    class Bare(BatchData):
        """Nothing."""

    with pytest.raises(NotImplementedError, match="Bare has no make_batch"):
        Bare.make_batch(object.__new__(Bare), [])


@pytest.mark.parametrize("prefetch", [True, False])
def test_a_pass_gives_every_item_once_from_an_epochs_first_on_and_the_last_batch_is_smaller(net, prefetch, monkeypatch):
    monkeypatch.setattr(Counted, "prefetch", prefetch)
    drawn(net, 1)
    layer = net.layers[0]
    layer.begin_pass()
    sizes, found = [], []
    while layer.left_in_pass:
        found += drawn(net, 1)
        sizes.append(net.blobs["item"].shape[0])
    assert sizes == [2, 2, 1]
    assert sorted(item for item, _ in found) == list(range(5))
    assert [number for _, number in found] == list(range(5, 10))
    layer.end_pass()
    assert [number for _, number in drawn(net, 1)] == [10, 11]


def test_a_batch_larger_than_all_items_is_as_large_as_they_in_a_pass(net):
    layer = net.layers[0]
    layer.size = 7
    layer.begin_pass()
    assert sorted(item for item, _ in drawn(net, 1)) == list(range(5))
    assert layer.left_in_pass == 0


@pytest.mark.parametrize("prefetch", [True, False])
def test_processes_that_divide_the_batches_get_together_what_one_gets(net, prefetch, monkeypatch):
    monkeypatch.setattr(Counted, "prefetch", prefetch)
    monkeypatch.setitem(LAYERS, "Counted", Counted)
    expected = drawn(net, 3)

    def work(together):
        own = Net(parse_netdef(NET), context=Context(seed=4))
        own.layers[0].divide(together)
        found = drawn(own, 3)
        own.close()
        return found, own.layers[0].state()

    (first, *kept), (second, *others) = run_ranks(2, work)
    assert [item for pair in zip(first, second, strict=True) for item in pair] == expected
    assert kept == others == [net.layers[0].state()]


def test_batches_that_cannot_be_divided_are_refused_with_one_that_can(net):
    with pytest.raises(
        DataError, match=r'layer "d": batches of 2 items cannot be .* 3 processes; .* --set d\.batch_size=3$'
    ):
        run_ranks(3, net.layers[0].divide)


@pytest.mark.parametrize(
    "layer",
    [
        python_layer("PhotoSketchData", [], ["x", "t"], '{"source": "nowhere", "batch_size": 4, "test_batch_size": 1}'),
        layer_text("HDF5Data", tops=["x"], extra='hdf5_data_param { source: "nowhere" batch_size: 4 }'),
        layer_text("Data", tops=["x"], extra='data_param { source: "nowhere" backend: LMDB batch_size: 4 }'),
    ],
    ids=["PhotoSketchData", "HDF5Data", "Data"],
)
def test_of_batches_to_learn_from_that_is_said_before_the_data_are_read(layer):
    def build(size, phase):
        return refused(
            DataError, Net, parse_netdef(layer), phase, context=Context(communicator=SimpleNamespace(size=size))
        )

    assert "batches of 4 items cannot be shared out among 3 processes" in build(3, Phase.TRAIN)
    assert "nowhere" in build(2, Phase.TRAIN)
    assert "nowhere" in build(3, Phase.TEST)


def test_a_skipped_batch_counts_as_given_and_the_next_to_come_is_made_ahead(net):
    layer = net.layers[0]
    layer.stride = 3
    assert [number for _, number in drawn(net, 1)] == [0, 1]
    layer.skip_batch()
    layer.skip_batch()
    assert [number for _, number in drawn(net, 1)] == [6, 7]
    assert layer.threads[:2] == [True, False]  # the second was made in the thread, and perhaps the next one already


def test_past_the_end_of_a_pass_nothing_is_made_ahead(net):
    layer = net.layers[0]
    layer.stride = 2
    layer.begin_pass()
    found = []
    while layer.left_in_pass:
        found += drawn(net, 1)
        if layer.left_in_pass:
            layer.skip_batch()
    layer.close()
    assert [number for _, number in found] == [0, 1, 4]
    assert layer.threads == [True, False]


def test_digests_tell_other_items_another_order_and_other_batches(net):
    layer = net.layers[0]
    found = [layer.digest()]
    assert layer.digest() == found[0] == "5 items, 2 in a batch, shuffled: True, 00000000"
    layer.size = 3
    found.append(layer.digest())
    layer.order.shuffle = False
    found.append(layer.digest())
    layer.contents = lambda: iter([b"a", b"b"])
    found.append(layer.digest())
    assert len(set(found)) == 4
