"""Processes that share a batch have the loss and the gradient that one process would have."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from ranks import run_ranks
from solver_helpers import write_pairs, write_rows

from pysketch.device.backend import CPU, to_host
from pysketch.device.workers import Workers
from pysketch.errors import DataError, NetdefError
from pysketch.layers.context import Context
from pysketch.layers.convolution import Convolution
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.parallel.communicator import ALONE
from pysketch.shipped.names import find_solver
from pysketch.solver.definition import load_solver
from pysketch.solver.micro_batch import MicroBatches
from pysketch.solver.shared_batches import SharedBatches
from pysketch.solver.solver import Solver

ROWS = """
layer { name: "data" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "LIST" batch_size: 12 shuffle: true } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "msra" } bias_filler { value: 0.1 } } }
"""
"""data (12, 2, 6, 7) -> conv1 (12, 3, 4, 5)."""

JOINT = """
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "prediction"
  convolution_param { num_output: 1 kernel_size: 2 weight_filler { type: "msra" } } }
layer { name: "joint" type: "Python" bottom: "prediction" bottom: "label" top: "joint" top: "L_gen" top: "L_discrim"
  python_param { module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss"
                 param_str: '{ "alpha": 300, "lambda": 20 }' } }
"""
"""A joint loss whose pairs matter."""

PLAIN = ROWS + 'layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }' + JOINT

NETS = {
    "joint": PLAIN,
    "batch norm": ROWS
    + """
