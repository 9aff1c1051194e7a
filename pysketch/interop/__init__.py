"""Our nets as other programs' files: a netdef for stock Caffe, a model in ONNX.

Start reading at `export`; `onnx_operators` says what each layer is in ONNX.
"""

from pysketch.interop.export import deploy_prototxt, describe_input, onnx_model

__all__ = [
    "deploy_prototxt",
    "describe_input",
    "onnx_model",
]
