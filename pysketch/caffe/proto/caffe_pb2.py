"""pycaffe's `caffe.proto.caffe_pb2`: Caffe's message types, to be filled in Python, written as prototxt or as bytes.

    from pysketch.caffe.proto import caffe_pb2
    solver = caffe_pb2.SolverParameter(net="net.prototxt", base_lr=0.01, lr_policy="fixed")
    solver.solver_mode = caffe_pb2.SolverParameter.CPU
    text = str(solver)

The classes are protobuf's: ``SerializeToString``, ``ParseFromString``, ``CopyFrom`` and the functions of
google.protobuf.text_format work on them. A field that was not set reads as Caffe's default. Of V0 layers, which came
before 2014, only names and weights are here.
"""

from __future__ import annotations

from typing import Any

from pysketch.errors import did_you_mean
from pysketch.netdef import Phase as _Phase
from pysketch.weights import enum_type, message_class, message_names

__all__ = ["TEST", "TRAIN", "Phase", *message_names()]

TRAIN, TEST = _Phase.TRAIN, _Phase.TEST

Phase = enum_type("Phase")
"""protobuf's enum: ``Phase.Value("TEST")``, ``Phase.Name(1)``, ``Phase.TEST``."""


def __getattr__(name: str) -> Any:
    """A message type by name: ``caffe_pb2.NetParameter``."""
    if name not in __all__:
        raise AttributeError(f"caffe_pb2 has no {name}{did_you_mean(name, __all__)}")
    return message_class(name)


def __dir__() -> list[str]:
    """The names that are here."""
    return __all__
