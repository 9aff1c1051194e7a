"""Algorithm 1: running a batch in parts gives the whole batch's gradient, in the memory of a part."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from solver_helpers import make_solver

from pysketch.errors import NetdefError
from pysketch.layers.base import LAYERS, Layer, register
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.solver.micro_batch import MicroBatches

N = 5

# conv1 is read by two layers, one of which writes over its own copy; the pairs of the joint loss matter.
FORKED = """
layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: [5, 2, 7, 6] } shape { dim: [5, 1, 4, 3] } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "msra" } bias_filler { value: 0.1 } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "left" type: "Convolution" bottom: "conv1" top: "left"
  convolution_param { num_output: 1 kernel_size: 2 weight_filler { type: "msra" } } }
layer { name: "right" type: "Convolution" bottom: "conv1" top: "right"
  convolution_param { num_output: 1 kernel_size: 2 weight_filler { type: "msra" } } }
layer { name: "relu2" type: "ReLU" bottom: "right" top: "right" relu_param { negative_slope: 0.3 } }
layer { name: "joint" type: "Python" bottom: "left" bottom: "label" top: "joint"
  python_param { module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss"
                 param_str: '{ "alpha": 300, "lambda": 20 }' } }
layer { name: "other" type: "EuclideanLoss" bottom: "right" bottom: "label" top: "other" loss_weight: 0.7 }
"""

NOISE = (
    'name: "noise" type: "Noise" bottom: "conv1" top: "noise" }\n'
    'layer { name: "left" type: "Convolution" bottom: "noise"'
)
"""A layer of chance before `left`, in place of how that begins."""


def forward_backward(batches: MicroBatches) -> float:
    """The loss of one batch, its gradient added to the params' diffs."""
    loss = batches.forward_loss()
    batches.backward()
    return loss


def make_net(text=FORKED, dtype=np.float64, seed=3):
    net = Net(parse_netdef(text, "net.prototxt"), Phase.TRAIN, Context(dtype=dtype, seed=seed))
    rng = np.random.default_rng(seed)
    for name in net.inputs:
        net.blobs[name].data[...] = rng.standard_normal(net.blobs[name].shape)
    return net


def gradients(net):
    return [param.blob.diff.copy() for param in net.learnable]


def whole_batch(net):
    net.clear_param_diffs()
    loss = net.forward_loss()
    net.backward()
    return loss, gradients(net)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
def test_the_gradient_is_that_of_the_whole_batch_for_any_size(size):
    expected_loss, expected = whole_batch(make_net())
    net = make_net()
    net.clear_param_diffs()
    loss = forward_backward(MicroBatches(net, size))
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    for found, wanted in zip(gradients(net), expected, strict=True):
        assert np.abs(wanted).max() > 0.1
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-11)


def test_the_pairs_matter_here_so_that_cutting_the_batch_would_be_wrong():
    """With the loss over each part alone the gradient would be another one."""
    _, whole = whole_batch(make_net())
    _, without_pairs = whole_batch(make_net(FORKED.replace('"alpha": 300', '"alpha": 0')))
    assert np.abs(whole[0] - without_pairs[0]).max() > 0.1 * np.abs(whole[0]).max()


def test_diffs_add_up_over_calls():
    net = make_net()
    parts = MicroBatches(net, 2)
    net.clear_param_diffs()
    forward_backward(parts)
    once = gradients(net)
    forward_backward(parts)
    for found, first in zip(gradients(net), once, strict=True):
        np.testing.assert_allclose(found, 2 * first, rtol=1e-12)


def test_data_label_and_predictions_are_whole_afterwards():
    reference = make_net()
    reference.forward()
    net = make_net()
    forward_backward(MicroBatches(net, 2))
    for name in ("data", "label", "left", "right"):
        np.testing.assert_allclose(net.blobs[name].data, reference.blobs[name].data, rtol=1e-12)


def test_after_forward_alone_they_are_whole_too():
    net = make_net()
    before = net.blobs["data"].data.copy()
    MicroBatches(net, 2).forward_loss()
    np.testing.assert_array_equal(net.blobs["data"].data, before)
    assert net.blobs["left"].shape == (N, 1, 4, 3)


