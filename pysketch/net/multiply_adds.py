"""How many multiply-adds a layer does: a product and its addition to a sum count as one.

Counted is the direct algorithm, whatever an engine really does; biases are not. Only layers that are sums of products
have a count, each proportional to the batch:

    Convolution         (C / group) kh kw      for each element of the top
    Deconvolution       (O / group) kh kw      for each element of the bottom, what falls into the padding included
    InnerProduct        K                      for each element of the top
    Pooling, AVE        kh kw                  for each element of the top: a convolution with equal weights

Backward takes as many for the weights' diff, if there are weights and it is asked for, and as many for the diff of
each bottom that is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pysketch.device import Blob
from pysketch.layers import LAYERS, Layer

Blobs = Sequence[Blob]


def forward_multiply_adds(layer: Layer, bottom: Blobs, top: Blobs) -> int | None:
    """A layer's forward, for its blobs' present shapes; None for a layer that has no count here."""
    each = _each(layer, bottom, top)
    return None if each is None else sum(each)


def backward_multiply_adds(layer: Layer, bottom: Blobs, top: Blobs, propagate_down: Sequence[bool]) -> int | None:
    """A layer's backward, with the diffs that are asked for; None for a layer that has no count here."""
    each = _each(layer, bottom, top)
    if each is None:
        return None
    learned = int(bool(layer.blobs) and layer.param_propagate_down[0])
    return sum(count * (learned + int(down)) for count, down in zip(each, propagate_down, strict=True))


def _each(layer: Layer, bottom: Blobs, top: Blobs) -> list[int] | None:
    """For each pair of a bottom and a top."""
    for name, count in _COUNTS.items():
        if name in LAYERS and isinstance(layer, LAYERS[name]):
            return count(layer, bottom, top)
    return None


def _convolution(layer: Layer, bottom: Blobs, top: Blobs) -> list[int]:
    return [_per_filter(layer) * y.count for y in top]


def _deconvolution(layer: Layer, bottom: Blobs, top: Blobs) -> list[int]:
    return [_per_filter(layer) * x.count for x in bottom]


def _per_filter(layer: Layer) -> int:
    """The weights that belong to one index of axis 0."""
    return math.prod(layer.blobs[0].shape[1:])


def _inner_product(layer: Layer, bottom: Blobs, top: Blobs) -> list[int]:
    return [layer.blobs[0].count // top[0].shape[-1] * top[0].count]


def _pooling(layer: Layer, bottom: Blobs, top: Blobs) -> list[int] | None:
    if layer.options.pool != "AVE":
        return None
    return [math.prod(layer.kernel or bottom[0].shape[2:]) * top[0].count]


_COUNTS: dict[str, Callable[[Layer, Blobs, Blobs], list[int] | None]] = {
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "InnerProduct": _inner_product,
    "Pooling": _pooling,
}
"""By the type that a netdef names; a class derived from one of these counts as it does."""
