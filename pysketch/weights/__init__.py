"""Caffe's weight and solver state files, HDF5 and binary, read and written; its LMDBs of images, read.

`snapshot` is the HDF5 layout, `caffemodel` the binary one, whose messages `caffe_schema` declares; `files` takes
either, by a file's first bytes. A file is read whole or refused in one line, and runs no code. `database` reads
an LMDB, record by record.

Start reading at `files`.
"""

from pysketch.weights.caffe_schema import enum_type, message_class, message_names
from pysketch.weights.caffemodel import fill_blob, layer_text, read_blob, write_caffemodel
from pysketch.weights.database import Record, Records, is_lmdb
from pysketch.weights.files import (
    SUFFIXES,
    WeightsReader,
    check_weights,
    open_weights,
    read_attributes,
    read_solver_state,
    write_solver_state,
)
from pysketch.weights.snapshot import SolverState, group_name, new_hdf5, read_datasets, write_datasets, write_weights

__all__ = [
    "SUFFIXES",
    "Record",
    "Records",
    "SolverState",
    "WeightsReader",
    "check_weights",
    "enum_type",
    "fill_blob",
    "group_name",
    "is_lmdb",
    "layer_text",
    "message_class",
    "message_names",
    "new_hdf5",
    "open_weights",
    "read_attributes",
    "read_blob",
    "read_datasets",
    "read_solver_state",
    "write_caffemodel",
    "write_datasets",
    "write_solver_state",
    "write_weights",
]
