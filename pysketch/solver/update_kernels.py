"""The solvers' updates on a GPU: one kernel for each rule, which reads and writes every array once.

The twins are `updates`' rules, with what `Updater` does before and after them: for each element, with d the diff,

    d = scale d + decay w   (or + decay sign w)      then the rule's u of d and its history      d = u,  w -= u
"""

from __future__ import annotations

import math

from pysketch.device import Kernel
from pysketch.net import Segment
from pysketch.netdef import Options


def fused_step(type: str, piece: Segment, scale: float, rate: float, solver: Options, iteration: int) -> None:
    """Regularise, take the rule's step and change the params of one segment, on a GPU."""
    first = solver.rms_decay if type == "RMSProp" else solver.momentum
    if type == "Adam":
        t = iteration + 1
        rate *= math.sqrt(1 - solver.momentum2**t) / (1 - first**t)
    decay, history = solver.weight_decay * piece.decay_mult, (*piece.history, None)[:2]
    averages = first, 1 - first, solver.momentum2, 1 - solver.momentum2  # 1 - b loses digits in float32
    numbers = scale, decay, solver.regularization_type != "L2", rate, *averages, solver.delta
    count = piece.data.size
    KERNELS[type]((count,), piece.data, piece.diff, *history, count, *numbers)


_RULES = {
    "SGD": "h[i] = a * h[i] + rate * d; u = h[i];",
    "Nesterov": "real before = a * h[i]; h[i] = before + rate * d; u = (1 + a) * h[i] - before;",
    "AdaGrad": "h[i] += d * d; u = rate * d / (sqrt(h[i]) + delta);",
    "RMSProp": "h[i] = a * h[i] + not_a * d * d; u = rate * d / (sqrt(h[i]) + delta);",
    "AdaDelta": "h[i] = a * h[i] + not_a * d * d;"
    " real v = d * sqrt((h2[i] + delta) / (h[i] + delta)); h2[i] = a * h2[i] + not_a * v * v; u = rate * v;",
    "Adam": "h[i] = a * h[i] + not_a * d; h2[i] = b * h2[i] + not_b * d * d; u = rate * h[i] / (sqrt(h2[i]) + delta);",
}

_SOURCE = r"""
extern "C" __global__ void RULE(real* __restrict__ w, real* __restrict__ g, real* __restrict__ h,
                                real* __restrict__ h2, long long count, real scale, real decay, int by_sign,
                                real rate, real a, real not_a, real b, real not_b, real delta) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    real d = scale * g[i], u;
    if (decay != 0) d += decay * (by_sign ? (real)((w[i] > 0) - (w[i] < 0)) : w[i]);
    STEP
    g[i] = u;
    w[i] -= u;
}
"""

_ALL = "".join(_SOURCE.replace("RULE", name).replace("STEP", step) for name, step in _RULES.items())

KERNELS = {name: Kernel(name, _ALL) for name in _RULES}
"""The kernels, by the solver's `type`."""
