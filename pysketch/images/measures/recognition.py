"""Whether a drawn sketch finds its person by descriptors that do not compare pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.images.measures.library import features


def hog_descriptors(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(N, D): histograms of oriented gradients (Dalal and Triggs, CVPR 2005); compare them by `euclidean`.

    pictures: (H, W) uint8 of one size, 16x16 or larger. 9 unsigned orientations in cells of 8x8 pixels, blocks of 2x2
    cells normalised by L2-Hys. DataError if scikit-image is missing.
    """
    return np.stack([features().hog(picture, 9, (8, 8), (2, 2), "L2-Hys") for picture in pictures])


def euclidean(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """(queries, gallery): the distances of descriptors (N, D)."""
    from scipy.spatial.distance import cdist  # here, as it takes as long to import as all of pysketch

    return cdist(queries, gallery)


def chi_squared(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """(queries, gallery): the sum of (a - b)^2 / (a + b) of histograms (N, D), where a + b is not 0."""
    distances = np.empty((len(queries), len(gallery)))
    for row, query in zip(distances, queries, strict=True):
        total = query + gallery
        row[:] = np.divide((query - gallery) ** 2, total, out=np.zeros_like(total), where=total > 0).sum(axis=1)
    return distances
