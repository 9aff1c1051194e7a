"""A net's weights out of files and into files."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from pysketch.device import Blob, copy_into, to_host
from pysketch.errors import SnapshotError, counted, did_you_mean
from pysketch.layers import Layer
from pysketch.netdef import Phase, told_apart
from pysketch.weights import WeightsReader, group_name, open_weights, write_weights

logger = logging.getLogger(__name__)


def stored_params(layers: Sequence[Layer]) -> dict[str, list[Blob]]:
    """What HDF5 files call each layer with params -> its params: its name; of a name used before, "name#2" ..."""
    learned = [layer for layer in layers if layer.blobs]
    names = told_apart(layer.name for layer in learned)
    return {name: layer.blobs for name, layer in zip(names, learned, strict=True)}


def copy_weights(
    path: str | os.PathLike[str], params: Mapping[str, Sequence[Blob]], fill: Callable[[], None] = lambda: None
) -> None:
    """Copy a file's weights into params, by layer name: see `Net.copy_from`.

    fill: called before any is copied if the file has not all of them, so that the others start as they should.

    Of params that layers share by name Caffe's HDF5 files have only the first owner's: what the file lacks of a layer
    may be missing where the net shares it with a layer above.
    """
    with open_weights(path) as file:
        if params and not any(name in file.layers for name in params):
            _check_weights(path, file)
            raise SnapshotError(
                f"{path}: has nothing for this net: its layers are {_some(file.layers)}, the net's with params "
                f"{_some(params)}"
            )
        if not all(name in file.layers and file.has(name, k) for name, of in params.items() for k in range(len(of))):
            fill()
        above: set[object] = set()
        filled: set[object] = set()
        for name, blobs in params.items():
            if name in file.layers and file.count(name) > len(blobs):
                raise SnapshotError(f"{path}: {_other_count(file, name, len(blobs))}")
            for k, blob in enumerate(blobs):
                if file.has(name, k):
                    _copy_param(path, file, name, k, blob, blob.place in filled)
                    filled.add(blob.place)
                elif name in file.layers and blob.place not in above:
                    raise SnapshotError(f"{path}: {_other_count(file, name, len(blobs))}")
                above.add(blob.place)
        for name, blobs in params.items():
            if name not in file.layers and any(blob.place not in filled for blob in blobs):
                near = did_you_mean(name, file.layers)
                logger.warning('%s: has no layer "%s"; it keeps its initial weights%s', path, name, near)


def _copy_param(
    path: str | os.PathLike[str], file: WeightsReader, name: str, k: int, blob: Blob, is_filled: bool
) -> None:
    """One param; is_filled: it is shared and has another layer's values by now, which are said if they are others."""
    if not file.fits(name, k, blob.shape):
        raise SnapshotError(
            f'{path}: layer "{name}", param {k}: shape {file.shape(name, k)}, the net\'s is {blob.shape}; '
            "to learn this layer anew, as in fine-tuning with another num_output, rename it"
        )
    values = file.read(name, k).reshape(blob.shape)
    if is_filled and not np.array_equal(values, to_host(blob.data)):
        message = (
            '%s: layer "%s", param %d is shared in the net, but the file has other values for each; the last count'
        )
        logger.warning(message, path, name, k)
    copy_into(blob.data, values)


def _check_weights(path: str | os.PathLike[str], file: WeightsReader) -> None:
    """SnapshotError if there is not one param in the file, whatever its layers are: such a load would load nothing."""
    if not any(file.count(name) for name in file.layers):
        raise SnapshotError(f"{path}: has no weights in it, of {counted(len(file.layers), 'layer')}")


def _other_count(file: WeightsReader, name: str, wanted: int) -> str:
    """What to say of a layer whose params are fewer or more than the net's."""
    found = file.count(name)
    hint = ""
    if found < wanted:
        hint = "; Caffe stores params that layers share by name once: does the net share them as the file's does?"
    return f'layer "{name}" has {counted(found, "param")}, the net\'s has {wanted}{hint}'


def _some(names: Iterable[str]) -> str:
    """A few of the names, quoted."""
    return _few([f'"{name}"' for name in names])


def _few(texts: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "") or "none"


def save_weights(
    path: str | os.PathLike[str],
    name: str,
    phase: Phase,
    layers: Sequence[Layer],
    diffs: bool = False,
    attributes: Mapping[str, str] | None = None,
    binary: bool | None = None,
) -> None:
    """Write a net's weights (and diffs) in Caffe's binary format or HDF5; by default the suffix .caffemodel decides.

    A warning names the layers whose params stock Caffe would not find in an HDF5 file.
    """
    binary = os.fspath(path).endswith(".caffemodel") if binary is None else binary
    names = [layer.name for layer in layers] if binary else _names_in_hdf5(layers)
    named = [(name, layer) for name, layer in zip(names, layers, strict=True) if name is not None]
    data = [(name, [to_host(blob.data) for blob in layer.blobs]) for name, layer in named]
    diff = [(name, [to_host(blob.diff) for blob in layer.blobs]) for name, layer in named] if diffs else None
    if binary:
        from pysketch.weights import write_caffemodel  # with protobuf, for which others need not wait

        definitions = [layer.definition for layer in layers]
        write_caffemodel(path, name, definitions, phase, data, diff, attributes)
        return
    write_weights(path, data, diff, attributes)
    foreign = [layer.definition.where for each, layer in named if layer.blobs and group_name(each) != layer.name]
    if foreign:
        logger.warning(
            "%s: stock Caffe will not find the params of %s in this HDF5 file, where a / makes a group and a name "
            "stands once; pysketch will; for Caffe write a .caffemodel",
            *(path, _few(foreign)),
        )


def _names_in_hdf5(layers: Sequence[Layer]) -> list[str | None]:
    """`stored_params`' names, in net order; None for a layer without params whose name is taken."""
    learned = iter(stored_params(layers))
    names = [next(learned) if layer.blobs else None for layer in layers]
    taken = {name for name in names if name is not None}
    for k, layer in enumerate(layers):
        if names[k] is None and layer.name not in taken:
            names[k] = layer.name
            taken.add(layer.name)
    return names
