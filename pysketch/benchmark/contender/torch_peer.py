"""The peer PyTorch: a net of ours, described by `peers.describe`, as PyTorch runs it eagerly on a CPU or a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .clock import Call, EventClock, HostClock, torch_clock
from .torch_layers import FUNCTIONS


class TorchPeer:
    """conv2d, relu, autograd, and Adam with its fused update, the fastest of its three on a CPU.

    graph: from `peers.describe`. params, inputs: name -> array. channels_last: images lie in memory as (N, H, W, C),
    which PyTorch's manual advises for CPUs; else in PyTorch's default order. rate: Adam's; None: draw only, in
    inference mode. device: "cpu" or a torch.device's name; on a card cuDNN tries its ways at first and keeps the fastest,
    and math "tf32" lets products and convolutions round to TF32. Results between layers are let go after their last reader, as in a torch.nn.Sequential.
    """

    def __init__(
        self,
        graph: Mapping[str, Any],
        params: Mapping[str, np.ndarray],
        inputs: Mapping[str, np.ndarray],
        threads: int,
        channels_last: bool = False,
        rate: float | None = None,
        device: str = "cpu",
        math: str = "default",
    ) -> None:
        torch.set_num_threads(threads)
        self.clock = HostClock() if device == "cpu" else _on_card(math)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.graph, self.rate = graph, rate
        self.inputs = {name: _tensor(array, layout, device) for name, array in inputs.items()}
        self.params = {
            name: torch.nn.Parameter(
                _tensor(params[name], layout, device), requires_grad=rate is not None and lr_mult != 0
            )
            for name, lr_mult in graph["params"].items()
        }
        self.learned = {name: param for name, param in self.params.items() if param.requires_grad}
        self.last_reader = {name: k for k, step in enumerate(graph["steps"]) for name in step["bottom"]}
        self.kept = {*graph["outputs"], *graph["loss_weights"]}
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
                blobs = self._forward()
            return {name: _host(blobs[name]) for name in self.graph["outputs"]}
        self.optimizer.zero_grad()
        loss = self._loss()
        loss.backward()
        found = {f"gradient of {name}": _host(param.grad).copy() for name, param in self.learned.items()}
        self.optimizer.step()
        with torch.no_grad():
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
            self._forward()

    def _learn(self) -> None:
        self.optimizer.zero_grad()
        self.loss = self._loss()

    def _backward(self) -> None:
        self.loss.backward()
        del self.loss  # and with it the graph

    def _loss(self) -> Tensor:
        blobs = self._forward()
        return sum(weight * blobs[name] for name, weight in self.graph["loss_weights"].items())

    def _forward(self) -> dict[str, Tensor]:
        blobs = dict(self.inputs)
        for k, step in enumerate(self.graph["steps"]):
            params = [self.params[name] for name in step["params"]]
            tops = FUNCTIONS[step["type"]](step, [blobs[name] for name in step["bottom"]], params)
            blobs.update(zip(step["top"], tops, strict=False))
            del tops
            for name in {*step["bottom"]} - {*step["top"]} - self.kept:
                if self.last_reader[name] == k:
                    del blobs[name]
        return blobs


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
