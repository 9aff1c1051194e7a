"""Blobs that share memory: the same outputs, how many bytes, and no reading of what was given back."""

from __future__ import annotations

import logging
import re
import tracemalloc

import numpy as np
import pytest
from helpers import net_options

from pysketch.device.blob import Blob
from pysketch.layers.base import LAYERS, Count, Layer
from pysketch.net.lifetimes import Lifetime, Slots, data_bytes
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

SHAPE = (2, 3, 6, 7)
PIXELS = 2 * 6 * 7
INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [2, 3, 6, 7] } } }\n'


def layer(name, kind, bottom, top, more=""):
    """The text of a layer; blobs are separated by blanks."""
    blobs = [f'bottom: "{blob}"' for blob in bottom.split()] + [f'top: "{blob}"' for blob in top.split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(blobs)} {more} }}\n'


def conv(top, bottom, filters, more=""):
    """A 1x1 convolution, named as its top (its first top with a 1)."""
    fill = 'weight_filler { type: "gaussian" std: 0.5 } bias_filler { type: "gaussian" std: 1 }'
    options = f"convolution_param {{ num_output: {filters} kernel_size: 1 {fill} }} {more}"
    return layer(f"{top.split()[0]}1", "Convolution", bottom, top, options)


def relu(blob):
    return layer(f"relu_{blob}", "ReLU", blob, blob)


CHAIN = [INPUT, conv("a", "x", 4), conv("b", "a", 5), conv("c", "b", 6), conv("d", "c", 2), conv("y", "d", 1)]

# texts, the channels of each slot's largest blob, the channels of all blobs that need not be kept
NETS = {
    "chain": (CHAIN, [6, 5], 17),
    "in place": (
        [
            *[INPUT, conv("a", "x", 4), relu("a"), conv("b", "a", 5), relu("b"), conv("c", "b", 6), relu("c")],
            *[conv("y", "c", 1), relu("y")],
        ],
        [6, 5],
        15,
    ),
    "growing": ([INPUT, conv("a", "x", 1), conv("b", "a", 2), conv("c", "b", 4), conv("y", "c", 1)], [4, 2], 7),
    "branch": (
        [INPUT, conv("a", "x", 4), conv("b", "a", 5), conv("c", "a", 5), conv("d e", "b c", 2), conv("y z", "d e", 1)],
        [4, 5, 5, 2],
        18,
    ),
    "a split read long after": (
        [INPUT, conv("a", "x", 5), conv("b", "a", 4), conv("c", "b", 6), conv("d", "c", 5), conv("y z", "d a", 1)],
        [5, 5, 6],
        20,
    ),
    "outputs on the way": ([*CHAIN[:3], conv("out", "a", 7), conv("other", "x", 3), *CHAIN[3:]], [6, 5], 17),
    "a loss on the way": (
        [INPUT, conv("a", "x", 4), conv("b", "a", 5, "loss_weight: 0.5"), conv("c", "b", 6), conv("y", "c", 1)],
        [6],
        10,
    ),
}

CONCAT = layer("both", "Concat", "b c", "d")


def make(texts, **options):
    return Net(parse_netdef("".join(texts), "a"), **net_options(seed=3, **options))


def run(net, shape=SHAPE, seed=0):
    """Forward on random numbers; the loss and copies of the outputs."""
    net.blobs["x"].reshape(shape)
    net.blobs["x"].data[...] = np.random.default_rng(seed).standard_normal(shape)
    return net.forward_loss(), [net.blobs[name].data.copy() for name in net.outputs]


def is_given_back(blob):
    try:
        return blob.data is None
    except ValueError:
        return True


def assert_same(found, expected):
    assert found[0] == expected[0]
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NETS)
def test_outputs_are_bit_for_bit_the_same_whatever_sizes_came_before(name):
    texts, _, _ = NETS[name]
    sharing, plain = make(texts, keep=()), make(texts)
    for seed, shape in enumerate([SHAPE, SHAPE, (3, 3, 11, 13), (1, 3, 5, 2), SHAPE]):
        assert_same(run(sharing, shape, seed), run(plain, shape, seed))


@pytest.mark.parametrize("name", NETS)
def test_memory_is_that_of_each_slots_largest_blob_at_the_size_that_ran_last(name):
    texts, slots, without = NETS[name]
    net = make(texts, keep=())
    assert net.slots.nbytes == 0
    for n, h, w in [(2, 6, 7), (3, 11, 13), (1, 5, 2), (2, 6, 7)]:
        run(net, (n, 3, h, w))
        assert net.slots.nbytes == 4 * n * h * w * sum(slots)
        assert sorted(slot.nbytes for slot in net.slots.slots) == sorted(4 * n * h * w * each for each in slots)
    given_back = {blob.place: blob.count for blob in net.blobs.values() if is_given_back(blob)}
    assert sum(given_back.values()) == without * PIXELS
    assert sum(slots) < without


