"""Where two sketches agree: what each place of the face adds to their match, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.images import ndimage
from pysketch.search.describe import places
from pysketch.search.matching import Query
from pysketch.search.views import FRAME, in_frame

_AGREE, _DIFFER = np.array([230.0, 110.0, 0.0]), np.array([0.0, 95.0, 190.0])
_OPAQUE = 0.75


def agreement(query: Query, detail: np.ndarray) -> np.ndarray:
    """(250, 200) float32: the heat map of a sketch whose `detail`, (DETAIL,) int8, is held against the query.

    A match is a sum, d . q / scale, with the query q under the transform that fits best. What each number adds is laid
    down at its place and spread as far as it looks around, by a Gaussian that is mirrored at the border and keeps the
    sum: all pixels together give the correlation, 1 - the distance. Above 0: both differ from the average face in the
    same way; below: in opposite ways.
    """
    added, where = query.contributions(detail), places()
    rows, columns = np.rint(where[:, :2]).astype(int).clip(0, np.subtract(FRAME, 1)).T
    heat = np.zeros(FRAME)
    for around in np.unique(where[:, 2]):
        chosen, laid = where[:, 2] == around, np.zeros(FRAME)
        np.add.at(laid, (rows[chosen], columns[chosen]), added[chosen])
        heat += ndimage().gaussian_filter(laid, around, mode="reflect")
    return heat.astype(np.float32)


def strongest(heats: Sequence[np.ndarray]) -> float:
    """The heat at which heat maps that are to be compared have their full colour: 1 % of their pixels are hotter."""
    return float(np.percentile(np.abs(heats), 99)) if len(heats) else 0.0


def overlaid(sketch: np.ndarray, heat: np.ndarray, most: float | None = None) -> np.ndarray:
    """(250, 200, 3) uint8: a grey sketch, (250, 200) or its centre, under its heat map: orange agrees, blue differs.

    most: the heat at which the colour is full, by default that of `strongest`. Heat maps that are to be compared need
    one for all.
    """
    most = strongest([heat]) if most is None else most
    grey = in_frame(sketch)[:, :, None].astype(np.float32)
    share = (np.abs(heat) / max(most, 1e-12)).clip(0, 1)[:, :, None] * _OPAQUE
    colour = np.where(heat[:, :, None] > 0, _AGREE, _DIFFER)
    return np.rint(grey * (1 - share) + colour * share).astype(np.uint8)
