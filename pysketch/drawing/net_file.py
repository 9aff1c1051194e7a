"""The net file: weights, netdef and preprocessing in one .h5, all that drawing needs."""

from __future__ import annotations

import os
from pathlib import Path

from pysketch.errors import SnapshotError
from pysketch.images import Preprocessing
from pysketch.net import Net
from pysketch.netdef import NetDef, parse_netdef
from pysketch.weights import read_attributes


def write_net_file(path: str | os.PathLike[str], net: Net) -> bool:
    """Write a trained net with everything that drawing needs: a `.caffemodel.h5` with root attributes.

    `netdef` is the netdef's text, `preprocessing` the data layer's options as JSON. Nets whose data layer
    is not PhotoSketchData have no preprocessing that we know; their files cannot be drawn with. Returns whether
    this one can.
    """
    from pysketch.layers import PhotoSketchData  # which who draws need not wait for

    attributes = {"netdef": net.netdef.text}
    for layer in net.layers:
        if isinstance(layer, PhotoSketchData):
            attributes["preprocessing"] = layer.preprocessing.to_json()
    net.save(path, attributes=attributes)
    return "preprocessing" in attributes


def read_net_file(path: str | os.PathLike[str]) -> tuple[NetDef, Preprocessing]:
    """The netdef and the preprocessing of a net file; SnapshotError if it is only weights."""
    attributes = read_attributes(path)
    if "netdef" not in attributes:
        raise SnapshotError(
            f"{path}: has no netdef in it; expected the net file that tools/solve.py writes at its end (PREFIX.h5), "
            "not a snapshot or weights alone"
        )
    if "preprocessing" not in attributes:
        raise SnapshotError(
            f"{path}: the net file of a net that does not draw: it was trained without a PhotoSketchData layer, so "
            "nobody knows how a photo becomes its input"
        )
    netdef = parse_netdef(attributes["netdef"], f"{Path(path).name}[netdef]")
    return netdef, Preprocessing.from_json(attributes["preprocessing"], os.fspath(path))
