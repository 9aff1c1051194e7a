"""Where two sketches agree: what each place of the face adds to their match, as a heat map."""

from __future__ import annotations

import numpy as np

from pysketch.images import ndimage
from pysketch.search.describe import places
from pysketch.search.matching import Query
from pysketch.search.views import FRAME, in_frame

_SPREAD = 5.0  # pixels, deviation: places of a description lie some 8 apart
_AGREE, _DIFFER = np.array([230.0, 110.0, 0.0]), np.array([0.0, 95.0, 190.0])
_OPAQUE = 0.75


def agreement(query: Query, detail: np.ndarray) -> np.ndarray:
    """(250, 200) float32: the heat map of a sketch whose `detail`, (DETAIL,) int8, is held against the query.

    A match is a sum over places, d . q / scale with the query q under the transform that fits best. What each number
    adds is laid down at its place, and spread by a Gaussian, mirrored at the border, that keeps the sum: all pixels
    together give the correlation, 1 - the distance. Above 0: both differ from an average face, or from their own
    average, in the same way; below: in opposite ways.
    """
    heat = np.zeros(FRAME, np.float64)
    rows, columns = places().T
    np.add.at(heat, (rows, columns), query.contributions(detail))
    return ndimage().gaussian_filter(heat, _SPREAD, mode="reflect").astype(np.float32)


def overlaid(sketch: np.ndarray, heat: np.ndarray, most: float | None = None) -> np.ndarray:
    """(250, 200, 3) uint8: a grey sketch, (250, 200) or its centre, under its heat map: orange agrees, blue differs.

    most: the heat at which the colour is full; by default the map's own largest, of either sign. Heat maps that are
    to be compared need one for all.
    """
    most = float(np.abs(heat).max()) if most is None else most
    grey = in_frame(sketch)[:, :, None].astype(np.float32)
    share = (np.abs(heat) / max(most, 1e-12)).clip(0, 1)[:, :, None] * _OPAQUE
    colour = np.where(heat[:, :, None] > 0, _AGREE, _DIFFER)
    return np.rint(grey * (1 - share) + colour * share).astype(np.uint8)
