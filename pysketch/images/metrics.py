"""How good sketches are: pixel error, structure, and whether the person is recognised.

Grey levels run from 0 to 255; a prediction and its sketch have one shape, and every pixel of both counts: whoever
calls crops first. Scores of different crops do not compare.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.images.filters import ndimage
from pysketch.images.pictures import rescale

SCALES = (0.5, 1.0, 2.0)
"""The paper's scales of MPRL."""

_SSIM_RADIUS, _SSIM_SIGMA = 5, 1.5  # 11 x 11 pixels
_SSIM_C1, _SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def rmse(prediction: np.ndarray, sketch: np.ndarray) -> float:
    """The paper's PRL (equation 5): the root of the mean squared difference."""
    difference = prediction.astype(np.float64) - sketch
    return float(np.sqrt((difference * difference).mean()))


def rescaled_rmse(prediction: np.ndarray, sketch: np.ndarray) -> tuple[float, ...]:
    """The RMSE of the pair rescaled by each of SCALES; its mean over the test pairs is the paper's MPRL.

    Both images are rescaled by antialiased bicubic interpolation (images.rescale), without rounding to whole grey
    levels; scale 1 is the pair as it is. The roots are taken pair by pair, before they are averaged.
    """
    return tuple(
        rmse(prediction, sketch) if scale == 1 else rmse(rescale(prediction, scale), rescale(sketch, scale))
        for scale in SCALES
    )


def psnr(prediction: np.ndarray, sketch: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels: 20 log10(255 / RMSE); infinite for equal images."""
    error = rmse(prediction, sketch)
    return float(20 * np.log10(255 / error)) if error > 0 else float("inf")


def ssim(prediction: np.ndarray, sketch: np.ndarray) -> float:
    """Structural similarity (Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 2004, equation 13): 1 for equal images.

    ((2 m_x m_y + C1)(2 s_xy + C2)) / ((m_x^2 + m_y^2 + C1)(s_x^2 + s_y^2 + C2)), averaged over the places whose
    11x11 window lies in the image. Means m, variances s^2 and covariance s_xy are weighted by a Gaussian of sigma
    1.5, and not corrected for the sample's size; C1 = (0.01 255)^2, C2 = (0.03 255)^2. As scikit-image computes
    it with gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255. ValueError if the image
    is smaller than a window.
    """
    if min(sketch.shape) <= 2 * _SSIM_RADIUS:
        raise ValueError(f"SSIM needs images of at least 11x11 pixels, found {sketch.shape[1]}x{sketch.shape[0]}")
    x, y = prediction.astype(np.float64), sketch.astype(np.float64)
    mean_x, mean_y = _smooth(x), _smooth(y)
    variances = _smooth(x * x) - mean_x**2 + _smooth(y * y) - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + _SSIM_C1) * (2 * covariance + _SSIM_C2)
    similarity /= (mean_x**2 + mean_y**2 + _SSIM_C1) * (variances + _SSIM_C2)
    inside = slice(_SSIM_RADIUS, -_SSIM_RADIUS)
    return float(similarity[inside, inside].mean())


def _smooth(image: np.ndarray) -> np.ndarray:
    return ndimage().gaussian_filter(image, _SSIM_SIGMA, radius=_SSIM_RADIUS)


def squared_distances(predictions: Sequence[np.ndarray], sketches: Sequence[np.ndarray]) -> np.ndarray:
    """(queries, gallery): equation 2's squared difference of each artist's sketch and each prediction.

    Row i is the query sketches[i], whose own person's prediction is predictions[i].
    """
    from scipy.spatial.distance import cdist  # here, as it takes as long to import as all of pysketch

    queries, gallery = (np.stack([np.ravel(image) for image in images]) for images in (sketches, predictions))
    return cdist(queries.astype(np.float64), gallery.astype(np.float64), "sqeuclidean")


def own_ranks(distances: np.ndarray) -> np.ndarray:
    """At which rank (from 1) each query finds its own person in the gallery; distances as of squared_distances.

    Ties count against us: whoever is as near is ranked first.
    """
    own = np.diagonal(distances)[:, None]
    return (distances <= own).sum(axis=1)


def cumulative_match_score(ranks: np.ndarray, n: int) -> float:
    """The paper's CMS at rank n, in percent: the share of queries whose own person is among the n nearest."""
    return 100 * float((ranks <= n).mean())


def least_alike(photos: Sequence[np.ndarray], count: int) -> list[int]:
    """The indices of the `count` photos (H, W, 3) that lie farthest from the nearest other one, farthest first.

    The distance is Euclidean, between the photos shrunk to a quarter of their size (images.rescale), grey levels
    0..255. ValueError if photos differ in size.
    """
    from scipy.spatial.distance import cdist  # here, as it takes as long to import as all of pysketch

    small = np.stack([[rescale(channel, 0.25) for channel in np.moveaxis(photo, 2, 0)] for photo in photos])
    small = small.reshape(len(photos), -1)
    distances = cdist(small, small)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(-distances.min(axis=1), kind="stable")[:count].tolist()
