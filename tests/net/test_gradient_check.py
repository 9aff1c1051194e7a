"""The gradient checks find every kind of wrong backward, pass right ones, and leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import h5py
import numpy as np
import pytest

from pysketch.device.blob import Blob
from pysketch.errors import GradientError
from pysketch.layers import Convolution
from pysketch.layers.base import Count, Layer
from pysketch.layers.context import Context
from pysketch.net.gradient_check import check_gradients, check_net_gradients
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

SHAPE = (2, 3)


class Affine(Layer):
    """y = w x1 + x2^3, z = 2 y, with one w for all: a right layer, from which wrong ones are derived."""

    bottoms = tops = Count(2)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        self.add_param(np.full(1, 0.75))

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        for blob in top:
            blob.reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        top[0].data[...] = self.blobs[0].data * bottom[0].data + bottom[1].data ** 3
        top[1].data[...] = 2 * top[0].data

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        dy = top[0].diff + 2 * top[1].diff
        if self.param_propagate_down[0]:
            self.blobs[0].diff[...] += (dy * bottom[0].data).sum()
        if propagate_down[0]:
            bottom[0].diff[...] = self.blobs[0].data * dy
        if propagate_down[1]:
            bottom[1].diff[...] = 3 * bottom[1].data ** 2 * dy


def make(cls: type[Layer] = Affine, dtype: type = np.float64) -> tuple[Layer, list[Blob], list[Blob]]:
    """A layer without a net, on random bottoms "a" and "b"."""
    text = 'layer { name: "it" type: "Affine" bottom: "a" bottom: "b" top: "y" top: "z" }'
    layer = cls(parse_netdef(text).layers[0], Context(dtype=dtype))
    bottom, top = ([Blob(SHAPE, dtype) for _ in range(2)] for _ in range(2))
    rng = np.random.default_rng(5)
    for blob in bottom:
        blob.data[...] = rng.standard_normal(SHAPE)
    layer.setup(bottom, top)
    layer.reshape(bottom, top)
    return layer, bottom, top


def spoiled(spoil: Callable[[Layer, Sequence[Blob], Sequence[Blob]], None]) -> type[Layer]:
    """Affine with something done to its diffs after a right backward."""

    class Spoiled(Affine):
        def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
            before = bottom[1].diff.copy()
            super().backward(top, propagate_down, bottom)
            self.before = before
            spoil(self, bottom, top)

    return Spoiled


def add_instead_of_overwrite(layer: Any, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    bottom[1].diff[...] += layer.before


def overwrite_a_param(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    layer.blobs[0].diff[...] = ((top[0].diff + 2 * top[1].diff) * bottom[0].data).sum()


def take_the_top_diff_for_1(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    bottom[1].diff[...] = 3 * bottom[1].data ** 2 * 3


def forget_a_top(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    bottom[1].diff[...] = 3 * bottom[1].data ** 2 * top[0].diff


def leave_one_element_out(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    bottom[1].diff[1, 2] = 0


def be_off_by_a_thousandth(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    bottom[1].diff[...] += 1e-3


def turn_the_sign(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    bottom[0].diff[...] *= -1


def give_no_number(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    bottom[0].diff[0, 1] = np.nan


def give_infinity(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    bottom[0].diff[0, 1] = np.inf


def halve_a_param(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
    layer.blobs[0].diff[...] = 1 + (layer.blobs[0].diff - 1) / 2


def test_a_right_layer_passes_with_every_element_compared() -> None:
    assert check_gradients(*make()) == 2 * 6 + 1


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (add_instead_of_overwrite, 'bottom 1 "b", element [0, 0]'),
        (overwrite_a_param, "param 0, element [0]"),
        (take_the_top_diff_for_1, 'bottom 1 "b", element [0, 0]'),
        (forget_a_top, 'bottom 1 "b", element [0, 0]'),
        (leave_one_element_out, 'bottom 1 "b", element [1, 2]'),
        (be_off_by_a_thousandth, 'bottom 1 "b", element [0, 0]'),
        (turn_the_sign, 'bottom 0 "a", element [0, 0]'),
        (give_no_number, 'bottom 0 "a", element [0, 1]'),
        (give_infinity, 'bottom 0 "a", element [0, 1]'),
        (halve_a_param, "param 0, element [0]"),
    ],
)
def test_a_wrong_backward_is_found_and_named(spoil: Callable, where: str) -> None:
    with pytest.raises(GradientError) as caught:
        check_gradients(*make(spoiled(spoil)))
    assert str(caught.value).startswith(f'layer "it": {where}: backward gives ')


def test_the_message_says_both_derivatives() -> None:
    layer, bottom, top = make(spoiled(turn_the_sign))
    with pytest.raises(GradientError) as caught:
        check_gradients(layer, bottom, top, rng=np.random.default_rng(1))
    weights = [np.random.default_rng(1).standard_normal((2, *SHAPE))[k] for k in range(2)]
    right = 0.75 * (weights[0] + 2 * weights[1])[0, 0]
    said = str(caught.value).partition("backward gives ")[2].split(", centred differences ")
    assert [float(number) for number in said] == pytest.approx([-right, right], rel=1e-6)


def test_float32_is_refused_with_the_cure() -> None:
    message = 'layer "it": gradients are checked in float64, found float32; build the net with dtype=np.float64'
    with pytest.raises(GradientError, match=message):
        check_gradients(*make(dtype=np.float32))


def test_only_the_bottoms_named_are_checked_and_propagated_to() -> None:
    layer, bottom, top = make(spoiled(lambda layer, bottom, top: None))
    assert check_gradients(layer, bottom, top, check_bottoms=[1]) == 6 + 1
    assert np.isnan(bottom[0].diff).all()  # never written
    with pytest.raises(GradientError, match='bottom 1 "b"'):
        check_gradients(*make(spoiled(forget_a_top)), check_bottoms=[1])
    assert check_gradients(*make(spoiled(forget_a_top)), check_bottoms=[0]) == 6 + 1


def test_bottoms_that_have_no_gradient_are_left_out() -> None:
    class WithLabel(Affine):
        no_gradient = (1,)

    assert check_gradients(*make(WithLabel)) == 6 + 1


def test_params_that_are_not_learned_are_left_out() -> None:
    layer, bottom, top = make(spoiled(halve_a_param))
    layer.param_propagate_down[0] = False
    assert check_gradients(layer, bottom, top) == 12


@pytest.mark.parametrize("learned", [True, False])
def test_bottoms_and_params_have_their_data_again(learned: bool) -> None:
    layer, bottom, top = make()
    layer.param_propagate_down[0] = learned
    before = [blob.data.copy() for blob in (*bottom, *layer.blobs)]
    check_gradients(layer, bottom, top)
    for blob, data in zip((*bottom, *layer.blobs), before, strict=True):
        np.testing.assert_array_equal(blob.data, data)


class Kinked(Layer):
    """y = |x - 2|, with derivative -1 at 2."""

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        top[0].data[...] = abs(bottom[0].data - 2)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        bottom[0].diff[...] = np.where(bottom[0].data > 2, 1, -1) * top[0].diff


def test_elements_at_a_kink_are_left_out_if_it_is_named() -> None:
    layer = Kinked(parse_netdef('layer { name: "k" type: "K" bottom: "a" top: "y" }').layers[0], Context())
    bottom, top = [Blob((5,), np.float64)], [Blob((5,), np.float64)]
    bottom[0].data[...] = [1, 2, 2 + 1e-4, 3, 2 - 3e-4]
    with pytest.raises(GradientError, match=r'bottom 0 "a", element \[1\]'):
        check_gradients(layer, bottom, top)
    assert check_gradients(layer, bottom, top, kink=2) == 3
    assert check_gradients(layer, bottom, top, kink=2, step=4e-4) == 2


class Noisy(Affine):
    """Affine times a random number, drawn from a generator that state() can set back."""

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        super().setup(bottom, top)
        self.draws = 0

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        self.draws += 1
        self.factor = self.generator("noise", self.draws).uniform(1, 2)
        top[0].data[...] = self.factor * (self.blobs[0].data * bottom[0].data + bottom[1].data ** 3)
        top[1].data[...] = 2 * top[0].data

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        for blob in top:
            blob.diff[...] *= self.factor
        super().backward(top, propagate_down, bottom)

    def state(self) -> dict[str, Any]:
        return {"draws": self.draws}

    def restore_state(self, state: dict[str, Any]) -> None:
        self.draws = state["draws"]


def test_a_layer_with_chance_in_it_draws_the_same_numbers_each_time() -> None:
    assert check_gradients(*make(Noisy)) == 13


NET = """
    layer {{ name: "data" type: "HDF5Data" top: "x" top: "t"
            hdf5_data_param {{ source: "{source}" batch_size: 3 shuffle: true }} }}
    layer {{ name: "relu0" type: "ReLU" bottom: "x" top: "x" relu_param {{ negative_slope: 0.5 }} }}
    layer {{ name: "conv1" type: "Convolution" bottom: "x" top: "conv1"
            param {{ lr_mult: 1 }} param {{ lr_mult: {bias} }}
            convolution_param {{ num_output: 4 kernel_size: 3 weight_filler {{ type: "xavier" }} }} }}
    layer {{ name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }}
    layer {{ name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
            convolution_param {{ num_output: 1 kernel_size: 1 weight_filler {{ type: "xavier" }} }} }}
    layer {{ name: "loss" type: "Python" bottom: "conv2" bottom: "t" top: "loss"
            python_param {{ module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss"
                            param_str: '{{ "alpha": 50, "lambda": 20 }}' }} }}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A list of one file with 7 rows."""
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = rng.standard_normal((7, 2, 6, 5))
        file["t"] = rng.standard_normal((7, 1, 4, 3))
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'a.h5'}\n")
    return tmp_path / "list.txt"


def net_of(source: Path, bias: float = 1, dtype: type = np.float64) -> Net:
    """Two convolutions on data from a file, with an in-place layer on the data; bias: conv1's bias's lr_mult."""
    return Net(parse_netdef(NET.format(source=source, bias=bias)), Phase.TRAIN, Context(dtype=dtype))


def test_a_right_net_passes_with_samples_of_every_param_compared(source: Path) -> None:
    sizes = [72, 4, 4, 1]
    assert [param.blob.count for param in net_of(source).learnable] == sizes
    assert check_net_gradients(net_of(source), samples=6) == 6 + 4 + 4 + 1
    assert check_net_gradients(net_of(source), samples=1000) == sum(sizes)


def test_the_net_goes_on_as_if_nothing_had_been_checked(source: Path) -> None:
    net, untouched = net_of(source), net_of(source)
    for each in (net, untouched):
        each.forward()
    check_net_gradients(net, samples=3)
    assert net.layer_states() == untouched.layer_states()
    for mine, other in zip(net.learnable, untouched.learnable, strict=True):
        np.testing.assert_array_equal(mine.blob.data, other.blob.data)
    assert [net.forward_loss() for _ in range(3)] == [untouched.forward_loss() for _ in range(3)]


NOISE = """
    from pysketch.layers import Layer


    class Noise(Layer):
        def setup(self, bottom, top):
            self.draws = 0

        def reshape(self, bottom, top):
            top[0].reshape(bottom[0].shape)

        def forward(self, bottom, top):
            self.draws += 1
            self.factor = self.generator("noise", self.draws).uniform(1, 2)
            top[0].data[...] = self.factor * bottom[0].data

        def backward(self, top, propagate_down, bottom):
            bottom[0].diff[...] = self.factor * top[0].diff

        def state(self):
            return {"draws": self.draws}

        def restore_state(self, state):
            self.draws = state["draws"]
