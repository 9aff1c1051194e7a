"""Phase congruency: where the waves that make up a picture are in step, as at edges and lines, however faint."""

from __future__ import annotations

import functools

import numpy as np

_SCALES, _ORIENTATIONS = 4, 4
_SHORTEST_WAVE, _RATIO = 6, 2  # pixels of the first scale's wave; each scale's is this many times the one's before
_BANDWIDTH = 0.55  # sigma of the log Gabor's Gaussian over its centre frequency
_ANGLE_OVER_SIGMA = 1.2
_NOISE_DEVIATIONS, _NOISE_SCALE = 2.0, 1.7
_EPSILON = 1e-4
_CUTOFF, _SHARPNESS = 0.45, 15  # of the Butterworth low-pass filter, in cycles a pixel


def phase_congruency(image: np.ndarray) -> np.ndarray:
    """(H, W) grey levels -> (H, W) float64 from 0, no feature, to about 1: a clear edge, line or corner.

    Kovesi's second measure ("Image Features from Phase Congruency", Videre 1(3), 1999, equation 11) with the constants
    of FSIM. The image is filtered by log Gabor wavelets of 4 orientations and 4 scales (6, 12, 24 and 48 pixels), each
    giving an even and an odd response e, o of amplitude A. With the unit vector (E, O) of the responses' sum at an
    orientation, its energy is the sum over scales of (e E + o O) - |e O - o E|, less a threshold T of noise, at least
    0. The measure is the energies' sum over the orientations, divided by that of all A.

    T: the mean squared amplitude of noise at the finest scale is taken from the median there (of a Rayleigh
    distribution); T is the mean and 2 deviations of the energy that such noise has at all scales, over 1.7.

    What misleads: it is blind to contrast, a faint line counts as much as a black one; and the picture is taken as if
    it went on at its other side.
    """
    filters, noise_gains = _filters(*image.shape)
    spectrum = np.fft.fft2(image.astype(np.float64))
    energy, amplitudes = np.zeros(image.shape), np.zeros(image.shape)
    for orientation, noise_gain in zip(filters, noise_gains, strict=True):
        responses = np.fft.ifft2(spectrum * orientation)
        amplitude = np.abs(responses)
        total = responses.sum(axis=0)
        direction = total / (np.abs(total) + _EPSILON)
        turned = responses * direction.conj()  # real: along the sum; imaginary: across
        own = (turned.real - np.abs(turned.imag)).sum(axis=0)
        noise = -np.median(amplitude[0] ** 2) / np.log(0.5) * noise_gain
        threshold = np.sqrt(noise) * (np.sqrt(np.pi / 2) + _NOISE_DEVIATIONS * np.sqrt(2 - np.pi / 2)) / _NOISE_SCALE
        energy += np.maximum(own - threshold, 0)
        amplitudes += amplitude.sum(axis=0)
    return np.divide(energy, amplitudes, out=np.zeros(image.shape), where=amplitudes > 0)


@functools.lru_cache(maxsize=4)
def _filters(height: int, width: int) -> tuple[np.ndarray, list[float]]:
    """(orientations, scales, H, W) transfer functions, zero frequency first; and an orientation's gain of noise.

    The gain: the squared energy (tau^2 of its Rayleigh distribution) over the mean squared amplitude at the finest
    scale, for white noise.
    """
    y, x = np.meshgrid(_frequencies(height), _frequencies(width), indexing="ij")
    radius, theta = np.hypot(x, y), np.arctan2(-y, x)
    low_pass = 1 / (1 + (radius / _CUTOFF) ** (2 * _SHARPNESS))
    radius[0, 0] = 1
    rings = np.stack(
        [
            low_pass * np.exp(-(np.log(radius * wave) ** 2) / (2 * np.log(_BANDWIDTH) ** 2))
            for wave in _SHORTEST_WAVE * _RATIO ** np.arange(_SCALES)
        ]
    )
    rings[:, 0, 0] = 0
    sigma = np.pi / _ORIENTATIONS / _ANGLE_OVER_SIGMA
    filters, gains = [], []
    for angle in np.arange(_ORIENTATIONS) * np.pi / _ORIENTATIONS:
        apart = np.angle(np.exp(1j * (theta - angle)))
        filters.append(rings * np.exp(-(apart**2) / (2 * sigma**2)))
        wavelets = np.fft.ifft2(filters[-1]).real * np.sqrt(height * width)
        gains.append(float((wavelets.sum(axis=0) ** 2).sum() / (filters[-1][0] ** 2).sum()))
    return np.stack(filters), gains


def _frequencies(size: int) -> np.ndarray:
    """Cycles a pixel, zero first; of an odd size stretched to reach -1/2 and 1/2, as in the published code."""
    steps = np.fft.ifftshift(np.arange(size) - size // 2)
    return steps / (size - size % 2)
