"""What the patch methods share: a grid of overlapping patches, candidates for each, nearest ones, averaging.

A patch is `size` pixels square and named by its top left pixel. Images are (H, W) or (H, W, channels), the
channels being colours or descriptors; training images are one array (N, H, W[, channels]). All of one size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

BLOCK_BYTES = 16 << 20
"""What the largest temporary array of a search takes, at most, if a single row or image fits."""


@dataclass(frozen=True)
class Grid:
    """Patches every `step` pixels over a height x width image, and one more row or column at the border if needed.

    So every pixel is in a patch, and no patch reaches over the border.
    """

    height: int
    width: int
    size: int
    step: int

    @cached_property
    def tops(self) -> np.ndarray:
        """(R,): the first row of each row of patches."""
        return _starts(self.height, self.size, self.step)

    @cached_property
    def lefts(self) -> np.ndarray:
        """(C,): the first column of each column of patches."""
        return _starts(self.width, self.size, self.step)

    @property
    def shape(self) -> tuple[int, int]:
        """(R, C): rows and columns of patches."""
        return len(self.tops), len(self.lefts)

    def cut(self, images: np.ndarray) -> np.ndarray:
        """(..., H, W) -> (..., R, C, size, size), a copy."""
        return _windows(images, self.size, -2)[..., self.tops[:, None], self.lefts, :, :]

    def average(self, patches: np.ndarray) -> np.ndarray:
        """(R, C, size, size) -> (H, W): each pixel is the mean of the patches that it is in."""
        total = np.zeros((self.height, self.width), np.float64)
        count = np.zeros_like(total)
        for top, row in zip(self.tops, patches, strict=True):
            for left, patch in zip(self.lefts, row, strict=True):
                place = np.s_[top : top + self.size, left : left + self.size]
                total[place] += patch
                count[place] += 1
        return total / count


def _starts(length: int, size: int, step: int) -> np.ndarray:
    starts = np.arange(0, length - size + 1, step)
    return starts if starts[-1] == length - size else np.append(starts, length - size)


def _windows(images: np.ndarray, size: int, axis: int) -> np.ndarray:
    """A view of all patches; `axis` is that of the rows, the patch's rows and columns come last."""
    return sliding_window_view(images, (size, size), axis=(axis, axis + 1))


