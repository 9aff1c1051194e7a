"""pycaffe's names on pysketch: ``import pysketch.caffe as caffe`` runs common pycaffe scripts unchanged.

Here are `Net`, the solvers, `get_solver`, `Layer` for Python layers, `io`, `proto.caffe_pb2`, and `NetSpec` with
`layers` and `params`. A Python layer's ``import caffe`` finds this module too, unless a real one is installed. A netdef
may import Python layers from the folder of the script that runs (sys.path[0]) and from nowhere else.

The device is the CPU until set_mode_gpu; then `blob.data` and `blob.diff` are CuPy arrays.
"""

from pysketch.caffe import io, proto
from pysketch.caffe.net_spec import NetSpec, layers, params, to_proto
from pysketch.caffe.nets import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    Net,
    RMSPropSolver,
    SGDSolver,
    get_solver,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_random_seed,
)
from pysketch.layers import pycaffe

__version__ = "1.0.0"

TRAIN, TEST, BlobVec, Layer = pycaffe.TRAIN, pycaffe.TEST, pycaffe.BlobVec, pycaffe.Layer

__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "BlobVec",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "get_solver",
    "io",
    "layers",
    "params",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
    "to_proto",
]
