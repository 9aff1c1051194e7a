"""Fillers: Caffe's numbers for a seed, bit for bit, and the statistics of the others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pysketch.errors import NetdefError
from pysketch.netdef.fillers import FILLER, FILLERS, check_filler, fan, fill
from pysketch.netdef.options import Options
from pysketch.netdef.prototxt import parse

SHAPE = (40, 20, 5, 3)
FAN_IN, FAN_OUT = 20 * 5 * 3, 40 * 5 * 3  # count / shape[0], count / shape[1]
COUNTS = {"FAN_IN": FAN_IN, "FAN_OUT": FAN_OUT, "AVERAGE": (FAN_IN + FAN_OUT) / 2}


def options(text: str) -> Options:
    """A filler's options."""
    return FILLER.read(parse(text, "net.prototxt"))


def drawn(text: str, shape: tuple[int, ...] = SHAPE, seed: int = 0) -> np.ndarray:
    """What the filler gives, in float64."""
    values = fill(options(text), shape, np.random.RandomState(seed))
    assert values.dtype == np.float32
    assert values.shape == shape
    return values.astype(np.float64)


def caffe_uniform(low: float, high: float, count: int, seed: int) -> list[float]:
    """Real Caffe's numbers, one after the other, as its notes have them, in float32 steps."""
    f4 = np.float32
    rng = np.random.RandomState(seed)
    above = np.nextafter(f4(high), np.finfo(np.float32).max)
    return [
        float(f4(f4(f4(int(rng.randint(0, 2**32, dtype=np.uint64))) / f4(2**32)) * f4(above - f4(low))) + f4(low))
        for _ in range(count)
    ]


def test_constant_is_one_value_everywhere_and_0_by_default() -> None:
    assert (drawn('type: "constant" value: 2.5') == 2.5).all()
    assert not drawn("").any()


@pytest.mark.parametrize("seed", [0, 1, 1701])
def test_uniform_gives_caffes_own_numbers(seed: int) -> None:
    found = drawn('type: "uniform" min: -0.3 max: 0.7', (3, 2, 5), seed)
    assert found.ravel().tolist() == caffe_uniform(-0.3, 0.7, 30, seed)


@pytest.mark.parametrize("norm", COUNTS)
def test_xavier_gives_caffes_own_numbers(norm: str) -> None:
    shape = (4, 3, 2, 5)
    count = {"FAN_IN": 30, "FAN_OUT": 40, "AVERAGE": 35}[norm]
    bound = math.sqrt(3 / count)
    found = drawn(f'type: "xavier" variance_norm: {norm}', shape, 7)
    assert found.ravel().tolist() == caffe_uniform(-bound, bound, 120, 7)


def test_uniform_fills_its_range_evenly() -> None:
    values = drawn('type: "uniform" min: 2 max: 6')
    assert 2 <= values.min() < 2.01
    assert 5.99 < values.max() <= np.nextafter(np.float32(6), np.float32(7))
    assert values.mean() == pytest.approx(4, abs=0.05)
    assert values.std() == pytest.approx(4 / math.sqrt(12), rel=0.02)


def test_gaussian_has_its_mean_and_deviation() -> None:
    values = drawn('type: "gaussian" mean: 3 std: 0.01')
    assert values.mean() == pytest.approx(3, abs=0.001)
    assert values.std() == pytest.approx(0.01, rel=0.03)


def test_gaussian_is_standard_normal_by_default() -> None:
    values = drawn('type: "gaussian"')
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() == pytest.approx(1, rel=0.03)
    assert (abs(values) < 1).mean() == pytest.approx(0.6827, abs=0.02)


@pytest.mark.parametrize("norm", COUNTS)
def test_xavier_is_uniform_with_variance_1_over_n(norm: str) -> None:
    values = drawn(f'type: "xavier" variance_norm: {norm}')
    assert abs(values).max() <= math.sqrt(3 / COUNTS[norm]) * (1 + 1e-6)
    assert values.std() == pytest.approx(math.sqrt(1 / COUNTS[norm]), rel=0.03)


@pytest.mark.parametrize("norm", COUNTS)
def test_msra_is_normal_with_variance_2_over_n(norm: str) -> None:
    values = drawn(f'type: "msra" variance_norm: {norm}')
    assert values.std() == pytest.approx(math.sqrt(2 / COUNTS[norm]), rel=0.03)
    assert values.mean() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("norm", COUNTS)
def test_n_is_counted_as_caffe_counts_it(norm: str) -> None:
    assert fan(options(f"variance_norm: {norm}"), SHAPE) == COUNTS[norm]