def offsets(reach: int, step: int = 1) -> np.ndarray:
    """(M, 2): the displacements (rows, columns) from -reach to +reach in multiples of step; the nearest first."""
    line = np.arange(-(reach // step) * step, reach + 1, step)
    pairs = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return pairs[np.argsort((pairs**2).sum(axis=1), kind="stable")]


@dataclass(frozen=True)
class Matches:
    """For each patch of a grid its K candidates in the training images, the nearest first; arrays (R, C, K).

    images: which training image; tops, lefts: where the patch is in it; distances: squared, float32, infinite
    where there were fewer than K candidates.
    """

    images: np.ndarray
    tops: np.ndarray
    lefts: np.ndarray
    distances: np.ndarray

    def take(self, images: np.ndarray, size: int) -> np.ndarray:
        """The candidates' pixels in training images (N, H, W[, channels]): (R, C, K, [channels,] size, size)."""
        return _windows(images, size, 1)[self.images, self.tops, self.lefts]

    def pick(self, order: np.ndarray) -> Matches:
        """Only these candidates: order (R, C, J) counts among the K."""
        arrays = (self.images, self.tops, self.lefts, self.distances)
        return Matches(*(np.take_along_axis(array, order, axis=-1) for array in arrays))


def search(
    photo: np.ndarray, photos: np.ndarray, grid: Grid, offsets: np.ndarray, k: int, one_per_image: bool = False
) -> Matches:
    """The k nearest training patches of each patch of a photo, among those at its own place plus an offset.

    photo: (H, W[, channels]) float32; photos: (N, H, W[, channels]) float32; offsets: (M, 2), those that lead
    over the border are left out. one_per_image: of each training image only its best patch is a candidate.
    The distance is the sum of squared differences over size x size pixels (and channels).
    """
    best = _Best(k)
    for first, block in _blocks(photos):
        codes = np.arange(first, first + len(block)) * len(offsets)
        nearest_of_image = None
        for number, offset in enumerate(offsets):
            distances = _distances(photo, block, grid, offset)
            if not one_per_image:
                best.add(distances, np.broadcast_to(codes + number, distances.shape))
            elif nearest_of_image is None:
                nearest_of_image, where = distances, np.broadcast_to(codes + number, distances.shape).copy()
            else:
                nearer = distances < nearest_of_image
                np.copyto(nearest_of_image, distances, where=nearer)
                np.copyto(where, codes + number, where=nearer)
        if one_per_image:
            best.add(nearest_of_image, where)
    return best.matches(grid, offsets)


class _Best:
    """Collects candidates, each with a code, image * M + offset, and keeps the k nearest of each place."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._distances: list[np.ndarray] = []
        self._codes: list[np.ndarray] = []

    def add(self, distances: np.ndarray, codes: np.ndarray) -> None:
        """distances and codes: (R, C, n)."""
        self._distances.append(distances)
        self._codes.append(codes)
        if sum(array.nbytes for array in self._distances) > BLOCK_BYTES:
            self._select()

    def _select(self) -> None:
        distances, codes = np.concatenate(self._distances, -1), np.concatenate(self._codes, -1)
        if distances.shape[-1] > self._k:
            found = np.argpartition(distances, self._k - 1, axis=-1)[..., : self._k]
            distances, codes = np.take_along_axis(distances, found, -1), np.take_along_axis(codes, found, -1)
        self._distances, self._codes = [distances], [codes]

    def matches(self, grid: Grid, offsets: np.ndarray) -> Matches:
        """What was kept. A missing candidate is replaced by the image's patch at the place itself."""
        self._select()
        (distances,), (codes,) = self._distances, self._codes
        order = np.lexsort((codes, distances), axis=-1)
        distances, codes = np.take_along_axis(distances, order, -1), np.take_along_axis(codes, order, -1)
        images, numbers = np.divmod(codes, len(offsets))
        displaced = np.where(np.isinf(distances)[..., None], 0, offsets[numbers])
        tops, lefts = grid.tops[:, None, None], grid.lefts[:, None]
        return Matches(images, tops + displaced[..., 0], lefts + displaced[..., 1], distances)


def _blocks(photos: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Training images, a few at a time, with the number of the first of them."""
    count = max(1, BLOCK_BYTES // photos[0].nbytes)
    for first in range(0, len(photos), count):
        yield first, photos[first : first + count]


def _distances(photo: np.ndarray, photos: np.ndarray, grid: Grid, offset: Sequence[int]) -> np.ndarray:
    """(R, C, n): squared distance of each patch to the one displaced by `offset` in each of n images.

    With D = (photo - displaced image)^2, summed over channels, the sums over all patches are A D B^T, where
    A (R, H) and B (C, W) hold a 1 for each row and column of a patch. Infinite where the displaced patch
    would reach over the border.
    """
    rows, columns = (_overlap(n, int(d)) for n, d in zip(photo.shape[:2], offset, strict=True))
    difference = photos[:, rows[1], columns[1]] - photo[rows[0], columns[0]]
    np.multiply(difference, difference, out=difference)
    if difference.ndim == 4:
        difference = difference.sum(axis=-1)
    A = _members(grid.tops, grid.size, grid.height)[:, rows[0]]
    B = _members(grid.lefts, grid.size, grid.width)[:, columns[0]]
    sums = A @ (difference @ B.T)
    for axis, starts, length in ((1, grid.tops, grid.height), (2, grid.lefts, grid.width)):
        displaced = starts + offset[axis - 1]
        outside = (displaced < 0) | (displaced + grid.size > length)
        sums[(slice(None),) * axis + (outside,)] = np.inf
    return sums.transpose(1, 2, 0)


def _overlap(length: int, displacement: int) -> tuple[slice, slice]:
    """Where x lies and where x + displacement lies, for all x for which both are within the length."""
    first, last = max(0, -displacement), min(length, length - displacement)
    return slice(first, last), slice(first + displacement, last + displacement)


def _members(starts: np.ndarray, size: int, length: int) -> np.ndarray:
    """(patches, length) float32: 1 where a pixel is in a patch, else 0."""
    pixels = np.arange(length)
    return ((pixels >= starts[:, None]) & (pixels < starts[:, None] + size)).astype(np.float32)


def nearest(queries: np.ndarray, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and squared distances (Q, k) of the k rows of candidates (C, D) nearest to each of queries (Q, D).

    ||q - c||^2 = ||q||^2 + ||c||^2 - 2 q.c finds them, for as many queries at a time as keep the matrix of
    q.c within BLOCK_BYTES; their distances are then computed from the differences. The nearest come first.
    """
    squares = np.einsum("cd,cd->c", candidates, candidates)
    indices = np.empty((len(queries), k), np.intp)
    distances = np.empty((len(queries), k), candidates.dtype)
    count = max(1, BLOCK_BYTES // (max(len(candidates), k * queries.shape[1]) * candidates.itemsize))
    for first in range(0, len(queries), count):
        block = queries[first : first + count]
        order = squares - 2 * (block @ candidates.T)
        found = np.argpartition(order, k - 1, axis=1)[:, :k]
        difference = candidates[found] - block[:, None]
        exact = np.einsum("qkd,qkd->qk", difference, difference)
        order = np.lexsort((found, exact), axis=1)
        indices[first : first + count] = np.take_along_axis(found, order, 1)
        distances[first : first + count] = np.take_along_axis(exact, order, 1)
    return indices, distances
