"""Faces that nobody has: one's hair, another's eyes, a third's nose and mouth, pulled out of shape a little.

From a few hundred drawn sketches any number of others, each as much a face as they are: to be told from the right
person where a large gallery is wanted, and to learn in which ways faces differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pysketch.images import ndimage
from pysketch.search.views import FRAME

_BROWS, _BELOW_EYES = 100.0, 145.0  # rows of the frame between which the eyes are taken
_FACE = (100.0, 150.0, 52.0, 66.0)  # x, y and half axes of what is taken from the others
_SOFT = 5.0  # pixels over which one face fades into another
_KNOTS = (7, 6)  # of the grid by whose moved points a face is pulled out of shape
PULL = 3.0
"""Pixels: the deviation by which the grid's points move."""


def mixed(
    faces: Sequence[np.ndarray], count: int, rng: np.random.Generator, pull: float = PULL
) -> Iterator[np.ndarray]:
    """`count` sketches, grey uint8 (250, 200), of three of the faces each; the same generator gives the same.

    faces: aligned sketches of that size, at least one.
    """
    inner, eyes = _masks()
    for _ in range(count):
        hair, upper, lower = (faces[k].astype(np.float32) for k in rng.integers(len(faces), size=3))
        face = hair + inner * (lower + eyes * (upper - lower) - hair)
        yield np.clip(np.rint(pulled(face, rng, pull)), 0, 255).astype(np.uint8)


def pulled(picture: np.ndarray, rng: np.random.Generator, pull: float, matrix: np.ndarray | None = None) -> np.ndarray:
    """The picture (250, 200), float32, each place taken from another nearby; smoothly, so that it is another face.

    pull: deviation, pixels. matrix: (2, 3), where (row, column, 1) comes from before that; none: from itself.
    """
    shape = np.array(FRAME)
    at = np.stack(np.meshgrid(*(np.arange(size, dtype=np.float32) for size in FRAME), indexing="ij"))
    if matrix is not None:
        at = np.tensordot(matrix[:, :2], at, 1).astype(np.float32) + matrix[:, 2].astype(np.float32)[:, None, None]
    knots = rng.normal(0, pull, (2, *_KNOTS)).astype(np.float32)
    rows, columns = (_spline(size, knots) for size, knots in zip(shape, _KNOTS, strict=True))
    at += rows @ knots @ columns.T
    return ndimage().map_coordinates(picture.astype(np.float32), at, order=1, mode="nearest")


def _spline(size: int, knots: int) -> np.ndarray:
    """(size, knots) float32: how much each knot moves each place; Gaussians as wide as the knots are apart."""
    apart = np.linspace(0, knots - 1, size)[:, None] - np.arange(knots)
    share = np.exp(-2 * apart**2)
    return (share / np.sqrt((share**2).sum(axis=1, keepdims=True))).astype(np.float32)


def _masks() -> tuple[np.ndarray, np.ndarray]:
    """(250, 200) float32, 0 to 1: what is not the first face's, and what of that is the second's."""
    rows, columns = np.indices(FRAME, dtype=np.float32)
    x, y, across, down = _FACE
    inner = _step((1 - np.hypot((columns - x) / across, (rows - y) / down)) * across)
    return inner, _step(rows - _BROWS) * _step(_BELOW_EYES - rows)


def _step(distance: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-np.clip(distance / _SOFT, -30, 30) * 2))).astype(np.float32)
