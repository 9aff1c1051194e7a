"""Descriptions of a photo that hardly change with its light: remapped luma, band-passed luma, gradient directions."""

from __future__ import annotations

import numpy as np

from pysketch.images import ndimage

BINS = 8
"""Directions of the gradient that are told apart, 45 degrees each."""


def remap(luma: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Luminance remapping: the linear map of all pixels that gives this mean and standard deviation; float32.

    So neither a constant nor a positive factor to the luma changes anything. An even picture becomes `mean`.
    Source: Hertzmann et al., Image Analogies, SIGGRAPH 2001, section 3.4.
    """
    luma = luma.astype(np.float32)
    return (luma - luma.mean()) * (deviation / max(luma.std(), 1e-6)) + np.float32(mean)


def band_pass(luma: np.ndarray, fine: float, coarse: float) -> np.ndarray:
    """Difference of Gaussians, G_fine * x - G_coarse * x, (H, W) float32: neither noise nor slow shading.

    fine, coarse: standard deviations in pixels; beyond the border the picture is mirrored.
    A constant added to the luma changes nothing.
    """
    luma = luma.astype(np.float32)
    return ndimage().gaussian_filter(luma, fine) - ndimage().gaussian_filter(luma, coarse)


def orientation_maps(luma: np.ndarray, sigma: float) -> np.ndarray:
    """(H, W, BINS) float32: around each pixel, how much gradient points in each direction, as in SIFT.

    The gradient (centred differences, in grey levels a pixel) gives its length to the two nearest of BINS
    directions, in proportion to nearness; a Gaussian of `sigma` pixels then gathers the neighbourhood.
    Source: Lowe, Distinctive Image Features from Scale-Invariant Keypoints, IJCV 60(2), 2004, section 6.1.
    """
    dy, dx = np.gradient(luma.astype(np.float32))
    length, direction = np.hypot(dx, dy), np.arctan2(dy, dx) * np.float32(BINS / (2 * np.pi))
    maps = np.empty((*luma.shape, BINS), np.float32)
    for number in range(BINS):
        apart = np.abs((direction - number + BINS / 2) % BINS - BINS / 2)  # in bins, the shorter way round
        maps[..., number] = ndimage().gaussian_filter(length * np.maximum(0, 1 - apart), sigma)
    return maps


def quarter_descriptors(
    maps: np.ndarray, images: np.ndarray, tops: np.ndarray, lefts: np.ndarray, size: int
) -> np.ndarray:
    """(..., 4 BINS): what maps (N, H, W, BINS) hold in the middles of a patch's four quarters, scaled to length 1.

    images, tops, lefts: which map each patch is in, and its corner; shapes that broadcast. So a positive factor to
    the luma changes nothing. A patch without any gradient is described by zeros.
    """
    near, far = size // 4, size - 1 - size // 4
    found = [maps[images, tops + y, lefts + x] for y in (near, far) for x in (near, far)]
    descriptors = np.concatenate(found, axis=-1)
    length = np.linalg.norm(descriptors, axis=-1, keepdims=True)
    return descriptors / np.maximum(length, 1e-6)
