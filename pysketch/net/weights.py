"""A net's weights out of files and into files."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

from pysketch.device import Blob, copy_into, to_host
from pysketch.errors import SnapshotError, did_you_mean
from pysketch.layers import Layer
from pysketch.netdef import Phase
from pysketch.weights import open_weights, write_caffemodel, write_weights

logger = logging.getLogger(__name__)


def copy_weights(path: str | os.PathLike[str], params: Mapping[str, Sequence[Blob]]) -> None:
    """Copy a file's weights into params, by layer name: see `Net.copy_from`."""
    with open_weights(path) as file:
        for name, blobs in params.items():
            if name not in file.layers:
                near = did_you_mean(name, file.layers)
                logger.warning('%s: has no layer "%s"; it keeps its initial weights%s', path, name, near)
                continue
            if file.count(name) != len(blobs):
                raise SnapshotError(
                    f'{path}: layer "{name}" has {file.count(name)} params, the net\'s has {len(blobs)}'
                )
            for k, blob in enumerate(blobs):
                if not file.fits(name, k, blob.shape):
                    raise SnapshotError(
                        f'{path}: layer "{name}", param {k}: shape {file.shape(name, k)}, the net\'s is {blob.shape}'
                    )
                copy_into(blob.data, file.read(name, k).reshape(blob.shape))


def save_weights(
    path: str | os.PathLike[str],
    name: str,
    phase: Phase,
    layers: Sequence[Layer],
    diffs: bool = False,
    attributes: Mapping[str, str] | None = None,
    binary: bool | None = None,
) -> None:
    """Write a net's weights (and diffs) in Caffe's binary format or HDF5; by default the suffix .caffemodel decides."""
    data = [(layer.name, [to_host(blob.data) for blob in layer.blobs]) for layer in layers]
    diff = [(layer.name, [to_host(blob.diff) for blob in layer.blobs]) for layer in layers] if diffs else None
    if os.fspath(path).endswith(".caffemodel") if binary is None else binary:
        definitions = [layer.definition for layer in layers]
        write_caffemodel(path, name, definitions, phase, data, diff, attributes)
    else:
        write_weights(path, data, diff, attributes)
