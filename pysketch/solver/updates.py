"""Updates: from gradients to steps. w -= u, with r the param's own rate.

Each rule writes u over the gradient g, in place, and keeps what it must remember in `history`: one or two
arrays as large as g, zero at first. Formulas: Caffe's, iteration from 0. Everything is done element by element, so
that params can be worked on in pieces of any size; on a GPU by one kernel (`update_kernels`).
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pysketch.device import Arena, Array, Workers, array_module
from pysketch.net import FlatParams, Segment, mean_magnitude
from pysketch.netdef import Options
from pysketch.solver.update_kernels import fused_step

logger = logging.getLogger(__name__)

CHUNK = 512 << 10
"""Bytes of w that are worked on at a time on a CPU: few enough that they, g and the history stay in a cache between a
rule's operations, and enough that the calls of NumPy and the workers' waiting for each other cost little."""

Step = Callable[[Array, Sequence[Array], Array, float, Options, int], None]


@dataclass(frozen=True)
class Rule:
    """An update rule.

    keeps: what it remembers, in words, for each array that is as large as the params.
    step: step(g, history, scratch, rate, solver, iteration) makes u of g; all arrays are 1-D and equally long, those
    of history are changed, scratch is room for what comes in between.
    """

    keeps: tuple[str, ...]
    step: Step

    @property
    def sets(self) -> int:
        """How many arrays it remembers."""
        return len(self.keeps)


UPDATE_RULES: dict[str, Rule] = {}
"""The rules, by the solver's `type`."""


def _rule(type: str, *keeps: str) -> Callable[[Step], Step]:
    """Decorator: the step function of the rule that a solver calls `type`."""

    def register(step: Step) -> Step:
        UPDATE_RULES[type] = Rule(keeps, step)
        return step

    return register


@_rule("SGD", "the last step")
def sgd(g: Array, history: Sequence[Array], scratch: Array, rate: float, solver: Options, iteration: int) -> None:
    """h = mu h + r g, u = h."""
    (h,) = history
    g *= rate
    h *= solver.momentum
    h += g
    g[...] = h


@_rule("Nesterov", "the last step")
def nesterov(g: Array, history: Sequence[Array], scratch: Array, rate: float, solver: Options, iteration: int) -> None:
    """h' = mu h + r g, u = (1 + mu) h' - mu h (Sutskever et al., ICML 2013)."""
    (h,), xp, mu = history, array_module(g), solver.momentum
    g *= rate
    xp.multiply(h, mu, out=scratch)
    xp.add(scratch, g, out=h)
    xp.multiply(h, 1 + mu, out=g)
    g -= scratch


@_rule("AdaGrad", "the sum of squared gradients")
def adagrad(g: Array, history: Sequence[Array], scratch: Array, rate: float, solver: Options, iteration: int) -> None:
    """h += g^2, u = r g / (sqrt h + delta) (Duchi et al., JMLR 2011)."""
    (h,), xp = history, array_module(g)
    xp.multiply(g, g, out=scratch)
    h += scratch
    g *= rate
    _divide_by_root(g, h, solver.delta, scratch)


@_rule("RMSProp", "the mean of squared gradients")
def rmsprop(g: Array, history: Sequence[Array], scratch: Array, rate: float, solver: Options, iteration: int) -> None:
    """h = rho h + (1 - rho) g^2, u = r g / (sqrt h + delta) (Tieleman and Hinton, 2012)."""
    (h,) = history
    _average_squares(h, g, solver.rms_decay, scratch)
    g *= rate
    _divide_by_root(g, h, solver.delta, scratch)


@_rule("AdaDelta", "the mean of squared gradients", "the mean of squared steps")
def adadelta(g: Array, history: Sequence[Array], scratch: Array, rate: float, solver: Options, iteration: int) -> None:
    """h = mu h + (1 - mu) g^2, v = g sqrt((h2 + delta) / (h + delta)), h2 = mu h2 + (1 - mu) v^2, u = r v.

    Zeiler, arXiv:1212.5701.
    """
    (h, h2), xp = history, array_module(g)
    _average_squares(h, g, solver.momentum, scratch)
    xp.add(h, solver.delta, out=scratch)
    xp.sqrt(scratch, out=scratch)
    g /= scratch
    xp.add(h2, solver.delta, out=scratch)
    xp.sqrt(scratch, out=scratch)
    g *= scratch
    _average_squares(h2, g, solver.momentum, scratch)
    g *= rate


@_rule("Adam", "the mean gradient", "the mean of squared gradients")
def adam(g: Array, history: Sequence[Array], scratch: Array, rate: float, solver: Options, iteration: int) -> None:
    """m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, u = r sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt v + delta).

    t = iteration + 1; b1 = momentum, b2 = momentum2 (Kingma and Ba, ICLR 2015, the form without hats).
    """
    (m, v), xp = history, array_module(g)
    b1, b2, t = solver.momentum, solver.momentum2, iteration + 1
    m *= b1
    xp.multiply(g, 1 - b1, out=scratch)
    m += scratch
    v *= b2
    g *= g
    g *= 1 - b2
    v += g
    xp.sqrt(v, out=g)
    g += solver.delta
    xp.divide(m, g, out=g)
    g *= rate * math.sqrt(1 - b2**t) / (1 - b1**t)


