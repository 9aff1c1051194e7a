"""The solver: iterations, tests, log lines and snapshots, in Caffe's order."""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pysketch.backend import Array, Device, array_module, copy_into, to_host
from pysketch.errors import DivergenceError, SnapshotError
from pysketch.lr_policy import current_step, learning_rate
from pysketch.micro_batch import MicroBatches
from pysketch.net import Net, is_finite
from pysketch.netdef import Phase
from pysketch.snapshot import SolverState, read_state, write_state
from pysketch.solver_def import SolverDef
from pysketch.updates import HISTORY_SETS, UPDATE_RULES

logger = logging.getLogger(__name__)


class Solver:
    """Trains a net as a solver file says.

    seed: instead of the file's random_seed; without either, another one each time (logged).
    data_source, layer_paths, device: as for `Net`. `net` is the training net, `test_nets` share its
    params, `iter` counts the updates made, `loss` is the mean of the last `average_loss` losses.
    on_iteration, if given, is called after every update, for a progress bar.
    """

    def __init__(
        self,
        definition: SolverDef,
        *,
        device: Device | None = None,
        seed: int | None = None,
        data_source: str | None = None,
        layer_paths: Sequence[str] = (),
        on_iteration: Callable[[Solver], None] | None = None,
    ) -> None:
        self.definition = definition
        self.options = options = definition.options
        self.on_iteration = on_iteration
        if seed is None:
            seed = options.random_seed if options.random_seed >= 0 else secrets.randbits(31)
        self._net_arguments = {
            "device": device or Device(),
            "data_source": data_source,
            "layer_paths": layer_paths,
            "debug_info": options.debug_info,
        }
        self.test_nets: list[Net] = []
        self._build(seed)
        self.iter = 0
        self.rate = learning_rate(options, 0)
        self._losses: deque[float] = deque(maxlen=options.average_loss)
        sets = HISTORY_SETS.get(definition.type, 1)
        self.history = [self._zeros_like_params() for _ in range(sets)]
        self._action: str | None = None
        self._last_snapshot: int | None = None

    @property
    def loss(self) -> float:
        """The mean of the last `average_loss` losses."""
        return sum(self._losses) / len(self._losses) if self._losses else math.nan

    def request(self, action: str) -> None:
        """Ask for "snapshot" or "stop" after the present iteration; safe in a signal handler."""
        self._action = action

    def solve(self) -> bool:
        """Train up to max_iter, with snapshots and tests; False if a "stop" was asked for on the way."""
        options = self.options
        logger.info("Solving %s", self.net.name)
        logger.info("Learning Rate Policy: %s", options.lr_policy)
        self._check_prefix()
        finished = self.step(options.max_iter - self.iter)
        if options.snapshot_after_train and self._last_snapshot != self.iter:
            self.snapshot()
        if not finished:
            logger.info("Optimization stopped early.")
            return False
        if options.display and self.iter % options.display == 0:
            logger.info("Iteration %d, loss = %g", self.iter, self.net.forward())
        if options.test_interval and self.iter % options.test_interval == 0:
            self.test_all()
        logger.info("Optimization Done.")
        return True

    def step(self, iterations: int) -> bool:
        """Make so many updates; False if a "stop" was asked for on the way."""
        options = self.options
        started, logged_at = time.perf_counter(), self.iter
        for _ in range(iterations):
            self.net.clear_param_diffs()
            if self._is_test_due():
                self.test_all()
            loss = self._forward_backward()
            self._check_finite(loss)
            self._losses.append(loss)
            self.rate = learning_rate(options, self.iter)
            if options.display and self.iter % options.display == 0:
                self._log_iteration(time.perf_counter() - started, self.iter - logged_at)
                started, logged_at = time.perf_counter(), self.iter
            self._update()
            self.iter += 1
            if self.on_iteration:
                self.on_iteration(self)
            action, self._action = self._action, None
            if (options.snapshot and self.iter % options.snapshot == 0) or action == "snapshot":
                self.snapshot()
            if action == "stop":
                return False
        return True

    def _is_test_due(self) -> bool:
        interval = self.options.test_interval
        return interval > 0 and self.iter % interval == 0 and (self.iter > 0 or self.options.test_initialization)

    def test_all(self) -> None:
        """Score every test net: its outputs, averaged over test_iter batches."""
        for index, net in enumerate(self.test_nets):
            logger.info("Iteration %d, Testing net (#%d)", self.iter, index)
            scores, losses = self.test(index)
            if self.options.test_compute_loss:
                logger.info("Test loss: %g", losses)
            _log_outputs(net, scores, "Test")

    def test(self, index: int = 0) -> tuple[dict[str, np.ndarray], float]:
        """(output blob's name -> its mean over test_iter batches, the mean loss) of one test net."""
        net, batches = self.test_nets[index], self.options.test_iter[index]
        sums: dict[str, np.ndarray] = {}
        total = 0.0
        for _ in range(batches):
            total += net.forward()
            for name in net.outputs:
                sums[name] = sums.get(name, 0) + to_host(net.blobs[name].data).astype(np.float64)
        return {name: value / batches for name, value in sums.items()}, total / max(batches, 1)

    def snapshot(self) -> str:
        """Write ``PREFIX_iter_N.caffemodel.h5`` and ``.solverstate.h5``; returns the state's path."""
        for param in self.net.learnable:
            if not is_finite(param.blob.data):
                raise DivergenceError(self._divergence(f'layer "{param.layer}", param {param.index}, data'))
        stem = f"{self.definition.prefix}_iter_{self.iter}"
        weights, state = f"{stem}.caffemodel.h5", f"{stem}.solverstate.h5"
        logger.info("Snapshotting to HDF5 file %s", weights)
        self.net.save(weights, diffs=self.options.snapshot_diff)
        logger.info("Snapshotting solver state to HDF5 file %s", state)
        history = [to_host(array) for arrays in self.history for array in arrays]
        step = current_step(self.options, self.iter)
        write_state(state, SolverState(self.iter, weights, step, history, {"pysketch": self._extra_state()}))
        self._last_snapshot = self.iter
        return state

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a solver state, ours or Caffe's: iteration, weights, history, and data order if it has it."""
        shapes = [array.shape for arrays in self.history for array in arrays]
        state = read_state(path, shapes)
        extra = _read_extra_state(state.attributes.get("pysketch"), path)
        if extra and extra["seed"] != self.seed:
            self._build(extra["seed"])
        learned = Path(state.learned_net)
        beside = Path(path).parent / learned.name
        self.net.copy_from(beside if beside.is_file() or not learned.is_file() else learned)
        self.iter = state.iteration
        self._last_snapshot = self.iter
        for array, values in zip((a for arrays in self.history for a in arrays), state.history, strict=True):
            copy_into(array, values)
        if extra:
            self._restore_extra(extra, path)
        logger.info("Restored iteration %d from %s", self.iter, path)

    def _build(self, seed: int) -> None:
        """The training net and the test nets, which share its params."""
        self.seed = seed
        options, arguments = self.options, {**self._net_arguments, "seed": seed}
        state = options.train_state
        self.net = Net(
            self.definition.train_net,
            Phase.TRAIN,
            level=state.level if state.given("level") else None,
            stages=state.stage,
            **arguments,
        )
        self.test_nets = []
        for k, path in enumerate(self.definition.test_nets):
            state = options.test_state[k] if options.test_state else None
            level = state.level if state and state.given("level") else None
            stages = state.stage if state else ()
            net = Net(path, Phase.TEST, level=level, stages=stages, **arguments)
            net.share_with(self.net)
            self.test_nets.append(net)
        for path in options.weights:
            self.net.copy_from(path)
        self._micro_batches = MicroBatches(self.net, options.micro_batch) if options.micro_batch else None
        logger.info("Random seed: %d", seed)

    def _zeros_like_params(self) -> list[Array]:
        return [array_module(p.blob.data).zeros_like(p.blob.data) for p in self.net.learnable]

    def _forward_backward(self) -> float:
        """iter_size times forward and backward; the mean loss."""
        total = 0.0
        for _ in range(self.options.iter_size):
            if self._micro_batches:
                total += self._micro_batches.forward_backward()
            else:
                total += self.net.forward()
                self.net.backward()
        return total / self.options.iter_size

    def _update(self) -> None:
        """Clip, normalise, regularise, step: for every learnable param, in Caffe's order."""
        options = self.options
        scale = self._clip_factor() / options.iter_size
        rule = UPDATE_RULES[self.definition.type]
        for k, param in enumerate(self.net.learnable):
            if param.lr_mult == 0:
                continue
            w, g = param.blob.data, param.blob.diff
            if scale != 1:
                g *= scale
            decay = options.weight_decay * param.decay_mult
            if decay:
                g += decay * (w if options.regularization_type == "L2" else array_module(w).sign(w))
            history = [arrays[k] for arrays in self.history]
            rule(g, history, self.rate * param.lr_mult, options, self.iter)
            w -= g
            if options.debug_info:
                name, index = param.layer, param.index
                values = float(abs(w).mean()), float(abs(g).mean())
                logger.info("    [Update] Layer %s, param %d data: %g; diff: %g", name, index, *values)

    def _clip_factor(self) -> float:
        limit = self.options.clip_gradients
        if limit < 0:
            return 1.0
        squares = sum(float((param.blob.diff**2).sum()) for param in self.net.learnable)
        norm = math.sqrt(squares)
        if norm <= limit:
            return 1.0
        logger.info(
            "Gradient clipping: scaling down gradients (L2 norm %g > %g) by scale factor %g", norm, limit, limit / norm
        )
        return limit / norm

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise DivergenceError(self._divergence(self.net.first_not_finite() or "the loss itself"))

    def _divergence(self, where: str) -> str:
        kept = f"the last good snapshot is that of iteration {self._last_snapshot}"
        return (
            f"training diverged at iteration {self.iter}: {where} is not finite; the rate is {self.rate:g}; "
            "try a smaller base_lr, clip_gradients or smaller initial weights; "
            + (kept if self._last_snapshot is not None else "no snapshot was written")
        )

    def _log_iteration(self, seconds: float, iterations: int) -> None:
        options = self.options
        rate = iterations / seconds if seconds > 0 else 0.0
        logger.info(
            "Iteration %d (%g iter/s, %gs/%d iters), loss = %g",
            self.iter,
            rate,
            seconds,
            options.display,
            self.loss,
        )
        _log_outputs(self.net, {name: to_host(self.net.blobs[name].data) for name in self.net.outputs}, "Train")
        logger.info("Iteration %d, lr = %g", self.iter, self.rate)

    def _check_prefix(self) -> None:
        """Fail now, not after hours, if snapshots cannot be written."""
        folder = Path(self.definition.prefix).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SnapshotError(f"{folder}: snapshots cannot be written there: {error}") from None
        if not os.access(folder, os.W_OK):
            raise SnapshotError(f"{folder}: snapshots cannot be written there: no permission")

    def _extra_state(self) -> str:
        """What Caffe's state lacks and a bit-for-bit resume needs."""
        return json.dumps(
            {
                "seed": self.seed,
                "losses": list(self._losses),
                "train": self.net.layer_states(),
                "test": [net.layer_states() for net in self.test_nets],
            }
        )

    def _restore_extra(self, extra: dict, path: str | os.PathLike[str]) -> None:
        try:
            self._losses.extend(float(loss) for loss in extra["losses"])
            for net, states in zip((self.net, *self.test_nets), (extra["train"], *extra["test"]), strict=False):
                net.restore_layer_states(states)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SnapshotError(f"{path}: its pysketch state is malformed: {error!r}") from None


def _read_extra_state(text: str | None, path: str | os.PathLike[str]) -> dict | None:
    """The pysketch part of a state; None for Caffe's own files."""
    if text is None:
        return None
    try:
        extra = json.loads(text)
        if not isinstance(extra["seed"], int) or extra["seed"] < 0:
            raise ValueError("seed must be a whole number")
        return extra
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SnapshotError(f"{path}: its pysketch state is malformed: {error!r}") from None


def _log_outputs(net: Net, values: dict[str, np.ndarray], kind: str) -> None:
    """Caffe's lines '    Train net output #0: loss = 20.9 (* 0.5 = 10.5 loss)'."""
    weights = {id(blob): weight for blob, weight in net.loss_weights}
    number = 0
    for name, value in values.items():
        weight = weights.get(id(net.blobs[name]))
        for element in np.ravel(value):
            weighted = f" (* {weight:g} = {weight * element:g} loss)" if weight else ""
            logger.info("    %s net output #%d: %s = %g%s", kind, number, name, element, weighted)
            number += 1
