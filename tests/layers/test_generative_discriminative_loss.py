"""The paper's joint loss against equations 2 and 3 as loops, and Algorithm 1's accumulation pair by pair."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, make_layer, python_layer
from ranks import run_ranks

from pysketch.device.backend import CPU, Device, to_host
from pysketch.errors import NetdefError, ShapeError
from pysketch.layers.context import Context
from pysketch.layers.generative_discriminative_loss import exponentials
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.parallel.communicator import ALONE, Communicator

CONTRACT = {
    "GenerativeDiscriminativeLoss": Case(
        python_layer("GenerativeDiscriminativeLoss", ["f", "S"], "LMN", '{ "alpha": 3.0, "lambda": 20.0 }'),
        ((3, 1, 2, 5), (3, 1, 2, 5)),
        ((), (), ()),
    ),
}

TOPS = ("L", "L_gen", "L_discrim")
PIXELS = (1, 4, 3)


def make(
    n: int,
    alpha: float = 2e4,
    lam: float = 3e5,
    tops: int = 3,
    dtype: type = np.float64,
    pixels: tuple[int, ...] = PIXELS,
    spread: float = 20.0,
    device: Device = CPU,
) -> SingleLayer:
    """The layer on n predictions and sketches that look like grey levels, `spread` around 128."""
    text = python_layer(
        "GenerativeDiscriminativeLoss", ["f", "S"], TOPS[:tops], f'{{ "alpha": {alpha!r}, "lambda": {lam!r} }}'
    )
    single = make_layer(text, [(n, *pixels)] * 2, dtype=dtype, device=device)
    for blob in single.bottom:
        blob.data[...] = 128 + spread * blob.data
    return single


def grey_levels(single: SingleLayer) -> list[np.ndarray]:
    """f and S in float64."""
    return [blob.data.astype(np.float64) for blob in single.bottom]


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-11), (np.float32, 2e-5)])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_the_losses_are_equations_1_to_3(n: int, dtype: type, rtol: float, device: Device) -> None:
    single = make(n, dtype=dtype, device=device)
    tops = single.forward()
    expected = naive.joint_loss(*grey_levels(single), alpha=2e4, lam=3e5)
    assert [top.shape for top in tops] == [()] * 3
    assert [top.dtype for top in tops] == [dtype] * 3
    np.testing.assert_allclose(tops, expected, rtol=rtol)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 1e-4)])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_the_gradient_is_algorithm_1s_accumulation_over_pairs(n: int, dtype: type, rtol: float, device: Device) -> None:
    single = make(n, dtype=dtype, device=device)
    single.forward()
    single.backward(1.0, 0.0, 0.0)
    expected = naive.joint_loss_gradient(*grey_levels(single), alpha=2e4, lam=3e5)
    for blob, right in zip(single.bottom, expected, strict=True):
        assert blob.diff.dtype == dtype
        np.testing.assert_allclose(blob.diff, right, rtol=rtol, atol=rtol * abs(right).max())


@pytest.mark.parametrize("tops", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_gradients_for_predictions_and_sketches_agree_with_centred_differences(
    n: int, tops: int, device: Device
) -> None:
    """Random top diffs on all tops: the gradients of L, L_gen and L_discrim at once."""
    single = make(n, alpha=3.0, lam=20.0, tops=tops, spread=1.0, device=device)
    assert single.check_gradients() == 2 * n * np.prod(PIXELS)


def test_the_regularizer_is_a_considerable_part_of_the_checked_gradients(device: Device) -> None:
    """Else the tests above could not see it: with the paper's constants it is 6e-6 of the whole."""
    single = make(3, device=device)
    f, S = grey_levels(single)
    without, _ = naive.joint_loss_gradient(f, S, alpha=0.0, lam=3e5)
    regularized, _ = naive.joint_loss_gradient(f, S, alpha=2e4, lam=3e5)
    assert abs(regularized - without).max() > 0.01 * abs(without).max()


