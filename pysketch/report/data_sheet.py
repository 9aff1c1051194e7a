"""What a net is fed, as a picture: the items that its data layers give, one beside the other."""

from __future__ import annotations

import numpy as np

from pysketch.device import to_host
from pysketch.errors import DataError
from pysketch.images import side_by_side, stacked
from pysketch.layers import Layer, PhotoSketchData
from pysketch.net import Net

COLUMNS = 7
"""Items beside each other."""


def data_sheet(net: Net, count: int, columns: int = COLUMNS) -> np.ndarray:
    """`count` items of a net's data layers, (H, W, 3) uint8: each as its pictures, the first top's above the second's.

    The data layers are those without bottoms, of which only these run. A picture is a top of shape (N, C, H, W) with C
    = 1 (grey) or at least 3 (of which the first three are R, G, B). Pixels of PhotoSketchData are shown as they were
    before its preprocessing, others as they are if they lie in 0..255, else from their darkest to their lightest.
    DataError if there is no picture.
    """
    indices = [index for index, layer in enumerate(net.layers) if not layer.definition.bottom]
    items: list[np.ndarray] = []
    while len(items) < count:
        net.forward_layers(indices)
        tops = [
            (net.layers[index], k, to_host(blob.data)) for index in indices for k, blob in enumerate(net.tops[index])
        ]
        pictures = [(layer, k, data) for layer, k, data in tops if data.ndim == 4 and data.shape[1] not in (0, 2)]
        if not pictures:
            raise DataError(f"{net.netdef.filename}: no data layer in phase {net.phase.name} gives a picture")
        items += [
            stacked(*(_picture(layer, k, data[item]) for layer, k, data in pictures))
            for item in range(min(len(data) for *_, data in pictures))
        ]
    rows = (items[start : min(count, start + columns)] for start in range(0, count, columns))
    return stacked(*(side_by_side(*row) for row in rows))


def _picture(layer: Layer, k: int, data: np.ndarray) -> np.ndarray:
    """(C, H, W) -> (H, W, 3) or (H, W) uint8."""
    if isinstance(layer, PhotoSketchData) and k == 0:
        return layer.preprocessing.undo(data)
    low, high = float(data[:3].min()), float(data[:3].max())
    levels = data[:3] if low >= 0 and 1 < high <= 255 else (data[:3] - low) * (255 / max(high - low, 1e-12))
    levels = np.rint(levels).astype(np.uint8)
    return levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0)
