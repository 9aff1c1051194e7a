"""What a Python layer written for pycaffe imports as ``caffe``: the base class and the phases.

While such a layer's module is imported, this module answers to ``import caffe``, unless a real one is
installed.
"""

from __future__ import annotations

from typing import Any

from pysketch.device import Blob
from pysketch.netdef import Phase

TRAIN, TEST = Phase.TRAIN, Phase.TEST


class BlobVec(list[Blob]):
    """A layer's own params, as pycaffe's: a list that can also make a blob."""

    def add_blob(self, *shape: int) -> None:
        """Append a param of this shape, filled with zeros."""
        self.append(Blob(shape))


class Layer:
    """Base class of pycaffe's Python layers.

    A subclass writes ``setup(bottom, top)``, ``reshape(bottom, top)``, ``forward(bottom, top)`` and
    ``backward(top, propagate_down, bottom)``; it finds its text in ``self.param_str``, the phase (0 for
    TRAIN, 1 for TEST) in ``self.phase``, and may add params with ``self.blobs.add_blob(...)``. It sees
    blobs with NumPy arrays whatever the device.
    """

    param_str: str = ""
    phase: Phase = Phase.TEST

    def __init__(self, *args: Any) -> None:
        self.blobs = BlobVec()