@pytest.mark.parametrize(("norm", "n"), [("FAN_IN", 1), ("FAN_OUT", 7), ("AVERAGE", 4)])
def test_a_bias_has_one_input_for_each_output(norm: str, n: float) -> None:
    assert fan(options(f"variance_norm: {norm}"), (7,)) == n


@pytest.mark.parametrize("name", ["uniform", "gaussian", "positive_unitball", "xavier", "msra"])
def test_the_same_seed_draws_the_same_numbers_and_another_seed_others(name: str) -> None:
    text = f'type: "{name}"'
    np.testing.assert_array_equal(drawn(text, seed=3), drawn(text, seed=3))
    assert (drawn(text, seed=3) != drawn(text, seed=4)).any()


@pytest.mark.parametrize("name", ["uniform", "gaussian", "positive_unitball", "xavier", "msra"])
def test_two_fillers_on_one_generator_draw_different_numbers(name: str) -> None:
    rng = np.random.RandomState(0)
    first, second = (fill(options(f'type: "{name}"'), (5, 4), rng) for _ in range(2))
    assert (first != second).all()


def test_a_constant_draws_nothing_from_the_generator() -> None:
    rng = np.random.RandomState(0)
    fill(options('type: "constant" value: 1'), SHAPE, rng)
    assert rng.randint(2**31) == np.random.RandomState(0).randint(2**31)


def test_there_are_caffes_seven_fillers() -> None:
    names = {"constant", "uniform", "gaussian", "positive_unitball", "xavier", "msra", "bilinear"}
    assert set(FILLERS) == names


def test_a_sparse_gaussian_keeps_so_many_weights_of_each_input() -> None:
    values = drawn('type: "gaussian" std: 2 sparse: 3', (30, 4000))
    kept = values != 0
    assert kept.mean() == pytest.approx(3 / 30, rel=0.03)
    assert kept.sum(axis=0).mean() == pytest.approx(3, rel=0.03)
    assert values[kept].std() == pytest.approx(2, rel=0.03)


def test_a_sparse_gaussian_without_any_weight_is_0_and_with_all_it_is_the_plain_one() -> None:
    assert not drawn('type: "gaussian" sparse: 0').any()
    np.testing.assert_array_equal(drawn(f'type: "gaussian" sparse: {SHAPE[0]}'), drawn('type: "gaussian"'))
    np.testing.assert_array_equal(drawn('type: "gaussian" sparse: -1'), drawn('type: "gaussian"'))


def test_a_positive_unitball_is_caffes_uniform_numbers_over_each_outputs_sum() -> None:
    found = drawn('type: "positive_unitball"', (3, 2, 5), 7).reshape(3, 10)
    rows = np.array(caffe_uniform(0, 1, 30, 7), np.float32).reshape(3, 10)
    for k, row in enumerate(rows):
        total = np.float32(0)
        for value in row:
            total += value
        assert found[k].tolist() == (row / total).astype(np.float64).tolist()
        assert found[k].sum() == pytest.approx(1, rel=1e-6)
        assert (found[k] >= 0).all()


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_a_bilinear_kernel_is_a_tent_in_both_directions(kernel: int) -> None:
    values = drawn('type: "bilinear"', (2, 3, kernel, kernel))
    f = math.ceil(kernel / 2)
    c = (kernel - 1) / (2 * f)
    for o, i, y, x in np.ndindex(values.shape):
        assert values[o, i, y, x] == pytest.approx((1 - abs(x / f - c)) * (1 - abs(y / f - c)), rel=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (7,)])
def test_a_bilinear_filler_for_what_is_no_square_kernel_is_refused(shape: tuple[int, ...]) -> None:
    filler = FILLER.read(parse('type: "bilinear"', "a"))
    check_filler(filler, "here")
    check_filler(filler, "here", (2, 3, 4, 4))
    with pytest.raises(NetdefError, match=r"a:1:1: here: a bilinear filler needs a shape \(O, I, k, k\), found"):
        check_filler(filler, "here", shape)


def test_a_known_filler_passes_and_an_unknown_one_lists_the_known():
    check_filler(FILLER.read(parse('type: "xavier"')), "here")
    with pytest.raises(NetdefError) as caught:
        check_filler(FILLER.read(parse('\ntype: "xavir"', "a")), 'layer "x"')
    assert str(caught.value) == ('a:2:1: layer "x": unknown filler type "xavir"; expected one of ' + ", ".join(FILLERS))


def test_a_uniform_fillers_range_must_not_be_empty():
    check_filler(FILLER.read(parse('type: "uniform" min: 2 max: 2')), "here")
    with pytest.raises(NetdefError, match=r"a:1:17: here: a uniform filler's min 3 is above its max 1"):
        check_filler(FILLER.read(parse('type: "uniform" min: 3', "a")), "here")
