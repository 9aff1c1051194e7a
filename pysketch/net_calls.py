"""What a net (a `pysketch.net.Net`) is called with: names of layers and blobs, arrays for its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pysketch.backend import Array, copy_into
from pysketch.blob import Blob
from pysketch.errors import did_you_mean


def find_layers(net: Any, start: str | None, end: str | None) -> tuple[int, int]:
    """The indices of two layers by name; None: the first, the last. ValueError for a name that no layer has."""
    names = [layer.name for layer in net.layers]
    for name in (start, end):
        if name is not None and name not in names:
            raise ValueError(f'{net.netdef.filename}: no layer "{name}"{did_you_mean(str(name), names)}')
    return (0 if start is None else names.index(start)), (len(names) - 1 if end is None else names.index(end))


def find_blob(net: Any, name: str) -> Blob:
    """A blob by name; ValueError if there is none."""
    if name not in net.blobs:
        raise ValueError(f'{net.netdef.filename}: no blob "{name}"{did_you_mean(name, net.blobs)}')
    return net.blobs[name]


def fill_inputs(net: Any, inputs: Mapping[str, Array | Any]) -> None:
    """Copy arrays into the input blobs, which take their shapes; ValueError for what is no input."""
    for name, array in inputs.items():
        if name not in net.inputs:
            known = ", ".join(net.inputs) or "none"
            raise ValueError(f'{net.netdef.filename}: no input "{name}"; inputs: {known}')
        blob = net.blobs[name]
        values = blob.xp.asarray(array, dtype=blob.dtype)
        blob.reshape(values.shape)
        copy_into(blob.data, values)


def fill_diffs(net: Any, diffs: Mapping[str, Array | Any]) -> None:
    """Copy arrays into blobs' diffs; ValueError for a blob that is not there."""
    for name, array in diffs.items():
        blob = find_blob(net, name)
        copy_into(blob.diff, blob.xp.asarray(array, dtype=blob.dtype))
