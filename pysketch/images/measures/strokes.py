"""How sharp and how dark a sketch is: what blur takes away, whoever is drawn. Compare with the artist's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

_DARK = 64
_CUT = 1 / 8  # cycles a pixel


def gradient_ratio(predictions: Sequence[np.ndarray], sketches: Sequence[np.ndarray]) -> float:
    """The mean gradient magnitude of all predictions over that of all sketches: 1 means strokes as many and as strong.

    Pictures (H, W) of grey levels. The gradient is by central differences (numpy.gradient).

    What misleads: noise and a wrong texture raise it as strokes do, and an edge in the wrong place counts as much as
    one in the right one. Artists differ, too: the CUHK students' training sketches have .92 of the test sketches'.
    Infinite if the sketches are flat.
    """
    return _ratio(_mean(predictions, _gradient), _mean(sketches, _gradient))


def fine_ratio(predictions: Sequence[np.ndarray], sketches: Sequence[np.ndarray]) -> float:
    """The energy above 1/8 cycle a pixel of all predictions over that of all sketches: 1 means as much fine detail.

    Pictures (H, W) of grey levels, of one size. The energy is the sum of the squared magnitudes of the Fourier
    transform, of the picture less its mean times a Hann window (without which the jump from one border to the other
    one counts as detail), where the frequency's length is above 1/8: waves shorter than 8 pixels.

    What misleads: as of `gradient_ratio`; being squared it tells of the strongest lines above all. The CUHK
    students' training sketches have .68 of the test sketches'.
    """
    return _ratio(_mean(predictions, _fine_energy), _mean(sketches, _fine_energy))


def dark_share(pictures: Sequence[np.ndarray]) -> float:
    """The share of pixels below 64, from 0 to 1: how much black there is.

    What misleads: it does not say where; dark smears behind the person count as black hair does.
    """
    return _mean(pictures, lambda picture: float((picture < _DARK).mean()))


def _ratio(value: float, of: float) -> float:
    return value / of if of > 0 else math.inf


def _mean(pictures: Sequence[np.ndarray], measure: Callable[[np.ndarray], float]) -> float:
    return float(np.mean([measure(picture) for picture in pictures]))


def _gradient(picture: np.ndarray) -> float:
    down, across = np.gradient(picture.astype(np.float64))
    return float(np.hypot(down, across).mean())


def _fine_energy(picture: np.ndarray) -> float:
    height, width = picture.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    spectrum = np.fft.fft2((picture - picture.mean(dtype=float)) * window)
    high = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)) > _CUT
    return float((np.abs(spectrum[high]) ** 2).sum())
