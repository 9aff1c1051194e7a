"""Is a backward the derivative of its forward? Centred differences tell.

For whoever writes a layer::

    net = Net(parse_netdef(text), Phase.TRAIN, Context(dtype=np.float64, layer_paths=["my_layers"]))
    net.blobs["data"].data[...] = np.random.default_rng(0).standard_normal((2, 3, 5, 7))
    check_gradients(net.layers[1], net.bottoms[1], net.tops[1])   # one layer, every element
    check_net_gradients(net)                                      # a whole net, some elements

The method is that of Caffe's GradientChecker: for every element x that an objective depends on, the
derivative that backward gave must agree with a centred difference of forward::

    numeric = (objective(x + step) - objective(x - step)) / (2 step)
    |analytic - numeric| <= threshold * max(|analytic|, |numeric|, 1)

Caffe's objective is one output element after the other, or half the sum of squares. Here it is the sum
of all outputs, each times a random number, its top diff: that sees every output at once, and a backward
that takes its top's diff for 1. It runs in float64, so that steps and thresholds can be small.

It cannot show that a forward computes the wrong thing: compare that with a slow, obvious loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pysketch.device import Array, Blob, copy_into, to_host
from pysketch.errors import GradientError
from pysketch.layers import Layer
from pysketch.net.net import Net
from pysketch.net.params import Param

NET_STEPS = (1e-4, 1e-5, 1e-6)
"""Tried in this order by check_net_gradients."""


def check_gradients(
    layer: Layer,
    bottom: Sequence[Blob],
    top: Sequence[Blob],
    *,
    step: float = 1e-4,
    threshold: float = 1e-5,
    check_bottoms: Sequence[int] | None = None,
    kink: float | None = None,
    rng: np.random.Generator | None = None,
) -> int:
    """Compare every element of a layer's gradients with centred differences; how many were compared.

    layer: set up already (a net does that), with float64 blobs; the bottoms' data are the caller's.
    check_bottoms: indices of the bottoms to check; None: all but those in the layer's `no_gradient`.
    Of the params, those are checked that the layer is told to learn (`param_propagate_down`).
    kink: bottom elements within 2 steps of it are left out, as the derivative jumps there (ReLU: 0).
    rng: draws the top diffs.

    A backward that adds to a bottom's diff (it must overwrite), or overwrites a param's (it must add),
    disagrees as well. Afterwards bottoms have their data again; diffs are the check's.
    GradientError names the first element that disagrees.
    """
    _check_dtype((*bottom, *top, *layer.blobs), layer.definition.where)
    rng = np.random.default_rng(0) if rng is None else rng
    wanted = [k for k in range(len(bottom)) if k not in layer.no_gradient] if check_bottoms is None else check_bottoms
    run = _LayerRun(layer, bottom, top)
    run.forward()
    run.weights = [rng.standard_normal(blob.shape) for blob in top]
    bottom_diffs, param_diffs = run.gradients(wanted)
    compared = 0
    for k in wanted:
        indices: Iterable[tuple[int, ...]] = np.ndindex(bottom[k].shape)
        if kink is not None:
            indices = zip(*np.nonzero(abs(run.values[k] - kink) > 2 * step), strict=True)
        comparison = _Comparison(f'{layer.definition.where}: bottom {k} "{layer.definition.bottom[k]}"', threshold)
        compared += comparison.run(run.values[k], bottom_diffs[k], indices, run.objective, (step,))
    for k, blob in enumerate(layer.blobs):
        if layer.param_propagate_down[k]:
            comparison = _Comparison(f"{layer.definition.where}: param {k}", threshold)
            compared += comparison.run(blob.data, param_diffs[k], np.ndindex(blob.shape), run.objective, (step,))
    run.fill_bottoms()
    return compared


def check_net_gradients(
    net: Net,
    *,
    samples: int = 10,
    steps: Sequence[float] = NET_STEPS,
    threshold: float = 1e-5,
    seed: int = 0,
) -> int:
    """Compare the diffs of a net's learnable params with centred differences of its loss; how many elements.

    net: of dtype float64; the tops of Input layers hold the caller's data. Data layers run once: that
    batch is used throughout, and afterwards they go on as if it had not been drawn.
    samples: how many elements of each param to check, chosen by `seed`; all, if it has no more.
    A param that is never changed (lr_mult 0) must keep a diff of 0.

    A ReLU's kink within a step spoils the difference, so `steps` are tried one after the other until
    one agrees; a wrong derivative agrees with none. As a loss may be a sum of thousands of squared grey
    levels, the root mean square of the param's diff takes the place of the 1 in the comparison if it is
    greater. Afterwards the params have their data again, and their diffs are those of the batch.
    GradientError names the first element that disagrees.
    """
    _check_dtype([param.blob for param in net.learnable], f"net {net.netdef.filename}")
    states = net.layer_states()
    run = _NetRun(net)
    net.clear_param_diffs()
    run.loss()
    net.backward()
    rng = np.random.default_rng(seed)
    compared = sum(_check_param(param, run, samples, steps, threshold, rng) for param in net.learnable)
    run.loss()
    net.restore_layer_states(states)
    return compared


def _check_param(
    param: Param, run: _NetRun, samples: int, steps: Sequence[float], threshold: float, rng: np.random.Generator
) -> int:
    where = f'layer "{param.layer}": param {param.index}'
    analytic = to_host(param.blob.diff).copy()
    if param.lr_mult == 0:
        if analytic.any():
            raise GradientError(f"{where}: its lr_mult is 0, but backward changed its diff")
        return 0
    chosen = rng.choice(param.blob.count, min(samples, param.blob.count), replace=False)
    indices = zip(*np.unravel_index(chosen, param.blob.shape), strict=True)
    floor = max(1.0, float(np.sqrt((analytic**2).mean())))
    return _Comparison(where, threshold, floor).run(param.blob.data, analytic, indices, run.loss, steps)


@dataclass
class _Comparison:
    """How near the two derivatives with respect to one array must be, and what errors call it."""

    where: str
    threshold: float
    floor: float = 1.0

    def run(
        self,
        array: Array,
        analytic: np.ndarray,
        indices: Iterable[tuple[int, ...]],
        objective: Callable[[], float],
        steps: Sequence[float],
    ) -> int:
        """Compare at some indices, with the first step that agrees; how many. `array` stays as it was."""
        count = 0
        for index in indices:
            found = []
            for step in steps:
                found.append(_difference(array, index, objective, step))
                if self.agree(float(analytic[index]), found[-1]):
                    break
            else:
                raise GradientError(
                    f"{self.where}, element {[int(k) for k in index]}: backward gives {analytic[index]:.9g}, "
                    f"centred differences {', '.join(f'{numeric:.9g}' for numeric in found)}"
                )
            count += 1
        return count

    def agree(self, analytic: float, numeric: float) -> bool:
        """Caffe's rule, with `floor` for its 1; False if one is not finite."""
        return abs(analytic - numeric) <= self.threshold * max(abs(analytic), abs(numeric), self.floor) < np.inf


