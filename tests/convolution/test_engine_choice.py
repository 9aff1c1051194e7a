import pytest

from pysketch.convolution import engine_choice
from pysketch.convolution.engine_choice import (
    ENGINES,
    choose_way,
    gemm_cost,
    prefers_winograd,
    unfolds_outputs,
    winograd_cost,
    winograd_fits,
)
from pysketch.convolution.im2col import Window
from pysketch.device.workers import Workers

# The shipped nets' convolutions on one 155x200 photo: kernel, channels, filters, (H', W'), is Winograd chosen?
LAYERS = {
    "sr conv1": (9, 5, 64, (192, 147), False),
    "sr conv3": (5, 32, 1, (188, 143), False),
    "small conv1": (5, 5, 64, (196, 151), False),
    "small conv2": (5, 64, 64, (192, 147), True),
    "medium conv1": (5, 5, 128, (196, 151), False),
    "medium conv2": (5, 128, 128, (192, 147), True),
    "medium conv3": (1, 128, 64, (192, 147), False),
    "medium conv5": (3, 64, 64, (190, 145), True),
    "medium conv6": (3, 64, 1, (188, 143), False),
    "large conv2": (5, 256, 256, (192, 147), True),
}


def square(kernel, **options):
    return Window((kernel, kernel), **options)


@pytest.mark.parametrize("flops_per_byte", [5.0, 7.0, 30.0])
@pytest.mark.parametrize("name", LAYERS)
def test_the_choices_for_the_shipped_nets_do_not_hang_on_the_fitted_number(name, flops_per_byte, monkeypatch):
    monkeypatch.setattr(engine_choice, "FLOPS_PER_BYTE", flops_per_byte)
    kernel, channels, filters, out, winograd = LAYERS[name]
    assert prefers_winograd(square(kernel), channels, filters, out) is winograd


def test_tiny_images_are_not_worth_transforming_kernels_for():
    assert not prefers_winograd(square(5), 128, 128, (4, 4))


@pytest.mark.parametrize(
    "window",
    [square(1), square(8), Window((3, 2)), square(3, stride=(1, 2)), square(3, dilation=(2, 1)), Window((1, 3))],
)
def test_what_winograd_cannot_do_is_never_chosen(window):
    assert not winograd_fits(window)
    assert not prefers_winograd(window, 256, 256, (200, 200))


def test_an_image_that_the_kernel_does_not_fit_is_left_to_the_other_engine():
    assert not prefers_winograd(square(3), 256, 256, (0, 200))


def test_the_costs_are_flops_over_flops_per_byte_and_bytes_by_hand():
    # 2 channels, 3 filters, 3x3, 6x6 outputs: K = 18, P = 36, one tile
    gemm = 2 * 3 * 18 * 36 / 7 + 4 * (2 * 18 * 36 + 3 * 36)
    winograd = 2 * 64 * 1 * 6 / 7 + 4 * 4 * 64 * (1 * 5 + 6) + 4e6
    assert gemm_cost(square(3), 2, 3, (6, 6)) == pytest.approx(gemm)
    assert winograd_cost(square(3), 2, 3, (6, 6)) == pytest.approx(winograd)
    assert gemm_cost(square(1), 2, 3, (6, 6)) == pytest.approx(2 * 3 * 2 * 36 / 7 + 4 * 3 * 36)


def test_the_side_with_fewer_channels_is_unfolded_where_that_is_possible():
    assert unfolds_outputs(square(3), 64, 1)
    assert unfolds_outputs(square(3, pad=(2, 2)), 64, 63)
    assert not unfolds_outputs(square(3), 64, 64)
    assert not unfolds_outputs(square(3), 5, 64)
    assert not unfolds_outputs(square(1), 64, 1)
    assert not unfolds_outputs(square(3, stride=(2, 2)), 64, 1)
    assert not unfolds_outputs(square(3, pad=(3, 3)), 64, 1)


def test_a_way_is_chosen_by_geometry_and_device_and_has_its_engine_on_each():
    worth, thin = (square(5), 128, 128, (192, 147)), (square(3), 64, 1, (188, 143))
    assert choose_way("DEFAULT", *worth, "cpu") == "winograd"
    assert choose_way("DEFAULT", *worth, "gpu") == "gemm"
    assert choose_way("WINOGRAD", *worth, "gpu") == "winograd"
    assert choose_way("CAFFE", *worth, "cpu") == "gemm"
    assert choose_way("DEFAULT", *thin, "cpu") == choose_way("DEFAULT", *thin, "gpu") == "thin"
    made = {place: make(square(3), Workers(1), False) for place, make in ENGINES.items()}
    assert set(made) == {(way, device) for way in ("gemm", "thin", "winograd") for device in ("cpu", "gpu")}
    assert [made[way, "cpu"].name for way in ("gemm", "thin", "winograd")] == ["CAFFE", "CAFFE", "WINOGRAD"]
    assert made["gemm", "gpu"].products is not made["gemm", "cpu"].products