def test_alpha_0_leaves_the_generative_loss_alone(device: Device) -> None:
    single = make(3, alpha=0.0, device=device)
    loss, generative, discriminative = single.forward()
    assert loss == generative
    assert discriminative > 0
    single.backward(1.0, 0.0, 0.0)
    f, S = grey_levels(single)
    np.testing.assert_allclose(single.bottom[0].diff, 2 / 3 * (f - S), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("lam", [1e-3, 1.0, 1e3, 1e6, 1e9, 1e12])
def test_tiny_and_huge_lambdas_are_stable(lam: float, dtype: type, device: Device) -> None:
    """Warnings are errors here, so that an overflow cannot pass."""
    single = make(
        3, alpha=lam, lam=lam, dtype=dtype, device=device
    )  # alpha / lambda = 1 keeps the regularizer's gradient in sight
    tops = single.forward()
    single.backward(1.0, 0.0, 0.0)
    f, S = grey_levels(single)
    rtol = 1e-9 if dtype is np.float64 else 1e-4
    np.testing.assert_allclose(tops, naive.joint_loss(f, S, lam, lam), rtol=rtol, atol=1e-30)
    for blob, right in zip(single.bottom, naive.joint_loss_gradient(f, S, lam, lam), strict=True):
        np.testing.assert_allclose(blob.diff, right, rtol=rtol, atol=rtol * abs(right).max())


def test_pictures_of_real_size_stay_finite_in_float32_at_any_lambda(device: Device) -> None:
    for lam in (1e-3, 1e9, 1e12):
        single = make(2, alpha=1e4, lam=lam, dtype=np.float32, pixels=(1, 188, 143), spread=1.0, device=device)
        single.bottom[0].data[...] = 0
        single.bottom[1].data[...] = 255  # as far apart as can be
        assert np.isfinite(single.forward()).all()
        single.backward(1.0, 0.0, 0.0)
        assert np.isfinite([blob.diff for blob in single.bottom]).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_identical_images_cost_log_2_for_each_pair(dtype: type, device: Device) -> None:
    single = make(3, alpha=2e4, dtype=dtype, device=device)
    for blob in single.bottom:
        blob.data[...] = 100 + np.arange(12, dtype=dtype).reshape(PIXELS)
    loss, generative, discriminative = single.forward()
    assert generative == 0
    np.testing.assert_allclose(discriminative, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(loss, 2e4 * np.log(2), rtol=1e-6)
    single.backward(1.0, 0.0, 0.0)
    for blob in single.bottom:
        np.testing.assert_allclose(blob.diff, 0, atol=1e-5)


def test_float32_distances_stay_exact_on_a_bright_background(device: Device) -> None:
    """Pictures that differ by half a grey level around 200: |S|^2 and S.f are 80,000 times their distance."""
    single = make(2, lam=2e3, dtype=np.float32, pixels=(1, 20, 100), spread=0.5, device=device)
    for blob in single.bottom:
        blob.data[...] += 72
    _, _, expected = naive.joint_loss(*grey_levels(single), alpha=0.0, lam=2e3)
    np.testing.assert_allclose(single.forward()[2], expected, rtol=1e-5)


def test_a_distance_of_0_is_not_rounded_below_0(device: Device) -> None:
    """Every prediction is another person's sketch; exp(-d / lambda) of a d a little below 0 would overflow."""
    single = make(12, lam=1e-3, dtype=np.float32, pixels=(1, 40, 100), spread=60.0, device=device)
    single.bottom[0].data[...] = np.roll(single.bottom[1].data, 1, axis=0)
    _, _, discriminative = single.forward()
    assert 0 <= discriminative <= np.log(2)
    single.backward(1.0, 0.0, 0.0)
    assert np.isfinite(single.bottom[0].diff).all()


def test_a_prediction_is_pushed_away_from_another_persons_sketch(device: Device) -> None:
    """The regularizer alone: a step down the gradient must lengthen the distance to the other's sketch."""
    single = make(2, lam=3e3, device=device)
    single.forward()
    single.backward(0.0, 0.0, 1.0)
    f, S = grey_levels(single)
    step = 1e4 * single.bottom[0].diff[0]
    assert abs(step).max() > 0.1
    assert ((f[0] - step - S[1]) ** 2).sum() > ((f[0] - S[1]) ** 2).sum()


def test_one_pair_has_no_regularizer(device: Device) -> None:
    single = make(1, device=device)
    loss, generative, discriminative = single.forward()
    assert discriminative == 0
    assert loss == generative > 0
    single.backward(0.0, 0.0, 5.0)
    assert not any(blob.diff.any() for blob in single.bottom)


def test_the_top_diffs_of_all_three_losses_add_up(device: Device) -> None:
    single = make(3, device=device)
    gradients = []
    for diffs in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5, -2.0, 3e3)):
        single.backward(*diffs)
        gradients.append(single.bottom[0].diff.copy())
    whole, generative, discriminative, mixed = gradients
    np.testing.assert_allclose(whole, generative + 2e4 * discriminative, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mixed, 0.5 * whole - 2 * generative + 3e3 * discriminative, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.3, 0.0, 0.0), (0.3, 2.0, 5e3), (0.0, 0.0, 1.0)])
