"""A net that draws, as other programs' files: a stock Caffe netdef, and an ONNX model. The only importer of onnx.

Both take what `Preprocessing` makes of a photo: (N, channels, H, W), R, G and B as (pixel - mean) * scale, then, if the
net has them, X and Y. `describe_input` says so in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pysketch.backend import to_host
from pysketch.caffemodel import layer_text
from pysketch.errors import DataError
from pysketch.layer import Layer
from pysketch.net import Net
from pysketch.netdef import LayerDef
from pysketch.preprocessing import Preprocessing
from pysketch.prototxt import quote

OPSET, IR_VERSION = 13, 8
"""Of ONNX models: old enough for every onnxruntime since 1.7 and OpenCV since 4.5."""


def describe_input(preprocessing: Preprocessing) -> str:
    """What the input blob must hold, in one line of words."""
    mean = ", ".join(f"{value:g}" for value in preprocessing.mean)
    text = f"R, G, B as (pixel - {mean}) * {preprocessing.scale:.9g}, pixels 0..255"
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
    graph = _Graph(net)
    for layer in net.layers:
        graph.add(layer)

    def value(name: str) -> Any:
        shape = net.blobs[name].shape
        if any_size and len(shape) == 4:
            shape = ("N", shape[1], f"{name}_height", f"{name}_width")
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
        raise DataError('ONNX models need onnx; install it with: pip install -e ".[interop]"') from None
    return onnx


class _Graph:
    """Nodes and weights as layers add them. ONNX gives each value a name of its own, in place or not."""

    def __init__(self, net: Net) -> None:
        self.present = {name: name for name in net.inputs}
        self.weights: dict[str, np.ndarray] = {}
        self.nodes: list[tuple[tuple[Any, ...], Mapping[str, Any]]] = []

    def add(self, layer: Layer) -> None:
        """A layer's node, or none for those that do nothing."""
        definition = layer.definition
        if layer.type == "Input":
            return
        if layer.type in ("Split", "Dropout"):
            self.present |= dict.fromkeys(definition.top, self.present[definition.bottom[0]])
            return
        if layer.type not in _OPERATORS:
            raise layer.error(
                f"a {layer.type} layer cannot be written as ONNX; known: {', '.join(sorted(_OPERATORS))}", DataError
            )
        operator, params, attributes = _OPERATORS[layer.type](layer)
        names = [f"{layer.name}/{k}" for k in range(len(params))]
        self.weights |= dict(zip(names, params, strict=True))
        inputs = [*(self.present[name] for name in definition.bottom), *names]
        fresh = [f"{top}:{len(self.nodes)}" for top in definition.top]
        self.nodes.append(((operator, inputs, fresh), attributes))
        self.present |= dict(zip(definition.top, fresh, strict=True))


Operator = tuple[str, list[np.ndarray], dict[str, Any]]
"""An operator's name, the weights that follow its inputs, its attributes."""


def _blobs(layer: Layer) -> list[np.ndarray]:
    return [np.array(to_host(blob.data), np.float32) for blob in layer.blobs]


def _convolution(layer: Layer) -> Operator:
    window = layer.window
    geometry = {"strides": window.stride, "dilations": window.dilation, "pads": (*window.pad, *window.pad)}
    operator = "Conv" if layer.type == "Convolution" else "ConvTranspose"
    return operator, _blobs(layer), {**geometry, "group": layer.options.group}


def _relu(layer: Layer) -> Operator:
    slope = layer.options.negative_slope
    return ("LeakyRelu", [], {"alpha": slope}) if slope else ("Relu", [], {})


def _prelu(layer: Layer) -> Operator:
    (slopes,) = _blobs(layer)
    return "PRelu", [slopes.reshape(-1, 1, 1) if slopes.ndim else slopes], {}


def _eltwise(layer: Layer) -> Operator:
    operation, coeff = layer.options.operation, layer.options.coeff
    if operation == "SUM" and all(c == 1 for c in coeff):
        return "Sum", [], {}
    if operation == "MAX":
        return "Max", [], {}
    if operation == "PROD" and len(layer.definition.bottom) == 2:
        return "Mul", [], {}
    raise layer.error(f"operation {operation} of these bottoms and coeff has no ONNX operator", DataError)


def _axis(operator: str) -> Callable[[Layer], Operator]:
    return lambda layer: (operator, [], {"axis": layer.axis})


def _plain(operator: str) -> Callable[[Layer], Operator]:
    return lambda layer: (operator, [], {})


_OPERATORS: dict[str, Callable[[Layer], Operator]] = {
    "AbsVal": _plain("Abs"),
    "BNLL": _plain("Softplus"),
    "Concat": _axis("Concat"),
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "ELU": lambda layer: ("Elu", [], {"alpha": layer.options.alpha}),
    "Eltwise": _eltwise,
    "PReLU": _prelu,
    "ReLU": _relu,
    "Sigmoid": _plain("Sigmoid"),
    "Softmax": _axis("Softmax"),
    "TanH": _plain("Tanh"),
}
