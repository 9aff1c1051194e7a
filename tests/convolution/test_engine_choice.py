import pytest

from pysketch.convolution.engine_choice import (
    ENGINES,
    RATES,
    choose_way,
    cost,
    possible_ways,
    unfolds_outputs,
    winograd_fits,
)
from pysketch.convolution.im2col import Window
from pysketch.device.workers import Workers


def square(kernel, **options):
    return Window((kernel, kernel), **options)


HALF = {"stride": (2, 2), "pad": (1, 1)}

# Convolutions of the shipped nets on one photo: window, channels, filters, (H, W), the way that was measured fastest.
LAYERS = {
    "sr conv1": (square(9), 5, 64, (200, 155), "strips"),
    "sr conv2": (square(1), 64, 32, (192, 147), "gemm"),
    "sr conv3": (square(5), 32, 1, (192, 147), "thin"),
    "small conv1": (square(5), 5, 64, (200, 155), "strips"),
    "small conv2": (square(5), 64, 64, (196, 151), "winograd"),
    "small conv5": (square(3), 32, 32, (192, 147), "strips"),
    "medium conv2": (square(5), 128, 128, (196, 151), "winograd"),
    "medium conv6": (square(3), 64, 1, (190, 145), "thin"),
    "large conv2": (square(5), 256, 256, (196, 151), "winograd"),
    "portrait down0b": (square(3, pad=(1, 1)), 24, 24, (224, 176), "strips"),
    "portrait down1a": (square(4, **HALF), 24, 48, (224, 176), "strips"),
    "portrait down1b": (square(3, pad=(1, 1)), 48, 48, (112, 88), "strips"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_way_that_was_measured_fastest_is_chosen_for_the_shipped_nets(name):
    *layer, way = LAYERS[name]
    assert choose_way("DEFAULT", *layer, "cpu") == way


def test_tiny_images_are_not_worth_transforming_kernels_for():
    assert choose_way("DEFAULT", square(5), 128, 128, (8, 8), "cpu") == "gemm"


@pytest.mark.parametrize(
    ("window", "ways"),
    [
        (square(1), ["gemm"]),
        (Window((1, 3)), ["gemm", "thin"]),
        (square(8), ["gemm", "thin", "strips"]),
        (Window((3, 2)), ["gemm", "thin", "strips"]),
        (square(3, stride=(1, 2)), ["gemm", "strips"]),
        (square(3, dilation=(2, 1)), ["gemm", "thin", "strips"]),
        (square(4, stride=(2, 2), dilation=(2, 2)), ["gemm"]),
        (square(3), ["gemm", "thin", "winograd", "strips"]),
    ],
)
def test_only_what_fits_a_window_is_a_way_for_it(window, ways):
    assert possible_ways(window, "cpu") == ways
    assert possible_ways(window, "gpu") == [way for way in ways if way != "strips"]
    assert winograd_fits(window) is ("winograd" in ways)


def test_an_image_that_the_kernel_does_not_fit_is_left_to_im2col():
    assert choose_way("DEFAULT", square(3), 256, 256, (2, 200), "cpu") == "gemm"


def test_the_costs_are_seconds_of_operations_and_bytes_by_hand():
    # 2 channels, 3 filters, 3x3, 8x8 inputs, 6x6 outputs: K = 9, P = 36, one tile, one strip, D = 3
    numbers = {
        "gemm": (2 * 3 * 2 * 9 * 36, 2 * 9 * 36, 2 * 64 + 3 * 36 + 3 * 2 * 9),
        "thin": (2 * 3 * 2 * 9 * 64, 3 * 9 * 64, 2 * 64 + 3 * 36 + 3 * 2 * 9),
        "winograd": (2 * 64 * 6, 64 * 5, 2 * 64 + 3 * 36 + 64 * 6),
        "strips": (2 * 8 * 6 * 3 * 6, 8 * 6 * (3 * 2 + 3), 2 * 64 + 3 * 36 + 8 * 3 * 6),
    }
    for way, (flops, cached, moved) in numbers.items():
        rates = RATES[way]
        seconds = rates.start + flops / rates.flops + 4 * cached / rates.cache + 4 * moved / rates.memory
        assert cost(way, square(3), 2, 3, (8, 8)) == pytest.approx(seconds)
    assert cost("gemm", square(1), 2, 3, (6, 6)) < cost("gemm", square(3, pad=(1, 1)), 2, 3, (6, 6))


def test_the_side_with_fewer_channels_is_unfolded_where_that_is_possible():
    assert unfolds_outputs(square(3), 64, 1)
    assert unfolds_outputs(square(3, pad=(2, 2)), 64, 63)
    assert not unfolds_outputs(square(3), 64, 64)
    assert not unfolds_outputs(square(3), 5, 64)
    assert not unfolds_outputs(square(1), 64, 1)
    assert not unfolds_outputs(square(3, stride=(2, 2)), 64, 1)
    assert not unfolds_outputs(square(3, pad=(3, 3)), 64, 1)


def test_a_way_is_chosen_by_geometry_and_device_and_has_its_engine_on_each():
    worth, thin = (square(5), 128, 128, (196, 151)), (square(3), 64, 1, (190, 145))
    assert choose_way("DEFAULT", *worth, "cpu") == "winograd"
    assert choose_way("DEFAULT", *worth, "gpu") == "gemm"
    assert choose_way("WINOGRAD", *worth, "gpu") == "winograd"
    assert choose_way("CAFFE", *worth, "cpu") == "gemm"
    assert choose_way("DEFAULT", *thin, "cpu") == choose_way("DEFAULT", *thin, "gpu") == "thin"
    made = {place: make(square(3), Workers(1), False) for place, make in ENGINES.items()}
    both = {(way, device) for way in ("gemm", "thin", "winograd") for device in ("cpu", "gpu")}
    assert set(made) == {*both, ("strips", "cpu")}
    assert [made[way, "cpu"].name for way in ("gemm", "thin", "winograd")] == ["CAFFE", "CAFFE", "WINOGRAD"]
    assert made["gemm", "gpu"].products is not made["gemm", "cpu"].products
