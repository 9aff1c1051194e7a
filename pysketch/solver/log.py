"""The log as Caffe writes it, so that tools for Caffe's logs, such as its parse_log.py, read ours."""

from __future__ import annotations

import logging
from datetime import datetime

import numpy as np

from pysketch.device import to_host
from pysketch.net import Net

logger = logging.getLogger(__name__)


class CaffeFormatter(logging.Formatter):
    """``I1122 19:10:06.032768 18087 solver.py:239] Iteration 0, loss = 10.2``: glog's prefix, no year.

    A text of several lines keeps them, without prefixes, but for the blank ones: Caffe's parse_log.py, which takes
    each line after the first iteration apart, ends at one with an IndexError.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The whole line."""
        time = datetime.fromtimestamp(record.created)
        prefix = f"{record.levelname[0]}{time:%m%d %H:%M:%S.%f} {record.process}"
        text = "\n".join(line for line in record.getMessage().splitlines() if line.strip())
        return f"{prefix} {record.filename}:{record.lineno}] {text.rstrip()}"


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
        weight = weights.get(id(net.blobs.get(name)))
        for element in np.ravel(value):
            weighted = f" (* {weight:g} = {weight * element:g} loss)" if weight else ""
            logger.info("    %s net output #%d: %s = %g%s", kind, number, name, element, weighted)
            number += 1