def _difference(array: Array, index: tuple[int, ...], objective: Callable[[], float], step: float) -> float:
    """(objective(x + step) - objective(x - step)) / (2 step) for the element x = array[index]."""
    x = float(array[index])
    array[index] = x + step
    above = objective()
    array[index] = x - step
    below = objective()
    array[index] = x
    return (above - below) / (2 * step)


class _LayerRun:
    """Runs one layer from the bottoms' `values`, again and again: also in-place, also with chance in it."""

    def __init__(self, layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        self.layer, self.bottom, self.top = layer, bottom, top
        self.values = [to_host(blob.data).copy() for blob in bottom]
        self.weights: list[np.ndarray | float] = []
        self._state = layer.state()

    def fill_bottoms(self) -> None:
        """Bottoms hold `values`, which an in-place layer may have written over."""
        for blob, values in zip(self.bottom, self.values, strict=True):
            copy_into(blob.data, values)

    def forward(self) -> None:
        self.fill_bottoms()
        if self._state:
            self.layer.restore_state(self._state)
        self.layer.reshape(self.bottom, self.top)
        self.layer.forward(self.bottom, self.top)

    def objective(self) -> float:
        """The sum of all tops, each element times its weight."""
        self.forward()
        return sum(float((to_host(blob.data) * w).sum()) for blob, w in zip(self.top, self.weights, strict=True))

    def gradients(self, wanted: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What backward gives to bottoms and params; their diffs start with NaN and with 1.

        NaN stays if it is not overwritten, and the 1, taken off afterwards, is missing if it was.
        """
        self.forward()
        for blob in self.bottom:
            blob.diff[...] = np.nan
        for blob in self.layer.blobs:
            blob.diff[...] = 1
        for blob, w in zip(self.top, self.weights, strict=True):
            copy_into(blob.diff, np.asarray(w))
        self.layer.backward(self.top, [k in wanted for k in range(len(self.bottom))], self.bottom)
        bottoms = [to_host(blob.diff).copy() for blob in self.bottom]
        return bottoms, [to_host(blob.diff) - 1 for blob in self.layer.blobs]


class _NetRun:
    """Runs a net's layers behind the data layers, again and again, on one batch."""

    def __init__(self, net: Net) -> None:
        self.net = net
        data_layers = [index for index, layer in enumerate(net.layers) if not layer.definition.bottom]
        self._others = [index for index in range(len(net.layers)) if index not in data_layers]
        net.forward_layers(data_layers)
        self._batch = [(blob, to_host(blob.data).copy()) for index in data_layers for blob in net.tops[index]]
        self._states = net.layer_states()

    def loss(self) -> float:
        """Forward from the batch, with the same chance numbers each time."""
        for blob, values in self._batch:  # an in-place layer may have written over it
            copy_into(blob.data, values)
        self.net.restore_layer_states(self._states)
        self.net.forward_layers(self._others)
        return float(self.net.loss())


def _check_dtype(blobs: Iterable[Blob], where: str) -> None:
    for blob in blobs:
        if blob.dtype != np.float64:
            hint = "build the net with dtype=np.float64"
            raise GradientError(f"{where}: gradients are checked in float64, found {blob.dtype}; {hint}")
