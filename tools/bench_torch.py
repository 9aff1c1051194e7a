"""The peer PyTorch: a net of ours, described by `peers.describe`, as PyTorch runs it eagerly on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

Step = Mapping[str, Any]


class TorchPeer:
    """conv2d, relu, autograd, and Adam with its fused update, the fastest of its three on a CPU.

    graph: from `peers.describe`. params, inputs: name -> array. channels_last: images lie in memory as (N, H, W, C),
    which PyTorch's manual advises for CPUs; else in PyTorch's default order. rate: Adam's; None: draw only, in
    inference mode. Results between layers are let go after their last reader, as in a torch.nn.Sequential.
    """

    def __init__(
        self,
        graph: Mapping[str, Any],
        params: Mapping[str, np.ndarray],
        inputs: Mapping[str, np.ndarray],
        threads: int,
        channels_last: bool = False,
        rate: float | None = None,
    ) -> None:
        torch.set_num_threads(threads)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.graph, self.rate = graph, rate
        self.inputs = {name: _tensor(array, layout) for name, array in inputs.items()}
        self.params = {
            name: torch.nn.Parameter(_tensor(params[name], layout), requires_grad=rate is not None and lr_mult != 0)
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
            return {name: blobs[name].contiguous().numpy() for name in self.graph["outputs"]}
        self.optimizer.zero_grad()
        loss = self._loss()
        loss.backward()
        found = {f"gradient of {name}": param.grad.numpy().copy() for name, param in self.learned.items()}
        self.optimizer.step()
        with torch.no_grad():
            return {"loss": loss.detach().numpy(), **found, "loss after an update": self._loss().numpy()}

    def step(self) -> None:
        """Forward; with a rate also backward and update."""
        if self.rate is None:
            with torch.inference_mode():
                self._forward()
        else:
            self.optimizer.zero_grad()
            self._loss().backward()
            self.optimizer.step()

    def _loss(self) -> Tensor:
        blobs = self._forward()
        return sum(weight * blobs[name] for name, weight in self.graph["loss_weights"].items())

    def _forward(self) -> dict[str, Tensor]:
        blobs = dict(self.inputs)
        for k, step in enumerate(self.graph["steps"]):
            params = [self.params[name] for name in step["params"]]
            tops = _LAYERS[step["type"]](step, [blobs[name] for name in step["bottom"]], params)
            blobs.update(zip(step["top"], tops, strict=False))
            del tops
            for name in {*step["bottom"]} - {*step["top"]} - self.kept:
                if self.last_reader[name] == k:
                    del blobs[name]
        return blobs


def _tensor(array: np.ndarray, layout: torch.memory_format) -> Tensor:
    """A copy in memory of PyTorch's own, aligned as it likes."""
    return torch.from_numpy(array).clone(memory_format=layout if array.ndim == 4 else torch.contiguous_format)


def _convolution(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    options, W, b = step["options"], params[0], params[1] if len(params) > 1 else None
    geometry = options["stride"], options["pad"], options["dilation"], options["group"]
    return [functional.conv2d(x, W, b, *geometry) for x in bottoms]


def _relu(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    in_place, slope = step["bottom"] == step["top"], step["options"]["slope"]
    if slope == 0:
        return [functional.relu(bottoms[0], inplace=in_place)]
    return [functional.leaky_relu(bottoms[0], slope, inplace=in_place)]


def _joint_loss(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    """Equations 1 to 3, the distances from one Gram matrix, as in pysketch's own layer."""
    f, S = (x.flatten(1) for x in bottoms)
    n, options = len(f), step["options"]
    generative = ((f - S) ** 2).sum() / n
    if n == 1:
        return [generative, generative, torch.zeros(())]
    mean = S.mean(0)
    f, S = f - mean, S - mean
    d = ((S * S).sum(1)[:, None] + (f * f).sum(1)[None, :] - 2 * S @ f.T).clamp(min=0)
    others = ~torch.eye(n, dtype=torch.bool)
    discriminative = torch.log1p(torch.exp(d[others] * (-1 / options["lambda"]))).sum() / (n * (n - 1))
    return [generative + options["alpha"] * discriminative, generative, discriminative]


def _euclidean_loss(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    a, b = bottoms
    return [((a - b) ** 2).sum() / (2 * len(a))]


_LAYERS: dict[str, Callable[[Step, list[Tensor], list[Tensor]], list[Tensor]]] = {
    "Input": lambda step, bottoms, params: [],
    "Split": lambda step, bottoms, params: bottoms * len(step["top"]),
    "Convolution": _convolution,
    "ReLU": _relu,
    "EuclideanLoss": _euclidean_loss,
    "GenerativeDiscriminativeLoss": _joint_loss,
}
