"""The peers that tools/benchmark.py compares with: PyTorch and those that read ONNX, fed with a net of ours.

`describe` says in plain data what a net does, `make_peer` builds a peer from that and from arrays, in a process
that never imports pysketch. Peers are set up as their makers advise for a CPU; no test depends on one.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .libraries import LIBRARIES

if TYPE_CHECKING:
    from pysketch.layers import Layer
    from pysketch.net import Net

Arrays = dict[str, np.ndarray]

TRAINING = ("torch", "torch-channels-last", "torch-compiled")
"""The peers that can train; the others only draw."""

ON_A_CARD = ("torch", "torch-channels-last")
"""The peers that can compute on a card; the others are for the CPU."""

TORCH_LAYERS = (
    *("AbsVal", "AbsoluteLoss", "AdversarialLoss", "BNLL", "BatchNorm", "Bias", "Concat", "Convolution"),
    *("Deconvolution", "ELU", "Eltwise", "EuclideanLoss", "GenerativeDiscriminativeLoss", "GradientScale"),
    *("InnerProduct", "Input", "LRN", "PReLU", "Pooling", "Power", "ReLU", "Scale", "Sigmoid", "Silence", "Slice"),
    *("Softmax", "Split", "TanH"),
)
"""The layers that `torch_layers` knows; the other peers know those that can be written as ONNX."""


class Peer(Protocol):
    """Anyone who does the work of our net."""

    def check(self) -> Arrays:
        """Results to compare: in phase test the outputs; in phase train the loss, gradients, loss after an update."""

    def step(self) -> None:
        """The work that is timed: in phase test forward; in phase train forward, backward and update."""


def missing_libraries(peer: str) -> list[str]:
    """The libraries that a peer needs and that are not installed."""
    return [name for name in LIBRARIES[peer] if importlib.util.find_spec(name) is None]


def check_known(net: Net, peer: str) -> None:
    """NetdefError, which names the layer, if the peer is PyTorch and a net has another layer than TORCH_LAYERS.

    What the other peers do not know `onnx_model` says.
    """
    for layer in net.layers if LIBRARIES[peer] == ("torch",) else ():
        if layer.type not in TORCH_LAYERS:
            known = ", ".join(TORCH_LAYERS)
            raise layer.error(f"type {layer.type} is not known to the peer {peer}; it knows {known}")


def describe(net: Net) -> dict[str, Any]:
    """What a net does, for its peers: a JSON object.

    inputs, outputs: names of blobs. steps: the layers, each with type, name, bottom, top, its options and the
    names of its params, "layer/index"; in phase TRAIN, down and learns say which bottoms and params it is to give
    gradients. params: such a name -> lr_mult. loss_weights: blob name -> weight.
    """
    owners = {param.blob.data.ctypes.data: param for param in net.learnable}
    return {
        "inputs": net.inputs,
        "outputs": net.outputs,
        "steps": [_describe_layer(k, net, owners) for k in range(len(net.layers))],
        "params": {param_name(param): param.lr_mult for param in net.learnable},
        "loss_weights": {
            name: weight
            for layer in net.layers
            for name, weight in zip(layer.definition.top, layer.definition.loss_weight, strict=False)
            if weight
        },
    }


def param_name(param: Any) -> str:
    """How files and messages of the benchmark call a learnable param (a `pysketch.net.params.Param`)."""
    return f"{param.layer}/{param.index}"


def _describe_layer(index: int, net: Net, owners: Mapping[int, Any]) -> dict[str, Any]:
    layer = net.layers[index]
    params = [owners[blob.data.ctypes.data] for blob in layer.blobs]
    if any(param.blob.shape != blob.shape for param, blob in zip(params, layer.blobs, strict=True)):
        raise layer.error("shares a param of another shape, which no peer can")
    return {
        "type": layer.type,
        "name": layer.name,
        "bottom": layer.definition.bottom,
        "top": layer.definition.top,
        "options": _options(layer, net),
        "params": [param_name(param) for param in params],
        "down": net.propagate_down[index],
        "learns": layer.param_propagate_down,
    }


def _options(layer: Layer, net: Net) -> dict[str, Any]:
    options = layer.options
    match layer.type:
        case "Convolution" | "Deconvolution":
            window = layer.window
            geometry = {"stride": window.stride, "pad": window.pad, "dilation": window.dilation}
            return {**geometry, "group": options.group}
        case "Pooling":
            geometry = {"kernel": layer.kernel, "stride": layer.stride, "pad": layer.pad}
            return {**geometry, "pool": options.pool, "ceil": options.round_mode == "CEIL"}
        case "InnerProduct":
            return {"axis": layer.axis, "transpose": options.transpose}
        case "ReLU":
            return {"slope": options.negative_slope}
        case "ELU":
            return {"alpha": options.alpha}
        case "Power":
            return {"power": options.power, "scale": options.scale, "shift": options.shift}
        case "Eltwise":
            return {"operation": options.operation, "coeff": options.coeff}
        case "BatchNorm":
            return {"use_global_stats": layer.use_global_stats, "eps": options.eps}
        case "LRN":
            if layer.within:
                raise layer.error("norm_region WITHIN_CHANNEL is not known to PyTorch")
            return {"size": options.local_size, "alpha": options.alpha, "beta": options.beta, "k": options.k}
        case "Scale" | "Bias" | "Concat" | "Softmax":
            return {"axis": layer.axis}
        case "Slice":
            lengths = [net.blobs[name].shape[layer.axis] for name in layer.definition.top]
            return {"axis": layer.axis, "lengths": lengths}
        case "AdversarialLoss":
            return {"wanted": options.wanted}
        case "GradientScale":
            return {"scale": 0 if options.begin else options.scale}  # the first iterations are timed
        case "GenerativeDiscriminativeLoss":
            return {"alpha": layer.alpha, "lambda": layer.lam}
    return {}


def make_peer(
    peer: str, folder: Path, inputs: Arrays, threads: int, rate: float | None, where: tuple[str, str]
) -> Peer:
    """A peer from the files that `race` wrote; rate: Adam's, None to draw; where: the job's device and math mode."""
    graph = json.loads((folder / "net.json").read_text(encoding="utf-8"))
    if LIBRARIES[peer] == ("torch",):
        from .torch_peer import TorchPeer

        with np.load(folder / "params.npz", allow_pickle=False) as params:
            device, math = where[0].replace("gpu", "cuda"), where[1]
            way = peer.removeprefix("torch").lstrip("-")
            return TorchPeer(graph, dict(params), inputs, threads, way, rate, device, math)
    from .onnx_peers import OnnxRuntimePeer, OpenCVPeer, OpenVinoPeer

    makers = {"onnxruntime": OnnxRuntimePeer, "openvino": OpenVinoPeer, "opencv": OpenCVPeer}
    return makers[peer]((folder / "net.onnx").read_bytes(), inputs, graph["outputs"], threads)