def _average_squares(h: Array, g: Array, decay: float, scratch: Array) -> None:
    """h = decay h + (1 - decay) g^2."""
    h *= decay
    array_module(g).multiply(g, 1 - decay, out=scratch)
    scratch *= g
    h += scratch


def _divide_by_root(g: Array, h: Array, delta: float, scratch: Array) -> None:
    """g /= sqrt h + delta."""
    array_module(g).sqrt(h, out=scratch)
    scratch += delta
    g /= scratch


class Updater:
    """Changes params by what their diffs say, in Caffe's order: clip, normalise, regularise, step.

    options: a solver's. type: its update rule. workers: who share the params, piece by piece; the result is the
    same to the bit however many they are. `history` holds what the rule remembers: an array for each
    param, in order, then for some rules a second one for each.
    """

    def __init__(self, options: Options, type: str, params: FlatParams, workers: Workers) -> None:
        self.options = options
        self.type = type
        self.rule = UPDATE_RULES[type]
        self.params = params
        self.workers = workers
        self._buffers = [params.zeros() for _ in range(self.rule.sets)]
        self.history = [view for buffer in self._buffers for view in params.views(buffer)]

    def update(self, rate: float, iteration: int) -> None:
        """One update; the diffs, summed over iter_size batches, become the steps taken."""
        scale = self._clip_factor() / self.options.iter_size

        def step(piece: Segment, arena: Arena) -> None:
            if self.params.xp is not np:
                fused_step(self.type, piece, scale, rate * piece.lr_mult, self.options, iteration)
                return
            w = piece.data
            arena.reserve(w.nbytes, self.params.xp)
            scratch = arena.take(w.shape, w.dtype)
            self._regularise(piece, scale, scratch)
            self.rule.step(piece.diff, piece.history, scratch, rate * piece.lr_mult, self.options, iteration)
            w -= piece.diff

        learned = [segment for segment in self.params.segments(self._buffers) if segment.lr_mult != 0]
        length = self._piece_length()
        pieces = [piece for segment in learned for piece in segment.cut(length)]
        self.workers.run(step, pieces, self.params.xp)
        if self.options.debug_info:
            self._log_sizes()

    def _piece_length(self) -> int:
        """Elements that are worked on at a time: what fits the cache of a CPU's core; on a GPU all."""
        return CHUNK // self.params.dtype.itemsize if self.params.xp is np else sys.maxsize

    def _regularise(self, piece: Segment, scale: float, scratch: Array) -> None:
        """g = scale g + lambda w (L2) or scale g + lambda sign w (L1), with the piece's own lambda."""
        w, g, xp = piece.data, piece.diff, array_module(scratch)
        if scale != 1:
            g *= scale
        decay = self.options.weight_decay * piece.decay_mult
        if not decay:
            return
        if self.options.regularization_type == "L2":
            xp.multiply(w, decay, out=scratch)
        else:
            xp.sign(w, out=scratch)
            scratch *= decay
        g += scratch

    def _clip_factor(self) -> float:
        """What the gradient over all params must be multiplied with so that it is not longer than allowed."""
        limit = self.options.clip_gradients
        if limit < 0:
            return 1.0
        norm = self._gradient_norm()
        if norm <= limit:
            return 1.0
        factor = limit / norm
        logger.info(
            "Gradient clipping: scaling down gradients (L2 norm %g > %g) by scale factor %g", norm, limit, factor
        )
        return factor

    def _gradient_norm(self) -> float:
        """The root of the sum of all diffs' squares: sums over pieces, added in their order, whoever made them."""
        xp, length = self.params.xp, self._piece_length()
        diffs = [param.blob.diff.reshape(-1) for param in self.params]
        pieces = [diff[start : start + length] for diff in diffs for start in range(0, diff.size, length)]
        squares = xp.zeros(len(pieces), np.float64)

        def add_squares(number: int, arena: Arena) -> None:
            squares[number] = xp.dot(pieces[number], pieces[number])

        self.workers.run(add_squares, range(len(pieces)), xp)
        return math.sqrt(float(squares.sum()))

    def _log_sizes(self) -> None:
        """Caffe's lines: the mean magnitude of every learned param and of the step it has taken."""
        for param in self.params:
            if param.lr_mult != 0:
                values = mean_magnitude(param.blob.data), mean_magnitude(param.blob.diff)
                logger.info("    [Update] Layer %s, param %d data: %g; diff: %g", param.layer, param.index, *values)
