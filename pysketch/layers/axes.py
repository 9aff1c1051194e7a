"""Axes of blobs as options name them."""

from __future__ import annotations

import math

from pysketch.layers.base import Layer


def canonical_axis(layer: Layer, axis: int, shape: tuple[int, ...]) -> int:
    """The axis counted from the front, of a bottom of this shape; -1 is the last. ShapeError if there is none."""
    if not -len(shape) <= axis < len(shape):
        raise layer.shape_error(f"axis {axis} is not one of a bottom of shape {shape}")
    return axis % len(shape)


def split_at(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """(outer, length, inner): how many elements lie before the axis, along it and behind it."""
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
