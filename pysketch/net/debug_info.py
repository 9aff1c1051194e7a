"""Caffe's debug_info: the mean magnitude of every blob and param, logged as a net runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers import Layer
from pysketch.net.params import Param

logger = logging.getLogger(__name__)


def log_forward(layer: Layer, top: Sequence[Blob]) -> None:
    """The tops that a forward has filled, and the params it used."""
    for name, blob in zip(layer.definition.top, top, strict=True):
        logger.info("    [Forward] Layer %s, top blob %s data: %g", layer.name, name, mean_magnitude(blob.data))
    for k, blob in enumerate(layer.blobs):
        logger.info("    [Forward] Layer %s, param blob %d data: %g", layer.name, k, mean_magnitude(blob.data))


def log_backward(layer: Layer, propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
    """The diffs that a backward has written: of the bottoms it propagated down to and of learned params."""
    for name, blob, down in zip(layer.definition.bottom, bottom, propagate_down, strict=True):
        if down:
            logger.info("    [Backward] Layer %s, bottom blob %s diff: %g", layer.name, name, mean_magnitude(blob.diff))
    for k, blob in enumerate(layer.blobs):
        if layer.param_propagate_down[k]:
            logger.info("    [Backward] Layer %s, param blob %d diff: %g", layer.name, k, mean_magnitude(blob.diff))


def log_params(params: Sequence[Param]) -> None:
    """Norms over all params together: sums of magnitudes (L1) and roots of sums of squares (L2)."""
    data, diffs = [param.blob.data for param in params], [param.blob.diff for param in params]
    norms = _norm(data, 1), _norm(diffs, 1), _norm(data, 2), _norm(diffs, 2)
    logger.info("    [Backward] All net params (data, diff): L1 norm = (%g, %g); L2 norm = (%g, %g)", *norms)


def mean_magnitude(array: Array) -> float:
    """The mean of |x| over all elements; 0 if there are none."""
    return float(abs(array).sum()) / max(array.size, 1)


def _norm(arrays: Sequence[Array], order: int) -> float:
    return sum(float((abs(array) ** order).sum()) for array in arrays) ** (1 / order)
