"""Caffe's weight and solver state files, HDF5 and binary, read and written; its LMDBs of images, read.

`snapshot` is the HDF5 layout, `caffemodel` the binary one, whose messages `caffe_schema` declares; `files` takes
either, by a file's first bytes. A file is read whole or refused in one line, and runs no code. `database` reads
an LMDB, record by record.

Start reading at `files`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "caffe_schema": ["enum_type", "message_class", "message_names"],
        "caffemodel": ["fill_blob", "layer_text", "read_blob", "write_caffemodel"],
        "database": ["Record", "Records", "is_lmdb"],
        "files": [
            "SUFFIXES",
            "WeightsReader",
            "check_weights",
            "open_weights",
            "read_attributes",
            "read_solver_state",
            "write_solver_state",
        ],
        "snapshot": ["SolverState", "group_name", "new_hdf5", "read_datasets", "write_datasets", "write_weights"],
    },
)
