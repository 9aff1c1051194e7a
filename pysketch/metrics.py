"""How good sketches are: pixel error, and whether the person is recognised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import cdist


def rmse(prediction: np.ndarray, sketch: np.ndarray) -> float:
    """The paper's PRL (equation 5): the root of the mean squared difference, pixels on 0..255, one shape."""
    difference = prediction.astype(np.float64) - sketch
    return float(np.sqrt((difference * difference).mean()))


def own_ranks(predictions: Sequence[np.ndarray], sketches: Sequence[np.ndarray]) -> np.ndarray:
    """At which rank (from 1) each artist's sketch finds its own person among all predictions.

    Query i is sketches[i], its own person's prediction is predictions[i], nearness is equation 2's
    squared difference. Ties count against us: whoever is as near is ranked first.
    """
    queries, gallery = (np.stack([np.ravel(image) for image in images]) for images in (sketches, predictions))
    distances = cdist(queries.astype(np.float64), gallery.astype(np.float64), "sqeuclidean")
    own = np.diagonal(distances)[:, None]
    return (distances <= own).sum(axis=1)


def cumulative_match_score(ranks: np.ndarray, n: int) -> float:
    """The paper's CMS at rank n, in percent: the share of queries whose own person is among the n nearest."""
    return 100 * float((ranks <= n).mean())
