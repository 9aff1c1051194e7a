"""Updates: from gradients to steps. w -= u, with r the param's own rate.

Each rule writes u over the gradient g, in place, and keeps what it must remember in `history`: one or two
arrays of w's shape (HISTORY_SETS), zero at first. Formulas: Caffe's, iteration from 0.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

from pysketch.backend import Array, array_module
from pysketch.debug_info import mean_magnitude
from pysketch.options import Options
from pysketch.params import Param

logger = logging.getLogger(__name__)

Rule = Callable[[Array, Sequence[Array], float, Options, int], None]


def sgd(g: Array, history: Sequence[Array], rate: float, solver: Options, iteration: int) -> None:
    """h = mu h + r g, u = h."""
    (h,) = history
    g *= rate
    h *= solver.momentum
    h += g
    g[...] = h


def nesterov(g: Array, history: Sequence[Array], rate: float, solver: Options, iteration: int) -> None:
    """h' = mu h + r g, u = (1 + mu) h' - mu h (Sutskever et al., ICML 2013)."""
    (h,) = history
    mu = solver.momentum
    g *= rate
    before = h * mu
    h[...] = before
    h += g
    g[...] = h
    g *= 1 + mu
    g -= before


def adagrad(g: Array, history: Sequence[Array], rate: float, solver: Options, iteration: int) -> None:
    """h += g^2, u = r g / (sqrt h + delta) (Duchi et al., JMLR 2011)."""
    (h,) = history
    h += g * g
    g *= rate / (array_module(h).sqrt(h) + solver.delta)


def rmsprop(g: Array, history: Sequence[Array], rate: float, solver: Options, iteration: int) -> None:
    """h = rho h + (1 - rho) g^2, u = r g / (sqrt h + delta) (Tieleman and Hinton, 2012)."""
    (h,) = history
    h *= solver.rms_decay
    h += (1 - solver.rms_decay) * g * g
    g *= rate / (array_module(h).sqrt(h) + solver.delta)


def adadelta(g: Array, history: Sequence[Array], rate: float, solver: Options, iteration: int) -> None:
    """h = mu h + (1 - mu) g^2, v = g sqrt((h2 + delta) / (h + delta)), h2 = mu h2 + (1 - mu) v^2, u = r v.

    Zeiler, arXiv:1212.5701.
    """
    h, h2 = history
    mu, delta = solver.momentum, solver.delta
    h *= mu
    h += (1 - mu) * g * g
    g *= array_module(h).sqrt((h2 + delta) / (h + delta))
    h2 *= mu
    h2 += (1 - mu) * g * g
    g *= rate


def adam(g: Array, history: Sequence[Array], rate: float, solver: Options, iteration: int) -> None:
    """m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, u = r sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt v + delta).

    t = iteration + 1; b1 = momentum, b2 = momentum2 (Kingma and Ba, ICLR 2015, the form without hats).
    """
    m, v = history
    b1, b2, t = solver.momentum, solver.momentum2, iteration + 1
    m *= b1
    m += (1 - b1) * g
    v *= b2
    g *= g
    g *= 1 - b2
    v += g
    array_module(v).sqrt(v, out=g)
    g += solver.delta
    array_module(v).divide(m, g, out=g)
    g *= rate * math.sqrt(1 - b2**t) / (1 - b1**t)


UPDATE_RULES: dict[str, Rule] = {
    "SGD": sgd,
    "Nesterov": nesterov,
    "AdaGrad": adagrad,
    "RMSProp": rmsprop,
    "AdaDelta": adadelta,
    "Adam": adam,
}
"""The rules, by the solver's `type`."""

HISTORY_SETS = {"AdaDelta": 2, "Adam": 2}
"""How many arrays a rule remembers for each param; 1 if not named here."""


class Updater:
    """Changes params by what their diffs say, in Caffe's order: clip, normalise, regularise, step.

    options: a solver's. type: its update rule. `history` holds what the rule remembers: an array for each
    param, in order, then for some rules a second one for each.
    """

    def __init__(self, options: Options, type: str, params: Sequence[Param]) -> None:
        self.options = options
        self.rule = UPDATE_RULES[type]
        self.params = params
        sets = HISTORY_SETS.get(type, 1)
        self.history = [array_module(p.blob.data).zeros_like(p.blob.data) for _ in range(sets) for p in params]

    def update(self, rate: float, iteration: int) -> None:
        """One update; the diffs, summed over iter_size batches, become the steps taken."""
        options, n = self.options, len(self.params)
        scale = self._clip_factor() / options.iter_size
        for k, param in enumerate(self.params):
            if param.lr_mult == 0:
                continue
            w, g = param.blob.data, param.blob.diff
            if scale != 1:
                g *= scale
            decay = options.weight_decay * param.decay_mult
            if decay:
                g += decay * (w if options.regularization_type == "L2" else array_module(w).sign(w))
            self.rule(g, self.history[k::n], rate * param.lr_mult, options, iteration)
            w -= g
            if options.debug_info:
                values = mean_magnitude(w), mean_magnitude(g)
                logger.info("    [Update] Layer %s, param %d data: %g; diff: %g", param.layer, param.index, *values)

    def _clip_factor(self) -> float:
        """What the gradient over all params must be multiplied with so that it is not longer than allowed."""
        limit = self.options.clip_gradients
        if limit < 0:
            return 1.0
        norm = math.sqrt(sum(float((param.blob.diff**2).sum()) for param in self.params))
        if norm <= limit:
            return 1.0
        factor = limit / norm
        logger.info(
            "Gradient clipping: scaling down gradients (L2 norm %g > %g) by scale factor %g", norm, limit, factor
        )
        return factor
