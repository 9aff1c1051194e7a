"""Layer types that Caffe 1.0 has and pysketch has not, each with what is near."""

from __future__ import annotations

UNSUPPORTED_LAYERS = {
    "Im2col": "Convolution unfolds by itself",
    "LSTM": "unroll it in the netdef, with params shared by name",
    "LSTMUnit": "unroll it from InnerProduct, Sigmoid, TanH and Eltwise",
    "RNN": "unroll it in the netdef, with params shared by name",
    "Recurrent": "unroll it in the netdef, with params shared by name",
    "WindowData": "cut the windows out beforehand; ImageData reads a list of images, Data an LMDB",
}
"""Type -> a hint."""
