"""Layer types that Caffe 1.0 has and pysketch has not, each with what is near."""

from __future__ import annotations

_UNROLL = "unroll it in the netdef, with params shared by name; this is an engine for images"

UNSUPPORTED_LAYERS = {
    "Im2col": "Convolution unfolds by itself, and keeps no columns",
    "LSTM": _UNROLL,
    "LSTMUnit": "unroll it from InnerProduct, Sigmoid, TanH and Eltwise; this is an engine for images",
    "RNN": _UNROLL,
    "Recurrent": _UNROLL,
    "WindowData": "cut the windows out beforehand; ImageData reads a list of images, Data an LMDB",
}
"""Type -> a hint."""
