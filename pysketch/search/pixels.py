"""The paper's measure: the squared difference of two sketches' pixels (section 4.2, equation 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    as `kept_sketches` reads them, progress, too.
    """
    query = crop_centre(sketch, *CROP).astype(np.float32)
    blocks = kept_sketches(others, _BLOCK, progress)
    found = [np.square(block - query).reshape(len(block), -1).sum(axis=1, dtype=np.float64) for block in blocks]
    return np.concatenate(found) if found else np.empty(0)


def kept_sketches(others: Packed, size: int, progress: Callable[[int], object] | None = None) -> Iterator[np.ndarray]:
    """Blocks of `size` (at most, size 188, 143) uint8: the centres of drawn sketches that a gallery keeps.

    GalleryError if one is missing, cannot be read or is of another size than nets draw. progress: told after each
    block how many sketches it had.
    """
    lengths = others.lengths()
    if not lengths.all():
        missing = int((lengths == 0).sum())
        raise GalleryError(
            f"{missing} of {len(lengths)} photos are kept without their drawn sketch, which is to be compared"
        )
    for start in range(0, len(others), size):
        rows = range(start, min(start + size, len(others)))
        yield np.stack([_sketch(others, row) for row in rows])
        if progress:
            progress(len(rows))


def _sketch(others: Packed, row: int) -> np.ndarray:
    where = f"the sketch drawn of photo {row}"
    try:
        sketch = decode_picture(others[row], where, colour=False)
        in_frame(sketch)  # or it is none
        return crop_centre(sketch, *CROP)
    except DataError as error:
        raise GalleryError(named(Path(where), str(error))) from None
