"""Axes of blobs as options name them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Layer


def canonical_axis(layer: Layer, axis: int, shape: tuple[int, ...]) -> int:
    """The axis counted from the front, of a bottom of this shape; -1 is the last. ShapeError if there is none."""
    if not -len(shape) <= axis < len(shape):
        raise layer.shape_error(f"axis {axis} is not one of a bottom of shape {shape}")
    return axis % len(shape)


def check_items(layer: Layer, bottom: Sequence[Blob]) -> None:
    """ShapeError unless the first two bottoms have equally many items, and these equally many numbers, as Caffe counts.

    So (N, 1) goes with (N,), and (N, C) with (N, C, 1, 1).
    """
    a, b = bottom[0].shape, bottom[1].shape
    if not a or not b or a[0] != b[0] or bottom[0].count != bottom[1].count or not bottom[0].count:
        names = layer.definition.bottom
        raise layer.shape_error(
            f'"{names[0]}" {a} and "{names[1]}" {b} must have equally many items (axis 0) and equally many numbers, '
            "at least one"
        )


def split_at(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """(outer, length, inner): how many elements lie before the axis, along it and behind it."""
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
