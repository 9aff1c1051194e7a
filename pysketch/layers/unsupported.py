"""Layer types that Caffe 1.0 has and pysketch has not, each with what is near."""

from __future__ import annotations

_DATABASE = "HDF5Data reads arrays, ImageData a list of images"

UNSUPPORTED_LAYERS = {
    "Data": _DATABASE,
    "Im2col": "Convolution unfolds by itself",
    "LSTM": "unroll it in the netdef, with params shared by name",
    "LSTMUnit": "unroll it from InnerProduct, Sigmoid, TanH and Eltwise",
    "MemoryData": "Input, whose blobs the program fills",
    "RNN": "unroll it in the netdef, with params shared by name",
    "Recurrent": "unroll it in the netdef, with params shared by name",
    "WindowData": f"cut the windows out beforehand; {_DATABASE}",
}
"""Type -> a hint."""
