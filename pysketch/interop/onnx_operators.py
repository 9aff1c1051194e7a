"""The ONNX operators (opset 13) that compute what each of our layers computes, as a graph that grows layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pysketch.device import to_host
from pysketch.errors import DataError
from pysketch.layers import Layer, canonical_axis, ln_base, spread
from pysketch.net import Net


class Graph:
    """Nodes and constants as layers add them. ONNX gives each value a name of its own, in place or not.

    present: blob name -> the name of the value that it holds now. weights: name -> array. nodes: (operator, inputs,
    outputs) and the attributes.
    """

    def __init__(self, net: Net) -> None:
        self.net = net
        self.present = {name: name for name in net.inputs}
        self.weights: dict[str, np.ndarray] = {}
        self.nodes: list[tuple[tuple[str, list[str], list[str]], Mapping[str, Any]]] = []

    def add(self, layer: Layer) -> None:
        """A layer's nodes, or none for those that do nothing; DataError names a layer that has no operator."""
        definition = layer.definition
        if layer.type in ("Input", "Silence"):
            return
        inputs = [self.present[name] for name in definition.bottom]
        flaw = layer.in_place_flaw(False) if definition.top[:1] == definition.bottom[:1] else ""
        if flaw:
            raise _error(layer, f"what Caffe does in place ({flaw})")
        if layer.type in ("Split", "Dropout"):
            outputs = inputs * len(definition.top)
        elif layer.type in _OPERATORS:
            outputs = _OPERATORS[layer.type](self, layer, inputs)
        else:
            raise layer.error(
                f"a {layer.type} layer cannot be written as ONNX; known: {', '.join(sorted(_OPERATORS))}", DataError
            )
        self.present |= dict(zip(definition.top, outputs, strict=True))

    def node(self, operator: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> list[str]:
        """Add a node; the names of its outputs."""
        names = [f"{operator}:{len(self.nodes)}:{k}" for k in range(outputs)]
        self.nodes.append(((operator, list(inputs), names), attributes))
        return names

    def constant(self, values: Any, dtype: type = np.float32) -> str:
        """Add a constant; its name."""
        name = f"constant:{len(self.weights)}"
        self.weights[name] = np.array(values, dtype)
        return name

    def params(self, layer: Layer) -> list[str]:
        """A layer's params as constants named after it."""
        names = [f"{layer.definition.key}/{k}" for k in range(len(layer.blobs))]
        self.weights |= dict(zip(names, _blobs(layer), strict=True))
        return names

    def ndim(self, layer: Layer, bottom: int = 0) -> int:
        """The number of a bottom's axes."""
        return len(self.net.blobs[layer.definition.bottom[bottom]].shape)


Operator = Callable[[Graph, Layer, list[str]], list[str]]
"""Adds a layer's nodes to the graph: (graph, layer, names of the inputs) -> names of the outputs."""


def _blobs(layer: Layer) -> list[np.ndarray]:
    return [np.array(to_host(blob.data), np.float32) for blob in layer.blobs]


def _error(layer: Layer, what: str) -> DataError:
    return layer.error(f"{what} has no ONNX operator", DataError)


def _plain(operator: str, *options: str) -> Operator:
    """An operator of the same name and meaning, with attributes that are called as the layer's options."""

    def add(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
        return graph.node(operator, inputs, **{name: getattr(layer.options, name) for name in options})

    return add


def _along_axis(operator: str) -> Operator:
    return lambda graph, layer, inputs: graph.node(operator, inputs, axis=layer.axis)


def _affine(graph: Graph, x: str, factor: Any, shift: Any) -> str:
    """factor x + shift, each left out where it does nothing."""
    if np.any(np.asarray(factor) != 1):
        (x,) = graph.node("Mul", [x, graph.constant(factor)])
    if np.any(shift):
        (x,) = graph.node("Add", [x, graph.constant(shift)])
    return x


def _convolution(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    window = layer.window
    operator = "Conv" if layer.type == "Convolution" else "ConvTranspose"
    geometry = {"strides": window.stride, "dilations": window.dilation, "pads": (*window.pad, *window.pad)}
    return graph.node(operator, [*inputs, *graph.params(layer)], group=layer.options.group, **geometry)


def _inner_product(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    rows = graph.node("Reshape", [*inputs, graph.constant([0] * layer.axis + [-1], np.int64)])
    weights, *bias = _blobs(layer)
    outputs = graph.node("MatMul", [*rows, graph.constant(weights if layer.options.transpose else weights.T)])
    return graph.node("Add", [*outputs, graph.constant(bias[0])]) if bias else outputs


def _pooling(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    options, name = layer.options, "Max" if layer.options.pool == "MAX" else "Average"
    if len(layer.definition.top) == 2:
        raise _error(layer, "a mask of maxima")
    if options.global_pooling:
        return graph.node(f"Global{name}Pool", inputs)
    ceil = options.round_mode == "CEIL" and layer.stride != (1, 1)
    if ceil and (layer.pad != (0, 0) or any(s > k for s, k in zip(layer.stride, layer.kernel, strict=True))):
        raise _error(layer, "round_mode CEIL with a pad, or a stride above the kernel (round_mode: FLOOR has one)")
    geometry = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": (*layer.pad, *layer.pad)}
    if name == "Average":
        geometry["count_include_pad"] = int(layer.pad != (0, 0))
    return graph.node(f"{name}Pool", inputs, ceil_mode=int(ceil), **geometry)


def _batch_norm(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    mean, var, (count,) = (blob.astype(np.float64) for blob in _blobs(layer))
    mean, var = (values / count if count else values * 0 for values in (mean, var))
    axes = graph.ndim(layer)
    factor = 1 / np.sqrt(var + layer.options.eps)
    factor, shift = (spread(values, axes, min(1, axes - 1)) for values in (factor, -mean * factor))
    return [_affine(graph, inputs[0], factor, shift)]


def _scale(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    """Scale and Bias: a second bottom, which lacks the first axes and the last ones, gets the last ones."""
    axes, blobs = graph.ndim(layer), _blobs(layer)
    params = [spread(values, axes, layer.axis) for values in blobs]
    x, *second = inputs
    if second:
        more = axes - layer.axis - graph.ndim(layer, 1)
        if more:
            second = graph.node("Reshape", [*second, graph.constant([0] * graph.ndim(layer, 1) + [1] * more, np.int64)])
        (x,) = graph.node("Mul" if layer.type == "Scale" else "Add", [x, *second])
        return [_affine(graph, x, 1, params[0] if params else 0)]
    if layer.type == "Bias":
        return [_affine(graph, x, 1, params[0])]
    return [_affine(graph, x, params[0], params[1] if len(params) == 2 else 0)]


def _relu(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    slope = layer.options.negative_slope
    return graph.node("LeakyRelu", inputs, alpha=slope) if slope else graph.node("Relu", inputs)


def _prelu(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    (slopes,) = _blobs(layer)
    return graph.node("PRelu", [*inputs, graph.constant(slopes.reshape(-1, 1, 1) if slopes.ndim else slopes)])


def _power(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    x = _affine(graph, inputs[0], layer.options.scale, layer.options.shift)
    power = layer.options.power
    return [x] if power == 1 else graph.node("Pow", [x, graph.constant(power)])


def _exp(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    base = ln_base(layer)
    return graph.node("Exp", [_affine(graph, inputs[0], layer.options.scale * base, layer.options.shift * base)])


def _log(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    outputs = graph.node("Log", [_affine(graph, inputs[0], layer.options.scale, layer.options.shift)])
    return [_affine(graph, outputs[0], 1 / ln_base(layer), 0)]


def _swish(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    return graph.node("Mul", inputs + graph.node("Sigmoid", [_affine(graph, inputs[0], layer.options.beta, 0)]))


def _eltwise(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    operation = layer.options.operation
    if operation == "SUM":
        coeff = layer.options.coeff or (1,) * len(inputs)
        return graph.node("Sum", [_affine(graph, x, c, 0) for x, c in zip(inputs, coeff, strict=True)])
    if operation == "MAX":
        return graph.node("Max", inputs)
    product, *rest = inputs
    for factor in rest:
        (product,) = graph.node("Mul", [product, factor])
    return [product]


def _lrn(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    options = layer.options
    if layer.within:
        raise _error(layer, "norm_region WITHIN_CHANNEL")
    window = {"size": options.local_size, "alpha": options.alpha, "beta": options.beta, "bias": options.k}
    return graph.node("LRN", inputs, **window)


def _mvn(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    made, axes = _standardized(graph, layer, inputs), graph.ndim(layer)
    if axes == 4:
        return made
    return graph.node("Reshape", [*made, graph.constant([0] * axes + [1] * (4 - axes), np.int64)])


def _standardized(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    axes = list(range(1 if layer.options.across_channels else 2, graph.ndim(layer)))
    if not axes:  # every element alone: it is its own mean
        return graph.node("Sub", inputs * 2)
    centred = graph.node("Sub", [*inputs, *graph.node("ReduceMean", inputs, axes=axes)])
    if not layer.options.normalize_variance:
        return centred
    variance = graph.node("ReduceMean", graph.node("Mul", centred * 2), axes=axes)
    (deviation,) = graph.node("Sqrt", variance)
    return graph.node("Div", [*centred, _affine(graph, deviation, 1, layer.options.eps)])


def _slice(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    lengths = [graph.net.blobs[name].shape[layer.axis] for name in layer.definition.top]
    if layer.axis > 1:
        raise _error(layer, "a cut along an axis whose length the image decides")
    return graph.node("Split", [*inputs, graph.constant(lengths, np.int64)], len(lengths), axis=layer.axis)


def _crop(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    """From the offsets on, as much as the second bottom has."""
    axes = list(range(layer.axis, graph.ndim(layer)))
    offsets = layer.options.offset or (0,)
    first = graph.constant(offsets * len(axes) if len(offsets) == 1 else offsets, np.int64)
    axes = graph.constant(axes, np.int64)
    lengths = graph.node("Gather", [*graph.node("Shape", inputs[1:]), axes])
    (last,) = graph.node("Add", [first, *lengths])
    return graph.node("Slice", [inputs[0], first, last, axes])


def _flatten(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    axes = graph.ndim(layer)
    shape = graph.net.blobs[layer.definition.bottom[0]].shape
    first, last = (canonical_axis(layer, n, shape) for n in (layer.options.axis, layer.options.end_axis))
    if last != axes - 1:
        raise _error(layer, "an end_axis before the last axis")
    return graph.node("Reshape", [*inputs, graph.constant([0] * first + [-1], np.int64)])


def _reshape(graph: Graph, layer: Layer, inputs: list[str]) -> list[str]:
    options = layer.options
    if options.axis != 0 or options.num_axes != -1:
        raise _error(layer, "an axis or num_axes")
    return graph.node("Reshape", [*inputs, graph.constant(options.shape.dim, np.int64)])


_OPERATORS: dict[str, Operator] = {
    "AbsVal": _plain("Abs"),
    "BNLL": _plain("Softplus"),
    "BatchNorm": _batch_norm,
    "Bias": _scale,
    "Concat": _along_axis("Concat"),
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _convolution,
    "ELU": _plain("Elu", "alpha"),
    "Eltwise": _eltwise,
    "Exp": _exp,
    "Flatten": _flatten,
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "Log": _log,
    "MVN": _mvn,
    "PReLU": _prelu,
    "Parameter": lambda graph, layer, inputs: graph.params(layer),
    "Pooling": _pooling,
    "Power": _power,
    "ReLU": _relu,
    "Reshape": _reshape,
    "Scale": _scale,
    "Sigmoid": _plain("Sigmoid"),
    "Slice": _slice,
    "Softmax": _along_axis("Softmax"),
    "Swish": _swish,
    "TanH": _plain("Tanh"),
}
