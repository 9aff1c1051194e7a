import pytest
from helpers import layer_text, make_layer

from pysketch.net.multiply_adds import backward_multiply_adds, forward_multiply_adds

CASES = {
    # x (2, 6, 7, 5) -> y (2, 4, 3, 4), of 3 x 2 taps of each of 6 / 2 channels
    "Convolution": ("convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 group: 2 }",
                    [(2, 6, 7, 5)], 3 * 2 * 3 * (2 * 4 * 3 * 4)),
    # x (2, 6, 7, 5), each element to 3 x 3 places of 4 / 2 filters
    "Deconvolution": ("convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 2 }",
                      [(2, 6, 7, 5)], 2 * 3 * 3 * (2 * 6 * 7 * 5)),
    "InnerProduct": ("inner_product_param { num_output: 3 }", [(2, 5, 7)], 2 * 3 * 5 * 7),
    # y (2, 3, 3, 2)
    "Pooling": ("pooling_param { pool: AVE kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 2 }",
                [(2, 3, 7, 4)], 3 * 2 * (2 * 3 * 3 * 2)),
}  # fmt: skip


def parts(text, shapes):
    single = make_layer(text, shapes)
    return single.layer, single.bottom, single.top


@pytest.mark.parametrize("type", CASES)
def test_the_direct_algorithms_products_are_counted(type):
    section, shapes, expected = CASES[type]
    layer, bottom, top = parts(layer_text(type, ["x"], extra=section), shapes)
    assert forward_multiply_adds(layer, bottom, top) == expected
    weights = expected if layer.blobs else 0
    assert backward_multiply_adds(layer, bottom, top, [False]) == weights
    assert backward_multiply_adds(layer, bottom, top, [True]) == weights + expected


def test_weights_that_are_not_learned_cost_nothing_in_backward():
    text = layer_text(
        "Convolution", ["x"], extra="param { lr_mult: 0 } convolution_param { num_output: 2 kernel_size: 1 }"
    )
    layer, bottom, top = parts(text, [(1, 3, 2, 5)])
    assert backward_multiply_adds(layer, bottom, top, [False]) == 0


def test_every_pair_of_bottom_and_top_counts():
    text = layer_text("Convolution", ["x", "z"], ["y", "w"], "convolution_param { num_output: 2 kernel_size: 1 }")
    layer, bottom, top = parts(text, [(1, 3, 2, 5), (1, 3, 4, 1)])
    assert forward_multiply_adds(layer, bottom, top) == 3 * 2 * (2 * 5 + 4)
    assert backward_multiply_adds(layer, bottom, top, [False, True]) == 3 * 2 * (2 * 5 + 4) + 3 * 2 * 4


def test_other_layers_have_no_count():
    layer, bottom, top = parts(layer_text("ReLU", ["x"]), [(2, 3)])
    assert forward_multiply_adds(layer, bottom, top) is None
    assert backward_multiply_adds(layer, bottom, top, [True]) is None
