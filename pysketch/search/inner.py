"""The inner face alone is compared: for people whose hair, beard line, hat or collar is another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pysketch.search.describe import describe
from pysketch.search.matching import Query
from pysketch.search.pixels import kept_sketches
from pysketch.search.portraits import Packed
from pysketch.search.views import INNER_VIEWS

_BLOCK = 32  # sketches, half a second


def inner_distances(sketch: np.ndarray, others: Packed, progress: Callable[[int], object] | None = None) -> np.ndarray:
    """(N,) float32, 0 to 2: 1 - the correlation of the inner face's views, of N kept sketches.

    sketch: grey uint8, (250, 200) or its centre; DataError if it is larger. others: picture files of such sketches, as
    `kept_sketches` reads them, progress, too. They are described here: a gallery keeps no descriptions of this kind.
    """
    query = Query(sketch, INNER_VIEWS)
    found = [
        query.distances(np.stack([describe(each, INNER_VIEWS).detail for each in block]))
        for block in kept_sketches(others, _BLOCK, progress)
    ]
    return np.concatenate(found) if found else np.empty(0, np.float32)
