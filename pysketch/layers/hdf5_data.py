"""HDF5Data: batches from HDF5 files, as Caffe's layer of that name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from pysketch.device import Blob
from pysketch.errors import DataError
from pysketch.files import as_read, find_file, read_text, where_looked
from pysketch.layers.base import Count, register
from pysketch.layers.batch_data import BatchData
from pysketch.netdef import Kind, Option, Table
from pysketch.weights import read_datasets


@register
class HDF5Data(BatchData):
    """Tops named as the datasets they come from: (batch_size, ...) of rows, as stored (no scaling).

    `source` is a text file of HDF5 files' paths, one a line, relative to the working directory (Caffe's rule) or, if
    they are not there, to the list. All files are read at setup, joined along axis 0 and kept in memory, so that a
    batch is a copy of rows and needs no thread; batches wrap over file ends. With `shuffle` the rows come in another
    order each epoch (Caffe shuffles files and rows within each).
    """

    type = "HDF5Data"
    section = "hdf5_data_param"
    table = Table(
        "HDF5DataParameter",
        (
            Option("source", Kind.STRING, required=True, help="a text file of paths, one a line"),
            Option("batch_size", Kind.UINT32, required=True, low=1, help="rows in a batch"),
            Option("shuffle", Kind.BOOL, False, help="another order each epoch?"),
        ),
    )
    tops = Count(1, None)
    refused_sections = ("transform_param",)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read the files."""
        if "transform_param" in self.definition.sections:
            at = self.definition.sections["transform_param"].position
            raise self.error("HDF5Data does not transform data; leave transform_param out, or store them so", at=at)
        self.check_size(self.options.batch_size)
        names, at = self.definition.top, self.options.position("source")
        source = self.find_file(self.options.source, "list of HDF5 files", at)
        try:
            parts = [read_datasets(path, names) for path in _listed(source)]
        except DataError as error:
            raise self.error(str(error), DataError, at) from None
        for name in names:
            shapes = {part[name].shape[1:] for part in parts}
            if len(shapes) > 1:
                raise self.error(f'dataset "{name}" has rows of different shapes in its files: {shapes}', DataError)
        dtype = self.context.dtype
        self.rows = {name: np.concatenate([part[name] for part in parts]).astype(dtype, copy=False) for name in names}
        self.begin(len(self.rows[names[0]]), self.options.batch_size, self.options.shuffle, prefetch=False)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """(batch_size, shape of a row)."""
        for name, blob in zip(self.definition.top, top, strict=True):
            blob.reshape(self.next_size, *self.rows[name].shape[1:])

    def make_batch(self, draws: list[tuple[int, int]]) -> tuple[np.ndarray, ...]:
        """Copies of these rows of each dataset."""
        indices = [index for _, index in draws]
        return tuple(rows[indices] for rows in self.rows.values())

    def contents(self) -> Iterator[bytes]:
        """All rows."""
        return (rows.tobytes() for rows in self.rows.values())


def _listed(source: str) -> list[str]:
    """The files that a list names: from the working directory, else beside the list."""
    try:
        lines = read_text(source).split("\n")
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: not a readable list of HDF5 files: {error}") from None
    beside = [os.path.dirname(source)]
    paths = [find_file(line.strip(), beside) for line in lines if line.strip()]
    if not paths:
        raise DataError(f"{source}: lists no HDF5 files")
    for path in paths:
        if not os.path.exists(path):
            raise DataError(f"{as_read(path)}: no such file{where_looked(path, beside)}")
    return paths
