"""The solver's lines in the log, as Caffe words them: what its parse_log.py reads."""

from __future__ import annotations

import logging

import numpy as np

from pysketch.device import to_host
from pysketch.net import Net

logger = logging.getLogger(__name__)


def log_iteration(
    net: Net, iteration: int, loss: float, rate: float, display: int, seconds: float, iterations: int
) -> None:
    """An iteration's loss, the training net's outputs, the rate.

    seconds: since the last such lines, in which so many iterations were made; display: how many there are between
    lines. On a GPU the outputs are waited for.
    """
    pace = iterations / seconds if seconds > 0 else 0.0
    logger.info("Iteration %d (%g iter/s, %gs/%d iters), loss = %g", iteration, pace, seconds, display, loss)
    log_outputs(net, {name: to_host(net.blobs[name].data) for name in net.outputs}, "Train")
    logger.info("Iteration %d, lr = %g", iteration, rate)


def log_outputs(net: Net, values: dict[str, np.ndarray], kind: str) -> None:
    """Caffe's lines '    Train net output #0: loss = 20.9 (* 0.5 = 10.5 loss)'."""
    weights = {id(blob): weight for blob, weight in net.loss_weights}
    number = 0
    for name, value in values.items():
        weight = weights.get(id(net.blobs[name]))
        for element in np.ravel(value):
            weighted = f" (* {weight:g} = {weight * element:g} loss)" if weight else ""
            logger.info("    %s net output #%d: %s = %g%s", kind, number, name, element, weighted)
            number += 1
