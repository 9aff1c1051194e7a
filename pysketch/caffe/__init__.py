"""pycaffe's names on pysketch: ``import pysketch.caffe as caffe`` runs common pycaffe scripts.

Here are `Net`, `Classifier`, `Detector`, the solvers, `get_solver`, `Layer` for Python layers, `io`, `proto.caffe_pb2`,
`NetSpec` with `layers` and `params`, `coord_map` and `draw`. With ``sys.modules["caffe"] = pysketch.caffe`` even
``import caffe`` and ``import caffe.io`` find this room. A Python layer's ``import caffe`` does so by itself, unless a
real one is installed. A netdef may import Python layers from the folder of the script that runs, and from what the
script has put into sys.path, and from nowhere else.

The device is the CPU until set_mode_gpu; then `blob.data` and `blob.diff` are CuPy arrays. README.md says what is not
here. Start reading at `nets`.
"""

import sys

from pysketch.caffe import coord_map, draw, io, net_spec, proto
from pysketch.caffe.alias import Alias
from pysketch.caffe.classifier import Classifier
from pysketch.caffe.detector import Detector
from pysketch.caffe.mode import (
    TEST,
    TRAIN,
    Timer,
    has_nccl,
    init_log,
    layer_type_list,
    log,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_multiprocess,
    set_random_seed,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from pysketch.caffe.net_spec import NetSpec, layers, params, to_proto
from pysketch.caffe.nets import Net
from pysketch.caffe.solvers import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)
from pysketch.layers import pycaffe

__version__ = "1.0.0"

BlobVec, Layer = pycaffe.BlobVec, pycaffe.Layer

__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "BlobVec",
    "Classifier",
    "Detector",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "Timer",
    "coord_map",
    "draw",
    "get_solver",
    "has_nccl",
    "init_log",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "net_spec",
    "params",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]

Alias("caffe", sys.modules[__name__]).install()
