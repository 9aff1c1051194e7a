"""A net that draws, as other programs' files: a stock Caffe netdef, and an ONNX model. The only importer of onnx.

Both take what `Preprocessing` makes of a photo: (N, channels, H, W), R, G and B as (pixel - mean) * scale, then, if the
net has them, X and Y. `describe_input` says so in words.
"""

from __future__ import annotations

from typing import Any

from pysketch.errors import DataError
from pysketch.images import Preprocessing
from pysketch.interop.onnx_operators import Graph
from pysketch.net import Net
from pysketch.netdef import LayerDef, quote
from pysketch.shipped import how_to_install
from pysketch.weights import layer_text

OPSET, IR_VERSION = 13, 8
"""Of ONNX models: old enough for every onnxruntime since 1.7 and OpenCV since 4.5."""


def describe_input(preprocessing: Preprocessing) -> str:
    """What the input blob must hold, in one line of words."""
    mean = ", ".join(f"{value:g}" for value in preprocessing.mean)
    names = "R, G, B" if preprocessing.colours == 3 else "the sketch's grey levels"
    text = f"{names} as (pixel - {mean}) * {preprocessing.scale:.9g}, pixels 0..255"
    if preprocessing.xy:
        text += (
            f"; X as (column - (width - 1) // 2) * {preprocessing.xy_scale:g}"
            f"; Y as (row - (height - 1) // 2) * {preprocessing.xy_scale:g}"
        )
    return text


def deploy_prototxt(net: Net, preprocessing: Preprocessing | None = None) -> str:
    """A netdef of stock Caffe layers that draws what the net draws: inputs first, no splits, no phases, no losses."""
    lines = ["# Written by pysketch. The output is in grey levels, 0 black .. 255 white, not clipped.\n"]
    if preprocessing is not None:
        lines.append(f"# Input, N x channels x height x width: {describe_input(preprocessing)}.\n")
    lines.append(f"name: {quote(net.name)}\n")
    for definition in net.netdef.select(net.state).layers:
        text = _input_text(definition, net) if definition.type == "Input" else layer_text(definition)
        body = "".join(f"  {line}\n" for line in text.splitlines())
        lines.append(f"layer {{\n{body}}}\n")
    return "".join(lines)


def _input_text(definition: LayerDef, net: Net) -> str:
    """The Input layer with the shapes that its tops have in the net."""
    shapes = (" ".join(f"dim: {n}" for n in net.blobs[name].shape) for name in definition.top)
    tops = "".join(f"top: {quote(name)}\n" for name in definition.top)
    shapes = "".join(f"  shape {{ {shape} }}\n" for shape in shapes)
    return f'name: {quote(definition.name)}\ntype: "Input"\n{tops}input_param {{\n{shapes}}}\n'


def onnx_model(net: Net, any_size: bool = True) -> bytes:
    """The net as an ONNX model, opset 13, whose weights are the net's; DataError names a layer that has no operator.

    any_size: leave the batch, height and width of images open; else all shapes are those of the net.
    """
    onnx = library()
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    graph = Graph(net)
    for layer in net.layers:
        graph.add(layer)

    def value(name: str) -> Any:
        shape = net.blobs[name].shape
        if any_size and shape:
            image = (f"{name}_height", f"{name}_width")
            shape = ("N", shape[1], *image) if len(shape) == 4 else ("N", *shape[1:])
        return helper.make_tensor_value_info(name, float32, shape)

    nodes = [helper.make_node(*node, **attributes) for node, attributes in graph.nodes]
    nodes += [helper.make_node("Identity", [graph.present[name]], [name]) for name in net.outputs]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in graph.weights.items()]
    ends = [value(name) for name in net.inputs], [value(name) for name in net.outputs]
    made = helper.make_graph(nodes, net.name or "net", *ends, weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "pysketch"
    onnx.checker.check_model(model)
    return model.SerializeToString()


def library() -> Any:
    """The onnx package; DataError with what to install where it is missing."""
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError:
        raise DataError(f"ONNX models need onnx; install it with: {how_to_install('interop')}") from None
    return onnx