"""


def test_a_net_with_chance_in_it_draws_the_same_numbers_each_time(tmp_path: Path) -> None:
    (tmp_path / "noise_for_check.py").write_text(dedent(NOISE))
    text = """
        layer { name: "in" type: "Input" top: "x" top: "t" input_param { shape { dim: [2, 1, 4, 3] } } }
        layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
                convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: "xavier" } } }
        layer { name: "noise" type: "Python" bottom: "y" top: "z"
                python_param { module: "noise_for_check" layer: "Noise" } }
        layer { name: "loss" type: "EuclideanLoss" bottom: "z" bottom: "t" top: "loss" }
    """
    net = Net(parse_netdef(text), Phase.TRAIN, Context(dtype=np.float64, layer_paths=[str(tmp_path)]))
    net.blobs["x"].data[...] = np.random.default_rng(0).standard_normal((2, 1, 4, 3))
    assert check_net_gradients(net) == 2
    assert net.layer_states() == {"noise": {"draws": 0}}


def test_afterwards_the_diffs_are_those_of_one_batch(source: Path) -> None:
    net, other = net_of(source), net_of(source)
    net.learnable[0].blob.diff[...] = 99  # what a run before left
    check_net_gradients(net, samples=3)
    other.forward()
    other.backward()
    for mine, right in zip(net.learnable, other.learnable, strict=True):
        np.testing.assert_array_equal(mine.blob.diff, right.blob.diff)


def test_a_wrong_layer_in_a_net_shows_in_the_params_below_it(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backward = Convolution.backward_gated

    def ungated_backward(self: Convolution, top: Any, propagate_down: Any, bottom: Any, slope: float | None) -> None:
        """Forgets the mask."""
        backward(self, top, propagate_down, bottom, None)

    monkeypatch.setattr(Convolution, "backward_gated", ungated_backward)
    with pytest.raises(GradientError, match=r'layer "conv1": param 0, element \[\d, \d, \d, \d\]: backward gives '):
        check_net_gradients(net_of(source))


def test_a_param_of_a_wrong_layer_is_named(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backward = Convolution.backward_gated

    def spoiled_backward(self: Convolution, *arguments: Any) -> None:
        backward(self, *arguments)
        if self.name == "conv2":
            self.blobs[1].diff[...] *= 1.01

    monkeypatch.setattr(Convolution, "backward_gated", spoiled_backward)
    monkeypatch.setattr(Convolution, "backward", lambda self, *arguments: spoiled_backward(self, *arguments, None))
    with pytest.raises(GradientError, match=r'layer "conv2": param 1, element \[0\]: backward gives '):
        check_net_gradients(net_of(source))


def test_a_frozen_param_is_left_out_but_must_keep_a_diff_of_0(source: Path) -> None:
    net = net_of(source, bias=0)
    assert check_net_gradients(net, samples=2) == 2 + 2 + 1
    net.layers[2].param_propagate_down[1] = True
    with pytest.raises(GradientError, match='layer "conv1": param 1: its lr_mult is 0, but backward changed its diff'):
        check_net_gradients(net, samples=2)


def test_shared_params_are_checked_once_with_both_layers_parts() -> None:
    text = """
        layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [2, 2, 4, 3] } } }
        layer { name: "one" type: "Convolution" bottom: "x" top: "y" param { name: "W" }
                convolution_param { num_output: 2 kernel_size: 1 bias_term: false weight_filler { type: "xavier" } } }
        layer { name: "two" type: "Convolution" bottom: "y" top: "z" param { name: "W" }
                convolution_param { num_output: 2 kernel_size: 1 bias_term: false weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "EuclideanLoss" bottom: "z" bottom: "x" top: "loss" }
    """
    net = Net(parse_netdef(text), Phase.TRAIN, Context(dtype=np.float64))
    net.blobs["x"].data[...] = np.random.default_rng(0).standard_normal((2, 2, 4, 3))
    assert check_net_gradients(net) == 4
    net.layers[-2].backward = lambda top, down, bottom: None
    with pytest.raises(GradientError, match='layer "one": param 0'):
        check_net_gradients(net)


def test_a_kink_within_a_step_is_overcome_by_a_smaller_step() -> None:
    text = """
        layer { name: "in" type: "Input" top: "x" top: "t" input_param { shape { dim: [1, 1, 1, 1] } } }
        layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
                convolution_param { num_output: 1 kernel_size: 1 } }
        layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
        layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }
    """
    net = Net(parse_netdef(text), Phase.TRAIN, Context(dtype=np.float64))
    net.blobs["x"].data[...], net.blobs["t"].data[...] = 1, 5
    net.params["conv"][0].data[...] = 3e-5  # the ReLU's input
    assert check_net_gradients(net) == 2
    with pytest.raises(GradientError, match='layer "conv": param 0'):
        check_net_gradients(net, steps=(1e-4,))


def test_a_float32_net_is_refused_with_the_cure(source: Path) -> None:
    with pytest.raises(GradientError, match="net <netdef>: gradients are checked in float64, found float32; build"):
        check_net_gradients(net_of(source, dtype=np.float32))


def test_the_seed_chooses_the_elements(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One element is wrong: some seeds find it, others do not."""
    backward = Convolution.backward

    def spoiled_backward(self: Convolution, *arguments: Any) -> None:
        backward(self, *arguments)
        if self.name == "conv1":
            self.blobs[0].diff[1, 1, 2, 0] += 100

    monkeypatch.setattr(Convolution, "backward", spoiled_backward)
    found = []
    for seed in range(8):
        try:
            check_net_gradients(net_of(source), samples=20, seed=seed)
            found.append(False)
        except GradientError as error:
            assert 'layer "conv1": param 0, element [1, 1, 2, 0]' in str(error)
            found.append(True)
    assert set(found) == {True, False}