@pytest.mark.parametrize("keep", [None, (), ("a",)])
@pytest.mark.parametrize("name", NETS)
def test_the_bytes_that_a_size_will_take_are_known_before_it_runs(name, keep):
    net = make(NETS[name][0], keep=keep)
    for n, h, w in [(3, 11, 13), (1, 5, 2)]:
        net.blobs["x"].reshape(n, 3, h, w)
        net.reshape()
        expected = data_bytes(net.blobs.values(), net.slots)
        run(net, (n, 3, h, w))
        kept = {blob.place: blob.data.nbytes for blob in net.blobs.values() if not is_given_back(blob)}
        assert expected == sum(kept.values()) + net.slots.nbytes


def relu_chain(length):
    tops = ["x", *(f"y{k}" for k in range(length))]
    return [INPUT, *(layer(f"r{k}", "ReLU", tops[k], tops[k + 1]) for k in range(length))]


def traced(work):
    """(what is still there after work, the most there was on the way), in bytes."""
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found


@pytest.mark.parametrize(("keep", "blobs"), [((), 3), (None, 6), (["y1", "y2"], 5)])
def test_the_memory_of_a_chain_as_it_is_measured_is_two_blobs_and_the_output(keep, blobs):
    net = make(relu_chain(6), keep=keep)
    shape = (1, 3, 300, 301)
    net.blobs["x"].reshape(shape)
    net.blobs["x"].data[...] = 1
    after, peak = traced(net.forward)
    assert blobs * 4 * 3 * 300 * 301 <= after <= peak < (blobs + 0.1) * 4 * 3 * 300 * 301


def test_a_second_forward_of_the_same_size_allocates_nothing():
    net = make(relu_chain(4), keep=())
    run(net, (1, 3, 300, 301))
    _, peak = traced(net.forward)
    assert peak < 50_000


def test_a_size_that_grows_never_holds_the_old_memory_beside_the_new():
    net = make(relu_chain(6), keep=())
    nbytes = 4 * 9 * 3 * 100 * 101

    def work():
        for n in (8, 9):
            net.blobs["x"].reshape(n, 3, 100, 101)
            net.forward()

    _, peak = traced(work)
    assert 4 * nbytes <= peak < 4.1 * nbytes  # input, two slots, output


def message(name, reader):
    return re.escape(
        f'blob "{name}": no data: its memory is given back when layer "{reader}" has run; '
        f'to read it later, name it in the net\'s option: Net(..., keep=["{name}"])'
    )


def test_to_read_or_write_what_was_given_back_is_an_error_that_says_which_blob_and_how_to_keep_it():
    net = make(NETS["in place"][0], keep=())
    for _ in range(2):  # before a forward and after it
        for name, reader in (("a", "b1"), ("b", "c1"), ("c", "y1")):
            with pytest.raises(ValueError, match=f"^{message(name, reader)}$"):
                _ = net.blobs[name].data
            with pytest.raises(ValueError, match=message(name, reader)):
                net.blobs[name].data[...] = 0
        run(net)
    assert net.blobs["b"].shape == (2, 5, 6, 7)


def test_a_splits_tops_are_given_back_with_its_bottom_when_the_last_of_them_is_read():
    net = make(NETS["a split read long after"][0], keep=())
    run(net)
    for name in ("a", "a_a1_0_split_0", "a_a1_0_split_1"):
        with pytest.raises(ValueError, match=message("a", "y1")):
            _ = net.blobs[name].data


@pytest.mark.parametrize("keep", [["a"], ["b", "d"], ["a", "b", "c", "d", "x", "y"]])
def test_what_is_named_is_kept_as_a_net_that_keeps_all_has_it(keep):
    sharing, plain = make(CHAIN, keep=keep), make(CHAIN)
    assert_same(run(sharing), run(plain))
    for name in keep:
        np.testing.assert_array_equal(sharing.blobs[name].data, plain.blobs[name].data)
    for name in set("abcd") - set(keep):
        with pytest.raises(ValueError, match=f'blob "{name}": no data'):
            _ = sharing.blobs[name].data


def test_by_default_every_blob_can_be_read_and_has_its_own_memory():
    net = make(CHAIN)
    run(net)
    arrays = [net.blobs[name].data for name in "xabcdy"]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
    assert net.slots.nbytes == 0


def test_layers_one_by_one_give_what_a_whole_forward_gives():
    for texts, _, _ in NETS.values():
        net, plain = make(texts, keep=()), make(texts)
        expected = run(plain)
        net.blobs["x"].data[...] = plain.blobs["x"].data
        for index in range(len(net.layers)):
            net.forward_layers([index])
        assert_same((net.loss(), [net.blobs[name].data for name in net.outputs]), expected)


def test_a_part_whose_bottoms_were_given_back_is_an_error():
    net = make(CHAIN, keep=())
    run(net)
    with pytest.raises(ValueError, match=message("b", "c1")):
        net.forward_layers(range(3, len(net.layers)))


def test_a_layer_that_runs_again_takes_the_memory_from_whoever_has_it():
    net = make(CHAIN, keep=())
    net.forward_layers(range(4))
    assert net.blobs["c"].data.shape == (2, 6, 6, 7)
    net.forward_layers([1])  # "a" shares the memory of "c"
    with pytest.raises(ValueError, match=message("c", "d1")):
        net.forward_layers(range(4, len(net.layers)))


