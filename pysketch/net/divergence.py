"""Where a net's numbers have ceased to be finite."""

from __future__ import annotations

import math

import numpy as np

from pysketch.device import Array, to_host
from pysketch.net.net import Net


def first_not_finite(net: Net) -> str | None:
    """Where the first value that is not finite stands, in forward order: 'layer "x", ...'; None: nowhere."""
    for index, layer in enumerate(net.layers):
        names = zip(layer.definition.top, net.tops[index], strict=True)
        places = [(f'top "{name}"', "data", blob.data) for name, blob in names]
        places += [(f"param {k}", "data", blob.data) for k, blob in enumerate(layer.blobs)]
        places += [(f"param {k}", "diff", blob.diff) for k, blob in enumerate(layer.blobs)]
        for what, which, array in places:
            if not is_finite(array):
                return f'layer "{layer.name}", {what}, {which}'
    return None


def is_finite(array: Array) -> bool:
    """True if no element is NaN or infinite: the sum of magnitudes is finite, or every element is."""
    with np.errstate(over="ignore"):  # finite elements whose sum is not
        total = float(abs(array).sum())
    return math.isfinite(total) or bool(np.isfinite(to_host(array)).all())