def test_an_in_place_layer_on_the_data_leaves_them_as_they_were():
    text = """
    layer { name: "data" type: "Input" top: "data" top: "label"
      input_param { shape { dim: [5, 1, 2, 3] } shape { dim: [5, 1, 2, 3] } } }
    layer { name: "relu" type: "ReLU" bottom: "data" top: "data" }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "y"
      convolution_param { num_output: 1 kernel_size: 1 weight_filler { value: 2 } } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "label" top: "loss" }
    """
    net = make_net(text)
    before = net.blobs["data"].data.copy()
    parts = MicroBatches(net, 2)
    losses = [forward_backward(parts) for _ in range(2)]
    assert before.min() < 0
    np.testing.assert_array_equal(net.blobs["data"].data, before)
    assert losses[0] == losses[1]


def test_a_blob_read_both_in_parts_and_by_a_loss_reaches_each_whole():
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [5, 1, 2, 3] } } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "y"
      convolution_param { num_output: 1 kernel_size: 1 weight_filler { value: 3 } } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "data" top: "loss" }
    """
    loss, expected = whole_batch(make_net(text))
    net = make_net(text)
    net.clear_param_diffs()
    assert forward_backward(MicroBatches(net, 2)) == pytest.approx(loss, rel=1e-13)
    for found, wanted in zip(gradients(net), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_frozen_layers_get_no_gradient():
    frozen = FORKED.replace('top: "left"\n', 'top: "left" param { lr_mult: 0 } param { lr_mult: 0 }\n', 1)
    _, expected = whole_batch(make_net(frozen))
    net = make_net(frozen)
    net.clear_param_diffs()
    forward_backward(MicroBatches(net, 3))
    left = [param.blob.diff for param in net.learnable if param.layer == "left"]
    assert [np.abs(diff).max() for diff in left] == [0, 0]
    np.testing.assert_allclose(gradients(net)[0], expected[0], rtol=1e-10)


def test_chance_is_the_same_in_both_passes(monkeypatch):
    """A layer that draws from its state: the backward pass belongs to what the losses saw."""
    monkeypatch.setattr("pysketch.layers.base.LAYERS", dict(LAYERS))

    class Noise(Layer):
        """y = x * r, r the next of a row of random numbers."""

        type = "Noise"

        def setup(self, bottom, top):
            self.drawn = 0

        def reshape(self, bottom, top):
            top[0].reshape(bottom[0].shape)

        def forward(self, bottom, top):
            self.factor = self.generator("noise", self.drawn).random()
            self.drawn += 1
            top[0].data[...] = bottom[0].data * self.factor
            seen.append(self.factor)

        def backward(self, top, propagate_down, bottom):
            bottom[0].diff[...] = top[0].diff * self.factor

        def state(self):
            return {"drawn": self.drawn}

        def restore_state(self, state):
            self.drawn = state["drawn"]

    seen = []
    register(Noise)
    net = make_net(FORKED.replace('name: "left" type: "Convolution" bottom: "conv1"', NOISE))
    forward_backward(MicroBatches(net, 2))
    assert len(seen) == 6
    assert seen[:3] == seen[3:]
    assert len(set(seen)) == 3


def test_memory_is_that_of_a_part_not_of_the_batch():
    """One conv1 blob of the whole batch is 40 x 8 x 60 x 60 numbers; its diff is as large."""
    text = """
    layer { name: "data" type: "Input" top: "data" top: "label"
      input_param { shape { dim: [40, 1, 62, 62] } shape { dim: [40, 1, 60, 60] } } }
    layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
      convolution_param { num_output: 8 kernel_size: 3 weight_filler { type: "msra" } } }
    layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
    layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "y"
      convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: "msra" } } }
    layer { name: "loss" type: "Python" bottom: "y" bottom: "label" top: "loss"
      python_param { module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss" } }
    """
    whole_blob = 40 * 8 * 60 * 60 * 4
    assert peak_memory(text, lambda net: whole_batch(net)) > 2 * whole_blob
    assert peak_memory(text, lambda net: forward_backward(MicroBatches(net, 2))) < whole_blob


def peak_memory(text, work):
    """Bytes allocated at most while `work(net)` runs, the data's own and the columns' excepted."""
    net = make_net(text, np.float32)
    net.context.workers.limit = 1 << 18
    tracemalloc.start()
    try:
        work(net)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_solver_with_micro_batch_trains_as_one_without(tmp_path):
    nets = []
    for micro_batch in (0, 1, 3):
        solver = make_solver(tmp_path, f"micro_batch: {micro_batch} iter_size: 2 momentum: 0.9")
        solver.step(4)
        nets.append([param.blob.data for param in solver.net.learnable])
    for other in nets[1:]:
        for found, expected in zip(other, nets[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_loss_weight_on_a_blob_before_the_losses_is_refused():
    text = FORKED.replace('top: "left"\n', 'top: "left" loss_weight: 1\n', 1)
    with pytest.raises(NetdefError, match=r"^net\.prototxt: micro_batch: a loss_weight on a blob before the losses"):
        MicroBatches(make_net(text), 2)


def test_data_blobs_of_different_lengths_are_refused():
    net = make_net("""
    layer { name: "data" type: "Input" top: "a" top: "b"
      input_param { shape { dim: [2, 1, 1, 1] } shape { dim: [3, 1, 1, 1] } } }
    layer { name: "c1" type: "Convolution" bottom: "a" top: "c1" convolution_param { num_output: 1 kernel_size: 1 } }
    layer { name: "c2" type: "Convolution" bottom: "b" top: "c2" convolution_param { num_output: 1 kernel_size: 1 } }
    """)
    with pytest.raises(NetdefError, match=r"must have equally many items, found \[2, 3\]"):
        forward_backward(MicroBatches(net, 2))


def test_a_net_without_layers_to_run_in_parts_is_refused():
    net = make_net("""
    layer { name: "data" type: "Input" top: "a" top: "b" input_param { shape { dim: [2, 3] } } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "a" bottom: "b" top: "loss" }
    """)
    with pytest.raises(NetdefError, match=r"net\.prototxt: micro_batch: the data blobs .* found \[\]"):
        forward_backward(MicroBatches(net, 2))


def test_a_loss_that_reads_something_else_than_items_is_refused(monkeypatch):
    monkeypatch.setattr("pysketch.layers.base.LAYERS", dict(LAYERS))

    class Sum(Layer):
        """Adds up everything, but does not say that it mixes the batch."""

        type = "Sum"

        def reshape(self, bottom, top):
            top[0].reshape(())

        def forward(self, bottom, top):
            top[0].data[...] = bottom[0].data.sum()

    register(Sum)
    net = make_net("""
    layer { name: "data" type: "Input" top: "a" top: "b" input_param { shape { dim: [2, 3] } shape { dim: [1] } } }
    layer { name: "sum" type: "Sum" bottom: "a" top: "sum" }
    layer { name: "mean" type: "Sum" bottom: "sum" top: "mean" }
    """)
    monkeypatch.setattr(net.layers[-1], "mixes_batch", True)
    with pytest.raises(NetdefError, match=r"micro_batch: a loss reads a blob of shape \(\); expected 1 items"):
        forward_backward(MicroBatches(net, 1))


def test_afterwards_the_net_by_itself_draws_as_if_there_had_been_no_parts():
    """A forward of the net, after three parts, draws the mask of the fourth forward."""
    text = FORKED.replace('name: "left" type: "Convolution" bottom: "conv1"', NOISE.replace("Noise", "Dropout"))
    net, other = make_net(text), make_net(text)
    forward_backward(MicroBatches(net, 2))
    other.layer_dict["noise"].restore_state({"forwards": 3})
    for each in (net, other):
        each.forward()
    assert net.layer_states() == other.layer_states() == {"noise": {"forwards": 4}}
    np.testing.assert_array_equal(net.blobs["noise"].data, other.blobs["noise"].data)
