import numpy as np
import pytest

from pysketch.convolution import engine_choice
from pysketch.convolution.engine_choice import (
    ENGINES,
    RATES,
    choose_way,
    cost,
    device_of,
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
    # 2 channels, 3 filters (4 by compiled kernels), 3x3, 8x8 inputs, 6x6 outputs: K = 9, P = 36, one tile, one strip
    numbers = {
        ("gemm", "cpu"): (2 * 3 * 2 * 9 * 36, 2 * 9 * 36, 2 * 64 + 3 * 36 + 3 * 2 * 9),
        ("thin", "cpu"): (2 * 3 * 2 * 9 * 64, 3 * 9 * 64, 2 * 64 + 3 * 36 + 3 * 2 * 9),
        ("winograd", "cpu"): (2 * 64 * 6, 64 * 5, 2 * 64 + 3 * 36 + 64 * 6),
        ("strips", "cpu"): (2 * 8 * 6 * 3 * 6, 8 * 6 * (3 * 2 + 3), 2 * 64 + 3 * 36 + 8 * 3 * 6),
        ("strips", "compiled"): (2 * 8 * 6 * 3 * 8, 8 * 6 * (2 + 3), 2 * 64 + 3 * 36 + 8 * 3 * 6),
        ("winograd", "compiled"): (2 * 64 * 8, (64 + 4 * 36) * 5, 2 * 64 + 3 * 36 + 64 * 6),
        ("direct", "compiled"): (2 * 4 * 2 * 9 * 36, 2 * 64, 2 * 64 + 3 * 36 + 3 * 2 * 9),
    }
    for place, (flops, cached, moved) in numbers.items():
        rates = RATES[place]
        seconds = rates.start + flops / rates.flops + 4 * cached / rates.cache + 4 * moved / rates.memory
        assert cost(*place, square(3), 2, 3, (8, 8)) == pytest.approx(seconds)
    pairs = square(1), square(3, pad=(1, 1))
    assert cost("gemm", "cpu", pairs[0], 2, 3, (6, 6)) < cost("gemm", "cpu", pairs[1], 2, 3, (6, 6))


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
    every = {(way, device) for way in ("gemm", "thin", "winograd") for device in ("cpu", "compiled", "gpu")}
    assert set(made) == {*every, ("strips", "cpu"), ("strips", "compiled"), ("direct", "compiled")}
    assert set(RATES) == {place for place in made if place[1] != "gpu"}
    assert [made[way, "cpu"].name for way in ("gemm", "thin", "winograd")] == ["CAFFE", "CAFFE", "WINOGRAD"]
    assert made["gemm", "gpu"].products is not made["gemm", "cpu"].products


def test_where_there_are_compiled_kernels_nothing_is_left_to_numpy_but_what_is_asked_for():
    for name in LAYERS:
        *layer, _ = LAYERS[name]
        assert choose_way("DEFAULT", *layer, "compiled") in ("direct", "strips", "winograd")
    assert choose_way("CAFFE", *LAYERS["medium conv2"][:-1], "compiled") == "gemm"


def test_arrays_on_a_cpu_are_for_compiled_kernels_if_there_are_some(monkeypatch):
    monkeypatch.setattr(engine_choice, "kernels", lambda: None)
    assert device_of(np) == "cpu"
    monkeypatch.setattr(engine_choice, "kernels", lambda: np)
    assert device_of(np) == "compiled"
    assert device_of(engine_choice) == "gpu"
