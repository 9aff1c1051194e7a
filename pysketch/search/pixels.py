"""The paper's measure: the squared difference of two sketches' pixels (section 4.2, equation 2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pysketch.errors import DataError, GalleryError, named
from pysketch.images import crop_centre, decode_picture
from pysketch.search.portraits import Packed
from pysketch.search.views import in_frame

CROP = 143, 188
"""Width and height of the centre of a sketch that is compared: what the paper's nets make of 155x200 pixels."""

_BLOCK = 256  # sketches of float32 at a time: 28 MB


def pixel_distances(sketch: np.ndarray, others: Packed, progress: Callable[[int], object] | None = None) -> np.ndarray:
    """(N,) float64: sum over the centre 143x188 of (sketch - other)^2, grey levels 0 to 255, of N kept sketches.

    sketch: grey uint8, (250, 200) or its centre; DataError if it is too small. others: picture files of such sketches,
    read in blocks of 256; GalleryError if one is missing, cannot be read or is of another size. progress: told after
    each block how many sketches it had.
    """
    query = crop_centre(sketch, *CROP).astype(np.float32).ravel()
    lengths = others.lengths()
    if not lengths.all():
        missing = int((lengths == 0).sum())
        raise GalleryError(
            f"{missing} of {len(lengths)} photos are kept without their drawn sketch, whose pixels are to be compared"
        )
    found = np.empty(len(others))
    for start in range(0, len(others), _BLOCK):
        rows = range(start, min(start + _BLOCK, len(others)))
        block = np.stack([_sketch(others, row).ravel() for row in rows]).astype(np.float32)
        found[start : start + len(block)] = np.square(block - query).sum(axis=1, dtype=np.float64)
        if progress:
            progress(len(block))
    return found


def _sketch(others: Packed, row: int) -> np.ndarray:
    where = f"the sketch drawn of photo {row}"
    try:
        sketch = decode_picture(others[row], where, colour=False)
        in_frame(sketch)  # or it is none
        return crop_centre(sketch, *CROP)
    except DataError as error:
        raise GalleryError(named(Path(where), str(error))) from None
