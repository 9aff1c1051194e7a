"""Update rules: from a gradient to a step. w -= u, with r the param's own rate.

Each rule writes u over the gradient g, in place, and keeps what it must remember in `history`: arrays
of w's shape, zero at first, one for each name in HISTORY_SETS. Formulas: Caffe's, iteration from 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pysketch.backend import Array, array_module
from pysketch.options import Options

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
