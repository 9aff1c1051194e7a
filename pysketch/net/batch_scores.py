"""What a net scores on some batches, in the lines of ``caffe test``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pysketch.device import to_host
from pysketch.net.net import Net


def batch_scores(net: Net, iterations: int) -> Iterator[str]:
    """Caffe's lines: "Batch 0, loss = 1.5" of every element, then "Loss: 1.5" and "loss = 1.5 (* 1 = 1.5 loss)"."""
    losses, batches = [], []
    for k in range(iterations):
        net.forward()
        losses.append(float(net.loss()))
        batches.append([element for _, _, element in _elements(net)])
        for name, _, element in _elements(net):
            yield f"Batch {k}, {name} = {element:g}"
    yield f"Loss: {np.mean(losses):g}"
    for (name, weight, _), mean in zip(_elements(net), np.mean(batches, axis=0), strict=True):
        yield f"{name} = {mean:g}" + (f" (* {weight:g} = {weight * mean:g} loss)" if weight else "")


def _elements(net: Net) -> Iterator[tuple[str, float, float]]:
    """(the output's name, its loss_weight, an element) of all outputs."""
    weights = {id(blob): weight for blob, weight in net.loss_weights}
    for name in net.outputs:
        blob = net.blobs[name]
        for element in np.ravel(to_host(blob.data)).tolist():
            yield name, weights.get(id(blob), 0.0), element
