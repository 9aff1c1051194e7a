"""What Convolution and Deconvolution share: their options, and the errors about them."""

from __future__ import annotations

import pytest
from helpers import SingleLayer, layer_text, make_layer

from pysketch.errors import NetdefError, ShapeError
from pysketch.layers import Convolution
from pysketch.layers.base_convolution import CONVOLUTION
from pysketch.layers.deconvolution import Deconvolution

TYPES = ["Convolution", "Deconvolution"]


def make(type: str, options: str, shape: tuple[int, ...] = (1, 2, 6, 7)) -> SingleLayer:
    """The layer."""
    return make_layer(layer_text(type, ["x"], ["y"], f"convolution_param {{ {options} }}"), [shape])


def test_both_have_one_table() -> None:
    assert Convolution.table is Deconvolution.table is CONVOLUTION
    assert Convolution.section == Deconvolution.section == "convolution_param"


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("kernel_size: 3 kernel_h: 3 kernel_w: 3", "give either kernel_size or kernel_h and kernel_w, not both"),
        ("kernel_h: 3", "kernel_h and kernel_w must both be given and positive"),
        ("kernel_size: 3 stride_h: 0", "stride_h and stride_w must both be given and positive"),
        ("stride: 2", "kernel_size is missing; or give kernel_h and kernel_w"),
        ("kernel_size: [3, 3, 3]", "kernel_size is given 3 times; expected one number, or height and width"),
    ],
)
def test_a_geometry_that_is_not_clear_is_refused(type: str, options: str, message: str) -> None:
    with pytest.raises(NetdefError, match=f'<netdef>:2:\\d+: layer "it": {message}'):
        make(type, f"num_output: 2 {options}")


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize(
    ("both", "apart"), [("kernel_size: 3", "kernel_h: 3 kernel_w: 3"), ("pad: 1", "pad_h: 1 pad_w: 1")]
)
def test_one_number_or_two_names_say_the_same(type: str, both: str, apart: str) -> None:
    shapes = [
        make(type, f"num_output: 2 {'' if 'kernel' in each else 'kernel_size: 3'} {each}") for each in (both, apart)
    ]
    assert shapes[0].top[0].shape == shapes[1].top[0].shape
    assert shapes[0].layer.window == shapes[1].layer.window


@pytest.mark.parametrize("type", TYPES)
def test_the_bottom_must_be_images_of_the_same_number_of_channels(type: str) -> None:
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, C, H, W\), found \(2, 3\)"):
        make(type, "num_output: 2 kernel_size: 1", (2, 3))
    single = make(type, "num_output: 2 kernel_size: 1")
    single.bottom[0].reshape(1, 3, 6, 7)
    with pytest.raises(ShapeError, match=r"expected a bottom of shape \(N, 2, H, W\), found \(1, 3, 6, 7\)"):
        single.forward()
