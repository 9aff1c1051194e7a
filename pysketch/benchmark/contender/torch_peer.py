"""The peer PyTorch: a net of ours, described by `peers.describe`, in PyTorch's ways to run it on a CPU or a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .clock import Call, EventClock, HostClock, torch_clock
from .torch_layers import FUNCTIONS

WAYS = ("", "channels-last", "compiled", "frozen")
"""Eager with images in PyTorch's default order; eager, (N, H, W, C) in memory, which its manual advises for CPUs;
torch.compile, which writes and compiles C++; traced, frozen and optimised for inference. The last two take channels
last as well: they are faster so."""


class TorchNet(torch.nn.Module):
    """A net as a module: the inputs in the graph's order -> the blobs in `kept`, in their order.

    Results between layers are let go after their last reader, as in a torch.nn.Sequential. trains: gradients stop
    where the net stops them.
    """

    def __init__(self, graph: Mapping[str, Any], params: Mapping[str, Tensor], trains: bool) -> None:
        super().__init__()
        self.graph, self.trains = graph, trains
        self.index = {name: k for k, name in enumerate(params)}
        self.learnable = torch.nn.ParameterList(
            torch.nn.Parameter(param, requires_grad=trains and graph["params"][name] != 0)
            for name, param in params.items()
        )
        self.kept = list(dict.fromkeys([*graph["loss_weights"]] if trains else graph["outputs"]))
        last_reader = {name: k for k, step in enumerate(graph["steps"]) for name in step["bottom"]}
        self.done = [
            [name for name in {*step["bottom"]} - {*step["top"], *self.kept} if last_reader[name] == k]
            for k, step in enumerate(graph["steps"])
        ]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run every layer."""
        blobs = dict(zip(self.graph["inputs"], inputs, strict=True))
        for k, step in enumerate(self.graph["steps"]):
            params = [self.learnable[self.index[name]] for name in step["params"]]
            bottoms = [blobs[name] for name in step["bottom"]]
            if self.trains:
                params = [x if learns else x.detach() for x, learns in zip(params, step["learns"], strict=True)]
                bottoms = [x if down else x.detach() for x, down in zip(bottoms, step["down"], strict=True)]
            tops = FUNCTIONS[step["type"]](step, bottoms, params)
            blobs.update(zip(step["top"], tops, strict=False))
            del tops, bottoms
            for name in self.done[k]:
                del blobs[name]
        return tuple(blobs[name] for name in self.kept)


class TorchPeer:
    """conv2d, relu, autograd, and Adam with its fused update, the fastest of its three on a CPU.

    graph: from `peers.describe`. params, inputs: name -> array. way: one of WAYS. rate: Adam's; None: draw only, in
    inference mode. device: "cpu", or a card's name, such as "cuda:0": there cuDNN tries its ways at first and keeps the
    fastest, and math "tf32" lets products and convolutions round to TF32.
    """

    def __init__(
        self,
        graph: Mapping[str, Any],
        params: Mapping[str, np.ndarray],
        inputs: Mapping[str, np.ndarray],
        threads: int,
        way: str = "",
        rate: float | None = None,
        device: str = "cpu",
        math: str = "default",
    ) -> None:
        torch.set_num_threads(threads)
        self.clock = HostClock() if device == "cpu" else _on_card(math)
        layout = torch.channels_last if way else torch.contiguous_format
        self.graph, self.rate = graph, rate
        self.inputs = [_tensor(inputs[name], layout, device) for name in graph["inputs"]]
        tensors = {name: _tensor(params[name], layout, device) for name in graph["params"]}
        self.net = TorchNet(graph, tensors, rate is not None)
        self.learned = {
            name: param
            for name, param in zip(tensors, self.net.learnable, strict=True)
            if rate is not None and param.requires_grad
        }
        self.call = _prepared(self.net, self.inputs, way)
        if rate is not None:
            groups: dict[float, list[Tensor]] = {}
            for name, param in self.learned.items():
                groups.setdefault(rate * graph["params"][name], []).append(param)
            options = [{"params": params, "lr": rate} for rate, params in groups.items()]
            self.optimizer = torch.optim.Adam(options, betas=(0.9, 0.999), eps=1e-8, fused=True)

    def check(self) -> dict[str, np.ndarray]:
        """Phase test: the outputs. Phase train: the loss, every param's gradient, and the loss after an update."""
        if self.rate is None:
            with torch.inference_mode():
                outputs = self.call(*self.inputs)
            return {name: _host(x) for name, x in zip(self.net.kept, outputs, strict=True)}
        self.optimizer.zero_grad()
        loss = self._loss()
        loss.backward()
        found = {f"gradient of {name}": _host(param.grad).copy() for name, param in self.learned.items()}
        self.optimizer.step()
        return {"loss": _host(loss), **found, "loss after an update": _host(self._loss())}

    def step(self) -> None:
        """Forward; with a rate also backward and update."""
        for part in self.parts().values():
            part()

    def parts(self) -> dict[str, Call]:
        """What a step consists of, in order; the gradients are cleared with the forward pass."""
        if self.rate is None:
            return {"forward": self._draw}
        return {"forward": self._learn, "backward": self._backward, "update": self.optimizer.step}

    def device_bytes(self) -> int | None:
        """The most that PyTorch has taken of the card's memory for this job; None on a CPU."""
        return None if isinstance(self.clock, HostClock) else torch.cuda.max_memory_reserved()

    def _draw(self) -> None:
        with torch.inference_mode():
            self.call(*self.inputs)

    def _learn(self) -> None:
        self.optimizer.zero_grad()
        self.loss = self._loss()

    def _backward(self) -> None:
        self.loss.backward()
        del self.loss  # and with it the graph

    def _loss(self) -> Tensor:
        weights = (self.graph["loss_weights"][name] for name in self.net.kept)
        return sum(weight * x for weight, x in zip(weights, self.call(*self.inputs), strict=True))


def _prepared(net: TorchNet, inputs: list[Tensor], way: str) -> Any:
    """What is called in the net's place."""
    if way == "compiled":
        return torch.compile(net, dynamic=False, fullgraph=True)
    if way == "frozen":
        with torch.inference_mode():
            traced = torch.jit.freeze(torch.jit.trace(net.eval(), tuple(inputs), check_trace=False))
            return torch.jit.optimize_for_inference(traced)
    return net


def _on_card(math: str) -> EventClock:
    """PyTorch's switches for a card, and its clock there; memory of an earlier job is given back."""
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = math == "tf32"
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return torch_clock(torch)


def _host(x: Tensor) -> np.ndarray:
    """As a NumPy array, which may share the memory."""
    return x.detach().contiguous().cpu().numpy()


def _tensor(array: np.ndarray, layout: torch.memory_format, device: str) -> Tensor:
    """A copy in memory of PyTorch's own, aligned as it likes."""
    copy = torch.from_numpy(array).clone(memory_format=layout if array.ndim == 4 else torch.contiguous_format)
    return copy.to(device)
