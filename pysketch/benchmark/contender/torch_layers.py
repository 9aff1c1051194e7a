"""What PyTorch calls our layers: functions of a step described by `peers.describe`, its bottoms and its params."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Step = Mapping[str, Any]
Function = Callable[[Step, list[Tensor], list[Tensor]], list[Tensor]]


def _pointwise(function: Callable[..., Tensor]) -> Function:
    return lambda step, bottoms, params: [function(bottoms[0], **step["options"])]


def _convolution(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    options, W, b = step["options"], params[0], params[1] if len(params) > 1 else None
    geometry = options["stride"], options["pad"], options["dilation"], options["group"]
    return [functional.conv2d(x, W, b, *geometry) for x in bottoms]


def _deconvolution(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    options, W, b = step["options"], params[0], params[1] if len(params) > 1 else None
    geometry = options["stride"], options["pad"], 0, options["group"], options["dilation"]
    return [functional.conv_transpose2d(x, W, b, *geometry) for x in bottoms]


def _pooling(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    (x,), options = bottoms, step["options"]
    pool = functional.max_pool2d if options["pool"] == "MAX" else functional.avg_pool2d
    kernel = options["kernel"] or x.shape[2:]
    return [pool(x, kernel, options["stride"], options["pad"], ceil_mode=options["ceil"])]


def _inner_product(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    options, W = step["options"], params[0]
    rows = bottoms[0].flatten(options["axis"])
    return [functional.linear(rows, W.T if options["transpose"] else W, params[1] if len(params) > 1 else None)]


def _relu(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    in_place, slope = step["bottom"] == step["top"], step["options"]["slope"]
    if slope == 0:
        return [functional.relu(bottoms[0], inplace=in_place)]
    return [functional.leaky_relu(bottoms[0], slope, inplace=in_place)]


def _power(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    options = step["options"]
    y = bottoms[0] * options["scale"] + options["shift"]
    return [y if options["power"] == 1 else y ** options["power"]]


def _eltwise(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    operation, coeff = step["options"]["operation"], step["options"]["coeff"]
    y = bottoms[0] * coeff[0] if coeff else bottoms[0]
    for k, x in enumerate(bottoms[1:], 1):
        if operation == "SUM":
            y = torch.add(y, x, alpha=coeff[k] if coeff else 1)
        else:
            y = y * x if operation == "PROD" else torch.maximum(y, x)
    return [y]


def _batch_norm(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    options, (mean, var, count) = step["options"], params
    if not options["use_global_stats"]:
        return [functional.batch_norm(bottoms[0], None, None, training=True, eps=options["eps"])]
    factor = torch.where(count == 0, count, 1 / count)
    return [functional.batch_norm(bottoms[0], mean * factor, var * factor, eps=options["eps"])]


def _scale(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    """Scale and Bias: what lacks axes of the bottom gets them at its end."""
    x, *second = bottoms
    values = [each.reshape(*each.shape, *(1,) * (x.ndim - step["options"]["axis"] - each.ndim)) for each in params]
    values = [*second, *values]
    if step["type"] == "Bias":
        return [x + values[0]]
    return [x * values[0] + values[1] if len(values) == 2 else x * values[0]]


def _lrn(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    return [functional.local_response_norm(bottoms[0], **step["options"])]


def _joint_loss(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    """Equations 1 to 3, the distances from one Gram matrix, as in pysketch's own layer."""
    f, S = (x.flatten(1) for x in bottoms)
    n, options = len(f), step["options"]
    generative = ((f - S) ** 2).sum() / n
    if n == 1:
        return [generative, generative, f.new_zeros(())]
    mean = S.mean(0)
    f, S = f - mean, S - mean
    d = ((S * S).sum(1)[:, None] + (f * f).sum(1)[None, :] - 2 * S @ f.T).clamp(min=0)
    others = ~torch.eye(n, dtype=torch.bool, device=f.device)
    discriminative = torch.log1p(torch.exp(d[others] * (-1 / options["lambda"]))).sum() / (n * (n - 1))
    return [generative + options["alpha"] * discriminative, generative, discriminative]


def _euclidean_loss(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    a, b = bottoms
    return [((a - b) ** 2).sum() / (2 * len(a))]


def _absolute_loss(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    a, b = bottoms
    return [(a - b.reshape(a.shape)).abs().mean()]


def _adversarial_loss(step: Step, bottoms: list[Tensor], params: list[Tensor]) -> list[Tensor]:
    return [((bottoms[0] - step["options"]["wanted"]) ** 2).mean() / 2]


class _GradientScale(torch.autograd.Function):
    """x, and scale times its gradient: also a gradient of 0 is computed, as ours is."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.clone()

    @staticmethod
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor, None]:
        return diff * ctx.scale, None


FUNCTIONS: dict[str, Function] = {
    "AbsVal": _pointwise(torch.abs),
    "AbsoluteLoss": _absolute_loss,
    "AdversarialLoss": _adversarial_loss,
    "BNLL": _pointwise(functional.softplus),
    "BatchNorm": _batch_norm,
    "Bias": _scale,
    "Concat": lambda step, bottoms, params: [torch.cat(bottoms, step["options"]["axis"])],
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "ELU": _pointwise(functional.elu),
    "Eltwise": _eltwise,
    "EuclideanLoss": _euclidean_loss,
    "GenerativeDiscriminativeLoss": _joint_loss,
    "GradientScale": lambda step, bottoms, params: [_GradientScale.apply(bottoms[0], step["options"]["scale"])],
    "InnerProduct": _inner_product,
    "Input": lambda step, bottoms, params: [],
    "LRN": _lrn,
    "PReLU": lambda step, bottoms, params: [functional.prelu(bottoms[0], params[0].reshape(-1))],
    "Pooling": _pooling,
    "Power": _power,
    "ReLU": _relu,
    "Scale": _scale,
    "Sigmoid": _pointwise(torch.sigmoid),
    "Silence": lambda step, bottoms, params: [],
    "Slice": lambda step, bottoms, params: list(bottoms[0].split(step["options"]["lengths"], step["options"]["axis"])),
    "Softmax": lambda step, bottoms, params: [torch.softmax(bottoms[0], step["options"]["axis"])],
    "Split": lambda step, bottoms, params: bottoms * len(step["top"]),
    "TanH": _pointwise(torch.tanh),
}
"""By a layer's type: (step, bottoms, params) -> tops."""