def test_a_nets_loss_weights_scale_each_of_the_losses(weights: tuple[float, float, float]) -> None:
    layer = python_layer("GenerativeDiscriminativeLoss", ["f", "S"], TOPS, '{ "alpha": 7.0, "lambda": 1e3 }')
    layer = layer[:-1] + " ".join(f"loss_weight: {weight}" for weight in weights) + " }"
    inputs = 'layer { name: "in" type: "Input" top: "f" top: "S" input_param { shape { dim: [3, 1, 2, 5] } } }'
    net = Net(parse_netdef(f"force_backward: true {inputs} {layer}"), Phase.TRAIN, Context(dtype=np.float64))
    f, S = 10 * np.random.default_rng(0).standard_normal((2, 3, 1, 2, 5))
    net.blobs["f"].data[...], net.blobs["S"].data[...] = f, S
    _, generative, discriminative = naive.joint_loss(f, S, 7.0, 1e3)
    by_term = weights[0] + weights[1], 7.0 * weights[0] + weights[2]  # what L_gen and L_discrim are multiplied by
    assert net.forward_loss() == pytest.approx(by_term[0] * generative + by_term[1] * discriminative)
    net.backward()
    gradient, _ = naive.joint_loss_gradient(f, S, by_term[1], 1e3)
    gradient -= 2 / 3 * (f - S) * (1 - by_term[0])
    np.testing.assert_allclose(net.blobs["f"].diff, gradient, rtol=1e-9, atol=1e-12)


def test_by_default_only_the_joint_loss_counts() -> None:
    single = make(3)
    loss, *_ = single.forward()
    assert [(blob is single.top[0], weight) for blob, weight in single.net.loss_weights] == [(True, 1.0)]
    assert single.net.loss() == loss


def test_memory_grows_with_images_not_with_pairs() -> None:
    n, pixels = 24, 4000
    single = make(n, dtype=np.float32, pixels=(1, 40, 100))
    single.forward()
    single.backward(1.0, 0.0, 0.0)  # now every blob has its memory
    batch = n * pixels * 4
    tracemalloc.start()
    single.forward()
    single.backward(1.0, 0.0, 0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * batch < n * batch / 4


def test_the_papers_constants_are_the_defaults() -> None:
    single = make_layer(python_layer("GenerativeDiscriminativeLoss", ["f", "S"], ["L"]), [(2, 3)] * 2)
    assert (single.layer.alpha, single.layer.lam) == (1e4, 1e9)


@pytest.mark.parametrize(
    ("param_str", "message"),
    [
        ('{ "lambda": 0 }', "lambda must be greater than 0, found 0.0"),
        ('{ "lambda": -1e9 }', "lambda must be greater than 0, found -1000000000.0"),
        ('{ "lambda": NaN }', "lambda must be greater than 0, found nan"),
        ('{ "alpha": -1 }', "GenerativeDiscriminativeLoss.alpha: expected at least 0.0, found -1"),
        ('{ "alfa": 1 }', 'unknown field "alfa" in GenerativeDiscriminativeLoss; did you mean "alpha"?'),
        ('{ "alpha": "1e4" }', "GenerativeDiscriminativeLoss.alpha: expected a decimal number"),
    ],
)
def test_constants_that_make_no_sense_are_refused(param_str: str, message: str) -> None:
    with pytest.raises(NetdefError, match=message.replace("?", r"\?")) as caught:
        make_layer(python_layer("GenerativeDiscriminativeLoss", ["f", "S"], ["L"], param_str), [(2, 3)] * 2)
    assert str(caught.value).startswith("<netdef>:2:")
    assert 'layer "it"' in str(caught.value)


@pytest.mark.parametrize("shapes", [((2, 3), (2, 4)), ((2, 6), (3, 4)), ((0, 3), (0, 3)), ((), ())])
def test_bottoms_of_other_counts_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ShapeError, match=r'<netdef>:2:7: layer "it": "f" \(.*\) and "S" \(.*\) must'):
        make_layer(python_layer("GenerativeDiscriminativeLoss", ["f", "S"], ["L"]), shapes)


