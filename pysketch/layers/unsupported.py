"""Layer types that Caffe 1.0 has and pysketch has not, each with what is near."""

from __future__ import annotations

_DATABASE = "HDF5Data reads arrays, ImageData a list of images"
_PYTHON = "write it as a Python layer"
_UNROLL = "unroll it in the netdef, with params shared by name; this is an engine for images"

UNSUPPORTED_LAYERS = {
    "ArgMax": f"Accuracy counts how often the largest is right, Pooling's second top says where maxima are; {_PYTHON}",
    "BatchReindex": _PYTHON,
    "ContrastiveLoss": f"EuclideanLoss is the nearest; {_PYTHON}",
    "Data": _DATABASE,
    "Embed": "an InnerProduct of one-hot vectors is the same",
    "Filter": f"Slice takes fixed parts; {_PYTHON}",
    "Im2col": "Convolution unfolds by itself, and keeps no columns",
    "InfogainLoss": "SoftmaxWithLoss is the same with the identity for its matrix",
    "LSTM": _UNROLL,
    "LSTMUnit": "unroll it from InnerProduct, Sigmoid, TanH and Eltwise; this is an engine for images",
    "MemoryData": "Input, whose blobs the program fills",
    "MultinomialLogisticLoss": "SoftmaxWithLoss takes the scores before the Softmax",
    "RNN": _UNROLL,
    "Recurrent": _UNROLL,
    "SPP": "several Pooling layers, Flatten and Concat",
    "Threshold": _PYTHON,
    "Tile": "Concat of a blob with itself",
    "WindowData": f"cut the windows out beforehand; {_DATABASE}",
}
"""Type -> a hint."""
