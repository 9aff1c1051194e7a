"""Fillers: the values that params start with. Drawn on the CPU, so every device starts alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pysketch.errors import NetdefError
from pysketch.netdef.options import Choice, Kind, Option, Options, Table

FILLER = Table(
    "FillerParameter",
    (
        Option(
            "type",
            Kind.STRING,
            "constant",
            help="constant, uniform, gaussian, positive_unitball, xavier, msra, bilinear",
        ),
        Option("value", Kind.FLOAT, 0.0, help="constant: the value"),
        Option("min", Kind.FLOAT, 0.0, help="uniform: the lower end"),
        Option("max", Kind.FLOAT, 1.0, help="uniform: the upper end"),
        Option("mean", Kind.FLOAT, 0.0, help="gaussian: the mean"),
        Option("std", Kind.FLOAT, 1.0, low=0.0, help="gaussian: the standard deviation"),
        Option("sparse", Kind.INT32, -1, low=-1, help="gaussian: so many weights of an input are not 0; -1: all"),
        Option(
            "variance_norm",
            Choice({"FAN_IN": 0, "FAN_OUT": 1, "AVERAGE": 2}),
            "FAN_IN",
            help="xavier, msra: count what n",
        ),
    ),
)

Draw = Callable[[Options, tuple[int, ...], "np.random.RandomState"], np.ndarray]


def check_filler(filler: Options, where: str, shape: tuple[int, ...] | None = None) -> None:
    """Raise NetdefError if the filler's type is not one of ours, its range is empty, or it does not suit the shape."""
    if filler.type not in FILLERS:
        raise NetdefError(
            f'{filler.position("type")}: {where}: unknown filler type "{filler.type}"; expected one of '
            + ", ".join(FILLERS)
        )
    if filler.type == "uniform" and filler.min > filler.max:
        raise NetdefError(
            f"{filler.position('min')}: {where}: a uniform filler's min {filler.min:g} is above its max {filler.max:g}"
        )
    if filler.type == "bilinear" and shape is not None and (len(shape) != 4 or shape[2] != shape[3]):
        raise NetdefError(
            f"{filler.position('type')}: {where}: a bilinear filler needs a shape (O, I, k, k), found {shape}"
        )


def fill(filler: Options, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """A float32 array of `shape` drawn as the filler says; `check_filler` has accepted its type."""
    return FILLERS[filler.type](filler, shape, rng).astype(np.float32).reshape(shape)


def fan(filler: Options, shape: tuple[int, ...]) -> float:
    """n of xavier and msra (Caffe's): FAN_IN = count / shape[0], FAN_OUT = count / shape[1], or their mean."""
    count = math.prod(shape)
    fan_in, fan_out = count / shape[0], count / (shape[1] if len(shape) > 1 else 1)
    if filler.variance_norm == "FAN_IN":
        return fan_in
    return fan_out if filler.variance_norm == "FAN_OUT" else (fan_in + fan_out) / 2


def constant(filler: Options, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """Every element is `value`."""
    return np.full(shape, filler.value)


def uniform(filler: Options, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """U(min, max), by Caffe's generator: bit for bit its numbers for a seed."""
    return _caffe_uniform(filler.min, filler.max, shape, rng)


def gaussian(filler: Options, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """N(mean, std); with sparse >= 0 each is kept with probability sparse / shape[0], else 0 (Martens, ICML 2010).

    In Caffe shape[0] counts the outputs, so that of the weights that read an input about `sparse` are not 0.
    Caffe's distribution, not its sequence.
    """
    values = rng.normal(filler.mean, filler.std, shape)
    return values if filler.sparse < 0 else values * (rng.random_sample(shape) * shape[0] < filler.sparse)


def positive_unitball(filler: Options, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """U(0, 1), each shape[0]-th part divided by its sum: the weights of one output are positive and add up to 1."""
    rows = _caffe_uniform(0.0, 1.0, shape, rng).reshape(shape[0], -1)
    return rows / np.add.accumulate(rows, axis=1)[:, -1:]  # one after the other, as Caffe adds them


def xavier(filler: Options, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """U(-a, a), a = sqrt(3 / n) (Glorot and Bengio, AISTATS 2010, as Caffe has it)."""
    bound = math.sqrt(3 / fan(filler, shape))
    return _caffe_uniform(-bound, bound, shape, rng)


def msra(filler: Options, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """N(0, sqrt(2 / n)) (He et al., ICCV 2015, equation 10)."""
    return rng.normal(0.0, math.sqrt(2 / fan(filler, shape)), shape)


def bilinear(filler: Options, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """Every kernel is (1 - |x / f - c|) (1 - |y / f - c|), f = ceil(k / 2), c = (k - 1) / (2 f): bilinear enlarging.

    For a Deconvolution of stride f and kernel 2 f - f % 2, one channel in each group (Long et al., CVPR 2015).
    """
    f = -(-shape[3] // 2)
    tent = 1 - abs(np.arange(shape[3]) / f - (shape[3] - 1) / (2 * f))
    return np.broadcast_to(tent[:, None] * tent, shape)


FILLERS: dict[str, Draw] = {
    "constant": constant,
    "uniform": uniform,
    "gaussian": gaussian,
    "positive_unitball": positive_unitball,
    "xavier": xavier,
    "msra": msra,
    "bilinear": bilinear,
}


def _caffe_uniform(low: float, high: float, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """Caffe's uniform numbers: float32 of a 32-bit draw, scaled to [low, nextafter(high))."""
    f4 = np.float32
    above = np.nextafter(f4(high), np.finfo(f4).max)
    draws = rng.randint(0, 2**32, math.prod(shape), dtype=np.uint64).astype(f4)
    return draws / f4(2**32) * (above - f4(low)) + f4(low)
