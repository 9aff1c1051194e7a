"""Class labels as bottoms of losses and scores, and what a loss is divided by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.device import Array, Blob, array_module
from pysketch.errors import DataError, counted
from pysketch.layers.axes import split_at
from pysketch.layers.base import Layer
from pysketch.netdef import Choice, Kind, Option, Options, Table

NORMALIZATION = Choice({"FULL": 0, "VALID": 1, "BATCH_SIZE": 2, "NONE": 3})

LOSS = Table(
    "LossParameter",
    (
        Option("ignore_label", Kind.INT32, None, help="items of this label do not count"),
        Option("normalization", NORMALIZATION, "VALID", help="what the sum is divided by"),
        Option("normalize", Kind.BOOL, False, help="old: true is VALID, false BATCH_SIZE; normalization wins"),
    ),
)
"""loss_param. Without normalization and normalize a layer takes its own default."""


SMALLEST_PROBABILITY = 1e-20
"""Caffe's kLOG_THRESHOLD: what probabilities are raised to before a logarithm is taken."""


def check_label_count(layer: Layer, bottom: Sequence[Blob], count: int) -> None:
    """ShapeError unless the second bottom has `count` elements, one for each item.

    A loss's labels must be as long as its scores along axis 0, as in Caffe.
    """
    if bottom[1].count != count or (layer.is_loss and bottom[1].shape[:1] != bottom[0].shape[:1]):
        names, labels = layer.definition.bottom, counted(count, "label")
        raise layer.shape_error(
            f'expected {labels} in "{names[1]}" for "{names[0]}" {bottom[0].shape}, found {bottom[1].shape}'
        )


def check_item_labels(layer: Layer, bottom: Sequence[Blob]) -> None:
    """ShapeError unless the first bottom is (N, ...), not empty, and the second has N labels."""
    if not bottom[0].shape or bottom[0].count == 0:
        raise layer.shape_error(f"expected a bottom of shape (N, ...), found {bottom[0].shape}")
    check_label_count(layer, bottom, bottom[0].shape[0])


def check_class_labels(layer: Layer, bottom: Sequence[Blob], axis: int) -> int:
    """How many classes the scores have along the axis; ShapeError for none, or without a label for each item."""
    outer, classes, inner = split_at(bottom[0].shape, axis)
    if classes == 0:
        raise layer.shape_error(f"axis {axis} of a bottom of shape {bottom[0].shape} is empty")
    check_label_count(layer, bottom, outer * inner)
    return classes


def read_labels(layer: Layer, labels: Array, classes: int, ignore: int | None) -> tuple[Array, Array]:
    """(labels as integers, which of them count), as Caffe cuts fractions off; 0 where they do not count.

    DataError for a label that counts and is not one of 0..classes - 1: it is looked for on every call, so that a GPU
    is waited for.
    """
    labels = array_module(labels).trunc(labels)
    counted = labels != (np.nan if ignore is None else ignore)  # nothing equals nan
    good = (labels >= 0) & (labels < classes)
    bad = counted & ~good
    if bad.any():
        found = float(labels[bad][0])
        raise layer.error(
            f'a label of "{layer.definition.bottom[1]}" is {found:g}; expected 0 to {classes - 1}'
            + ("" if ignore is None else f" or ignore_label {ignore}"),
            DataError,
        )
    return array_module(labels).where(counted, labels, 0).astype(np.int64), counted


def read_indices(layer: Layer, k: int, values: Array, count: int) -> Array:
    """The numbers of bottom k as integers, fractions cut off; DataError for one that is not one of 0..count - 1."""
    xp = array_module(values)
    values = xp.trunc(values)
    bad = ~((values >= 0) & (values < count))
    if bad.any():
        found, name = float(values[bad][0]), layer.definition.bottom[k]
        raise layer.error(f'an index of "{name}" is {found:g}; expected 0 to {count - 1}', DataError)
    return values.astype(np.int64)


def normalizer(options: Options, default: str, counted: Array, outer: int) -> Array | int:
    """What a loss is divided by, as `loss_param` says: a number, at least 1; counted: which items count.

    FULL: all items; VALID: those that count; BATCH_SIZE: outer; NONE: 1.
    """
    name = default
    if options.given("normalization"):
        name = options.normalization
    elif options.given("normalize"):
        name = "VALID" if options.normalize else "BATCH_SIZE"
    if name == "VALID":
        return counted.sum().clip(1)
    return max(1, {"FULL": counted.size, "BATCH_SIZE": outer, "NONE": 1}[name])
