"""pycaffe's `caffe.proto.caffe_pb2`: Caffe's message types, to be filled in Python and written as prototxt.

    from pysketch.caffe.proto import caffe_pb2
    solver = caffe_pb2.SolverParameter(net="net.prototxt", base_lr=0.01, lr_policy="fixed")
    solver.solver_mode = caffe_pb2.SolverParameter.CPU
    text = str(solver)

A field that was not set reads as 0, false or empty; Caffe's other defaults are applied by what reads the text.
"""

from __future__ import annotations

from typing import Any

from pysketch.errors import did_you_mean
from pysketch.netdef import Phase
from pysketch.weights import message_class, message_names


class _Messages:
    """``caffe_pb2.NetParameter``, and so on: protobuf's classes; and the phases TRAIN and TEST."""

    TRAIN, TEST = Phase.TRAIN, Phase.TEST

    def __getattr__(self, name: str) -> Any:
        names = message_names()
        if name not in names:
            raise AttributeError(f"caffe_pb2 has no {name}{did_you_mean(name, names)}")
        return message_class(name)


caffe_pb2 = _Messages()
