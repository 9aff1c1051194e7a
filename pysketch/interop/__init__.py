"""Our nets as other programs' files: a netdef for stock Caffe, a model in ONNX.

Start reading at `export`; `onnx_operators` says what each layer is in ONNX.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "export": ["deploy_prototxt", "describe_input", "onnx_model"],
    },
)