layer { name: "norm" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "scale" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
"""
    + JOINT,
    "dropout": ROWS
    + 'layer { name: "drop" type: "Dropout" bottom: "conv1" top: "conv1" dropout_param { dropout_ratio: 0.3 } }'
    + JOINT,
    "gate": ROWS
    + 'layer { name: "gate" type: "GradientScale" bottom: "conv1" top: "gated" python_param { '
    + 'param_str: \'{ "scale": -2, "begin": 3 }\' } }'
    + JOINT.replace('bottom: "conv1"', 'bottom: "gated"'),
    "two losses": PLAIN
    + """
layer { name: "other" type: "EuclideanLoss" bottom: "prediction" bottom: "label" top: "other" loss_weight: 0.7 }
layer { name: "edge" type: "AbsoluteLoss" bottom: "label" bottom: "prediction" top: "edge" loss_weight: 2 }
""",
    "params in the tail": ROWS
    + """
layer { name: "norm" type: "Softmax" bottom: "conv1" top: "odds" softmax_param { axis: 0 } }
layer { name: "conv2" type: "Convolution" bottom: "odds" top: "y" param { name: "w" } param { name: "b" }
  convolution_param { num_output: 1 kernel_size: 2 weight_filler { type: "gaussian" std: 3 } } }
layer { name: "conv3" type: "Convolution" bottom: "conv1" top: "z" param { name: "w" } param { name: "b" }
  convolution_param { num_output: 1 kernel_size: 2 weight_filler { type: "gaussian" std: 3 } } }
layer { name: "one" type: "EuclideanLoss" bottom: "y" bottom: "label" top: "one" }
layer { name: "two" type: "EuclideanLoss" bottom: "z" bottom: "label" top: "two" }
""",
    "whole batches from a data layer": ROWS
    + """
layer { name: "noise" type: "DummyData" top: "noise"
  dummy_data_param { shape { dim: [12, 3, 4, 5] } data_filler { type: "gaussian" } } }
layer { name: "sum" type: "Eltwise" bottom: "conv1" bottom: "noise" top: "noisy" }
layer { name: "far" type: "DummyData" top: "far"
  dummy_data_param { shape { dim: [12, 1, 3, 4] } data_filler { type: "constant" value: 2 } } }
"""
    + JOINT.replace('bottom: "conv1"', 'bottom: "noisy"')
    + 'layer { name: "away" type: "EuclideanLoss" bottom: "prediction" bottom: "far" top: "away" loss_weight: -0.1 }',
    "frozen": PLAIN.replace('bottom: "data" top: "conv1"', 'bottom: "data" top: "conv1" param { lr_mult: 0 }'),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("rows"), 30).as_posix()


def batches(text, communicator=ALONE, micro_batch=0, dtype=np.float64, passes=1, batches=2, device=CPU):
    """The losses of some batches and the gradient of them all, and what else is kept."""
    context = Context(device, dtype, seed=3, workers=Workers(1), communicator=communicator)
    net = Net(parse_netdef(text, "net.prototxt"), Phase.TRAIN, context)
    if communicator.size > 1:
        runner = SharedBatches(net, communicator, micro_batch, passes * batches)
    else:
        runner = MicroBatches(net, micro_batch) if micro_batch else net
    net.clear_param_diffs()
    losses = []
    for _ in range(passes * batches):
        losses.append(float(runner.forward_loss()))
        runner.backward()
    kept = [to_host(param.blob.data).copy() for param in net.learnable if param.lr_mult == 0]
    outputs = [to_host(net.blobs[name].data).copy() for name in net.outputs]
    return losses, [to_host(param.blob.diff).copy() for param in net.learnable], kept, outputs, net.layer_states()


def assert_alike(found, expected, tolerance):
    """Losses, gradient, statistics, outputs; the layers' states are equal."""
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    assert max(np.abs(each).max() for each in expected[1]) > 0.01
    largest = max(np.abs(each).max() for each in expected[1])
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * largest)
    for one, other in zip((*found[2], *found[3]), (*expected[2], *expected[3]), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    assert found[4] == expected[4]


def some_now_all_when_slow(values, now):
    """All values, those that are not among `now` as slow tests."""
    return [value if value in now else pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.mark.parametrize("name", some_now_all_when_slow(NETS, ["batch norm", "dropout", "params in the tail"]))
@pytest.mark.parametrize("size", some_now_all_when_slow([2, 3, 4], [3]))
def test_the_gradient_is_that_of_one_process(rows, name, size):
    text = NETS[name].replace("LIST", rows)
    expected = batches(text)
    results = run_ranks(size, lambda communicator: batches(text, communicator))
    for found in results:
        assert_alike(found, expected, 1e-12)
        for one, first in zip(found[1], results[0][1], strict=True):
            np.testing.assert_array_equal(one, first)


@pytest.mark.parametrize("name", some_now_all_when_slow(NETS, ["dropout"]))
@pytest.mark.parametrize("micro_batch", some_now_all_when_slow([1, 2, 5, 30], [5]))
def test_so_it_is_in_parts_of_a_share(rows, name, micro_batch):
    text = NETS[name].replace("LIST", rows)
    expected = batches(text, micro_batch=micro_batch)
    for found in run_ranks(3, lambda communicator: batches(text, communicator, micro_batch)):
        assert_alike(found, expected, 1e-12)


@pytest.mark.parametrize("micro_batch", [0, 2])
def test_on_gpus_too_by_way_of_the_hosts(rows, gpu, micro_batch):
    text = NETS["batch norm"].replace("LIST", rows)
    expected = batches(text, micro_batch=micro_batch)
    for found in run_ranks(2, lambda communicator: batches(text, communicator, micro_batch, device=gpu)):
        assert_alike(found, expected, 1e-11)


@pytest.mark.slow
def test_single_precision_is_as_near_as_it_can_be(rows):
    text = NETS["batch norm"].replace("LIST", rows)
    expected = batches(text, dtype=np.float32)
    for found in run_ranks(4, lambda communicator: batches(text, communicator, dtype=np.float32)):
        assert_alike(found, expected, 1e-5)


@pytest.mark.slow
def test_the_same_processes_have_the_same_bits_every_time(rows):
    text = NETS["dropout"].replace("LIST", rows)
    (first, *_), (second, *_) = (
        run_ranks(3, lambda communicator: batches(text, communicator, 2, np.float32)) for _ in range(2)
    )
    assert first[0] == second[0]
    for one, other in zip(first[1], second[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_gradient_is_summed_once_in_all_passes_and_each_learned_param_once(rows):
    """Chance, statistics and what is frozen have nothing to sum."""
    text = NETS["frozen"].replace("LIST", rows)

    def exchanged(passes):
        def work(communicator):
            batches(text, communicator, passes=passes, batches=1)
            return communicator.begun

        return run_ranks(2, work)[0]

    once, twice = exchanged(1), exchanged(2)
    assert once == twice == [8 + 16 + 1]  # conv1's 3 biases, conv2's 12 weights, its bias: but the last to a cache line


def test_sums_begin_while_layers_below_have_yet_to_run(rows, monkeypatch):
    monkeypatch.setattr("pysketch.solver.shared_batches.CHUNK", 1)
    text = PLAIN.replace("LIST", rows)
    events = []

    def work(communicator):
        begin = communicator.begin_all_reduce
        if communicator.rank == 0:
            communicator.begin_all_reduce = lambda array: (events.append(array.size), begin(array))
        context = Context(dtype=np.float64, seed=3, workers=Workers(1), communicator=communicator)
        net = Net(parse_netdef(text, "net.prototxt"), Phase.TRAIN, context)
        if communicator.rank == 0:
            for layer in net.layers:
                method = "backward_gated" if isinstance(layer, Convolution) else "backward"
                setattr(layer, method, note(events, layer.name, getattr(layer, method)))
        runner = SharedBatches(net, communicator)
        runner.forward_loss()
        runner.backward()

    run_ranks(2, work)
    assert events == ["joint", "conv2", 12, 1, "conv1", 54, 3]


def note(events, name, method):
    """The method, which first says its name."""

    def noted(*arguments):
        events.append(name)
        return method(*arguments)

    return noted


def test_batches_that_cannot_be_shared_out_are_refused_in_one_line(rows):
    with pytest.raises(
        DataError,
        match=r'^net\.prototxt:2:7: layer "data": batches of 12 items cannot be shared out among 5 processes; '
        r"give a multiple of 5, such as --set data\.batch_size=15$",
    ):
        run_ranks(5, lambda communicator: batches(PLAIN.replace("LIST", rows), communicator))


def test_so_are_whole_batches_of_a_data_layer_that_makes_no_shares(rows):
    odd = """
    layer { name: "odd" type: "DummyData" top: "odd" dummy_data_param { shape { dim: [13, 3] } } }
    layer { name: "power" type: "Power" bottom: "odd" top: "power" }
    """
    text = PLAIN.replace("LIST", rows) + odd
    with pytest.raises(NetdefError, match=r"^net\.prototxt: 2 processes: a data blob of shape \(13, 3\) cannot"):
        run_ranks(2, lambda communicator: batches(text, communicator))


def test_a_loss_weight_before_the_losses_is_refused(rows):
    text = PLAIN.replace("LIST", rows).replace('top: "prediction"', 'top: "prediction" loss_weight: 1')
    with pytest.raises(NetdefError, match=r"^net\.prototxt: 2 processes: a loss_weight on a blob before the losses"):
        run_ranks(2, lambda communicator: batches(text, communicator))


SIZES = "photo_width", "photo_height", "sketch_width", "sketch_height"
SHIPPED = "large", "medium", "photo", "portrait", "small", "small_paper", "sr"


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_nets_have_one_gradient_however_many_processes_there_are(name, tmp_path):
    pairs = write_pairs(tmp_path, 6, (97, 95)).as_posix()

    def gradient(communicator=ALONE):
        values = (32, 24, 32, 24) if name == "portrait" else (31, 29, 19, 17)  # portrait halves its sizes three times
        sizes = [f"data.{size}={value}" for size, value in zip(SIZES, values, strict=True)]
        settings = [*sizes, "data.batch_size=6", "data.synthetic=0", "test_initialization=false"]
        definition = load_solver(find_solver(name), settings)
        where = {"workers": Workers(1), "data_source": pairs, "dtype": np.float64, "seed": 1}
        with closing(Solver(definition, definition.context(CPU, communicator=communicator, **where))) as solver:
            solver.net.clear_param_diffs()
            loss = solver._forward_backward()
            return float(loss), [param.blob.diff.copy() for param in solver.net.learnable]

    loss, expected = gradient()
    for found in run_ranks(3, gradient):
        assert found[0] == pytest.approx(loss, rel=1e-12)
        for one, other in zip(found[1], expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())


def test_a_loss_computes_what_is_its_own_only_where_it_reads_what_was_gathered(rows):
    def work(communicator, name):
        context = Context(seed=3, workers=Workers(1), communicator=communicator)
        net = Net(parse_netdef(NETS[name].replace("LIST", rows)), Phase.TRAIN, context)
        SharedBatches(net, communicator).forward_loss()
        return {layer.name: layer.own for layer in net.layers if layer.is_loss}

    assert [each["joint"] for each in run_ranks(3, lambda together: work(together, "joint"))] == [
        slice(0, 4),
        slice(4, 8),
        slice(8, 12),
    ]
    assert run_ranks(2, lambda together: work(together, "params in the tail"))[1] == {"one": None, "two": slice(6, 12)}
