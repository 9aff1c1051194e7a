"""Shape priors by face component: eyes and brows, nose and mouth are taken from people who have them alike.

For each component (a box of the aligned face) and each training photo n, c_n is the mean squared difference of the
two photos in the box, at the displacement d_n, of up to `reach` pixels, at which it is least: how alike the two
components are, and where n's lies relative to the query's. A candidate patch of photo n, displaced by d, whose place
has its middle in the box, is then less probable by the factor

    exp( -(c_n - min_m c_m) / (2 sigma_shape^2) - ||d - d_n||^2 / (2 sigma_place^2) ).

Source: the idea is that of Zhang, Wang and Tang, Lighting and Pose Robust Face Sketch Synthesis, ECCV 2010,
section 3.2. There, shape is told by landmarks that a face alignment method finds; boxes do without one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pysketch.baselines.patches import Grid, Matches, offsets

COMPONENTS = {  # top, bottom, left, right, in parts of height and width; the eyes' centres are at 0.5, and 0.375, 0.625
    "left eye": (0.39, 0.57, 0.24, 0.5),
    "right eye": (0.39, 0.57, 0.5, 0.76),
    "nose": (0.5, 0.69, 0.38, 0.62),
    "mouth": (0.67, 0.83, 0.33, 0.67),
}
"""Boxes in a face aligned by its eyes as 200x250 pictures of CUFS are."""


class ShapePrior:
    """Compares components with those of training photos (N, H, W) float32."""

    def __init__(self, photos: np.ndarray, reach: int, sigma_shape: float, sigma_place: float) -> None:
        self._padded = np.pad(photos, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
        self._reach, self._sigma_shape, self._sigma_place = reach, sigma_shape, sigma_place

    def costs(self, photo: np.ndarray, candidates: Matches, grid: Grid) -> np.ndarray:
        """The factors' negative logarithms for the candidates of a photo (H, W): (R, C, K) float32, 0 elsewhere."""
        costs = np.zeros(candidates.images.shape, np.float32)
        moved = np.stack([candidates.tops - grid.tops[:, None, None], candidates.lefts - grid.lefts[:, None]], axis=-1)
        for box in _boxes(*photo.shape):
            difference, displacement = self._compare(photo, box)
            rows, columns = (
                _middles_within(starts, grid.size, part)
                for starts, part in zip((grid.tops, grid.lefts), box, strict=True)
            )
            inside = np.ix_(rows, columns)
            images = candidates.images[inside]
            unlike = (difference - difference.min())[images] / (2 * self._sigma_shape**2)
            astray = np.square(moved[inside] - displacement[images]).sum(axis=-1) / (2 * self._sigma_place**2)
            costs[inside] += unlike + astray
        return costs

    def _compare(self, photo: np.ndarray, box: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        """c (N,) and d (N, 2)."""
        moves = offsets(self._reach)
        differences = np.stack([self._differences(photo, box, move) for move in moves])
        best = differences.argmin(axis=0)
        return differences.min(axis=0), moves[best]

    def _differences(self, photo: np.ndarray, box: tuple[slice, slice], move: np.ndarray) -> np.ndarray:
        """(N,): the mean squared difference in the box to each photo's box, moved."""
        rows, columns = (
            slice(part.start + self._reach + by, part.stop + self._reach + by)
            for part, by in zip(box, move.tolist(), strict=True)
        )
        difference = (self._padded[:, rows, columns] - photo[box]).reshape(len(self._padded), -1)
        return np.einsum("np,np->n", difference, difference) / difference.shape[1]


def _boxes(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the components that are a pixel large at least."""
    for top, bottom, left, right in COMPONENTS.values():
        rows, columns = (
            slice(round(top * height), round(bottom * height)),
            slice(round(left * width), round(right * width)),
        )
        if rows.start < rows.stop and columns.start < columns.stop:
            yield rows, columns


def _middles_within(starts: np.ndarray, size: int, part: slice) -> np.ndarray:
    """Which patches have their middle in these rows, or columns."""
    middles = starts + size // 2
    return np.flatnonzero((middles >= part.start) & (middles < part.stop))
