"""The layers, one file each, and the base class that they share.

A layer is a class with Caffe's four methods: setup, reshape, forward, backward. Its decorator, `register`, lets a
netdef name it; every file of this folder is imported here, so that a new layer is one new file and nothing else.

Start reading at `base`, then at a short layer such as `power`. Not layers themselves: `context` (what a net hands to
its layers), `neuron` and `base_convolution` (what some have in common), `batch_data` and `batch_order` (what data
layers share), `share` (which items of a batch a layer is given), `axes`, `labels`, `pooling_windows` and `transform`
(parts), `pycaffe` (the base class of users' Python layers), `unsupported` (what only Caffe has).
"""

import importlib
import pkgutil

from pysketch.layers import pycaffe
from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import LAYERS, PYTHON, Count, Layer, check_sections, layer_class, register, unread_sections
from pysketch.layers.batch_data import BatchData
from pysketch.layers.context import Context
from pysketch.layers.convolution import Convolution
from pysketch.layers.exp import ln_base
from pysketch.layers.input import Input
from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.layers.python import STAND_INS
from pysketch.layers.relu import ReLU
from pysketch.layers.scale import spread
from pysketch.layers.share import Share
from pysketch.layers.unsupported import UNSUPPORTED_LAYERS

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "LAYERS",
    "PYTHON",
    "STAND_INS",
    "UNSUPPORTED_LAYERS",
    "BatchData",
    "Context",
    "Convolution",
    "Count",
    "Input",
    "Layer",
    "PhotoSketchData",
    "ReLU",
    "Share",
    "canonical_axis",
    "check_sections",
    "layer_class",
    "ln_base",
    "pycaffe",
    "register",
    "spread",
    "unread_sections",
]