def test_backward_and_phase_train_and_unknown_names_are_refused_in_a_line():
    net = make(CHAIN, keep=())
    with pytest.raises(ValueError, match=r"^a: no backward for a net that keeps only some blobs \(option keep\)$"):
        net.backward()
    with pytest.raises(ValueError, match=r"^a: the option keep is for phase TEST, found TRAIN$"):
        make(CHAIN, keep=(), phase=Phase.TRAIN)
    with pytest.raises(ValueError, match=r'^a: keep: no blob "A"; did you mean "a"[?]$'):
        make(CHAIN, keep=["A"])


def test_debug_info_logs_the_same(caplog):
    logs = []
    for keep in ((), None):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            run(make(NETS["branch"][0], keep=keep, debug_info=True))
        logs.append([record.getMessage() for record in caplog.records if "[Forward]" in record.getMessage()])
    assert logs[0] == logs[1]
    assert len(logs[0]) > 10


class Holder(Layer):
    """Makes an array of its own the data of its top, and looks at its bottom's data in reshape, as some layers do."""

    tops = bottoms = Count(1)

    def reshape(self, bottom, top):
        self.ones = np.ones_like(bottom[0].data)
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom, top):
        top[0].hold_data(bottom[0].data + self.ones)


def test_an_array_that_a_layer_holds_is_let_go_as_well(monkeypatch):
    monkeypatch.setitem(LAYERS, "Holder", Holder)
    texts = [INPUT, conv("a", "x", 4), layer("h", "Holder", "a", "b"), conv("y", "b", 1)]
    net = make(texts, keep=())
    for shape in (SHAPE, (1, 3, 8, 9)):
        assert_same(run(net, shape), run(make(texts), shape))
        assert net.slots.nbytes == 4 * 4 * shape[0] * shape[2] * shape[3]  # that of "a" only
    with pytest.raises(ValueError, match=message("b", "y1")):
        _ = net.blobs["b"].data


def test_a_lifetime_takes_the_smallest_free_slot_that_is_large_enough_else_the_largest():
    def lifetime(name, count, first, last):
        return Lifetime(name, Blob((count,)), first, last, "reader")

    before = [lifetime("ten", 10, 0, 2), lifetime("seven", 7, 0, 2), lifetime("three", 3, 0, 2)]
    for count, taken in ((5, 1), (7, 1), (8, 0), (2, 2), (11, 0)):
        slots = Slots([*before, lifetime("next", count, 3, 4)], np, np.dtype("f4")).slots
        assert [slot.lifetimes[-1].name == "next" for slot in slots] == [k == taken for k in range(3)]
    slots = Slots([*before, lifetime("next", 2, 2, 4)], np, np.dtype("f4")).slots
    assert len(slots) == 4  # "ten" and the others are read by layer 2, which writes "next"


# what a Concat joins


def concat_net(*more, concat=CONCAT):
    """x -> a -> b, in place rectified; b and a -> c, joined to d, -> y."""
    return [INPUT, conv("a", "x", 4), conv("b", "a", 5), relu("b"), conv("c", "b", 3), *more, concat, conv("y", "d", 2)]


def test_what_a_concat_joins_is_written_where_it_belongs():
    net, plain = make(concat_net(), keep=()), make(concat_net())
    parts = {part.name: (part.whole.name, part.channels) for part in net.slots.parts}
    assert parts == {"b": ("d", slice(0, 5)), "c": ("d", slice(5, 8))}
    copied = []
    target = net.layer_dict["both"]
    forward = target.forward

    def watched(bottom, top):
        copied.extend(not np.shares_memory(blob.data, top[0].data) for blob in bottom)
        forward(bottom, top)

    target.forward = watched
    for seed, shape in enumerate([SHAPE, (1, 3, 5, 9), (3, 3, 9, 5), SHAPE]):
        assert_same(run(net, shape, seed), run(plain, shape, seed))
    assert copied == [False] * 8
    assert net.slots.nbytes == 4 * PIXELS * (4 + 8)  # a; then d, in which b and c lie


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (concat_net(concat=layer("both", "Concat", "b b", "d")), []),
        (concat_net(concat=layer("both", "Concat", "a a", "d", "concat_param { axis: 2 }")), []),
        (concat_net(concat=layer("both", "Concat", "x c", "d")), ["c"]),
        ([*concat_net(), conv("z", "b", 2)], ["c"]),
        (concat_net(layer("t", "TanH", "c", "c")), ["b"]),
        ([*concat_net()[:-1], layer("more", "Concat", "d a", "e"), conv("y", "e", 2)], ["b", "c", "a"]),
    ],
)
def test_what_is_read_again_or_by_layers_that_want_whole_arrays_is_copied(texts, parts):
    net = make(texts, keep=())
    assert sorted(part.name for part in net.slots.parts) == sorted(parts)
    for seed, shape in enumerate([SHAPE, (1, 3, 4, 4), SHAPE]):
        assert_same(run(net, shape, seed), run(make(texts), shape, seed))