def test_four_tops_are_refused() -> None:
    with pytest.raises(NetdefError, match="takes 1 to 3 top blobs, found 4"):
        make_layer(python_layer("GenerativeDiscriminativeLoss", ["f", "S"], "abcd"), [(2, 3)] * 2)


@pytest.mark.kernels
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_exponentials_of_distances_are_plain_loops_on_every_device(
    device, n: int, dtype: type, tolerance: float
) -> None:
    """Prediction 0 is sketch 1, grey levels far from 0: their distance is 0 in spite of rounding."""
    f, S = 200 + np.random.default_rng(n).standard_normal((2, n, 37)).astype(dtype)
    f[0] = S[-1]
    expected = np.zeros((n, n))
    for i, j in np.ndindex(n, n):
        if i != j:
            expected[i, j] = np.exp(-sum((float(s) - float(p)) ** 2 for s, p in zip(S[i], f[j], strict=True)) / 90)
    found = to_host(exponentials(device.xp.asarray(f), device.xp.asarray(S), 90.0))
    assert found.dtype == dtype and found.max() <= 1
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.kernels
def test_distances_that_rounding_makes_negative_count_as_none_and_nan_as_nan(device) -> None:
    """Predictions are sketches but for the last bit, and lambda is far below the rounding error of a distance."""
    S = 200 + 50 * np.random.default_rng(0).standard_normal((20, 37)).astype(np.float32)
    f = S[::-1] * np.float32(1 + 2**-23)
    found = to_host(exponentials(device.xp.asarray(f), device.xp.asarray(S), 1e-6))
    assert found.max() == 1
    f[2, 3] = np.nan
    found = to_host(exponentials(device.xp.asarray(f), device.xp.asarray(S), 90.0))
    assert np.isnan(found[[0, 1, 3, 8], 2]).all() and not np.isnan(found[:, 0]).any()


def test_processes_that_hold_all_items_share_the_work_and_each_has_the_gradient_of_its_own():
    def losses_and_diffs(together: Communicator = ALONE) -> tuple[list[float], list[np.ndarray]]:
        single = make(6)
        layer, own = single.layer, together.own(6 // together.size)
        layer.context, layer.own = replace(layer.context, communicator=together), own if together.size > 1 else None
        losses = [float(loss) for loss in single.forward()]
        for blob, diff in zip(single.top, (1.0, 0.5, 2.0), strict=True):
            blob.diff[...] = diff
        layer.backward(single.top, [True, True], single.bottom)
        assert together.size == 1 or all((np.delete(blob.diff, own, 0) == 0).all() for blob in single.bottom)
        return losses, [blob.diff[own] for blob in single.bottom]

    losses, diffs = losses_and_diffs()
    found = run_ranks(3, losses_and_diffs)
    for each, _ in found:
        assert each == pytest.approx(losses, rel=1e-13)
    for k in range(2):
        np.testing.assert_allclose(np.concatenate([parts[k] for _, parts in found]), diffs[k], rtol=1e-11)
