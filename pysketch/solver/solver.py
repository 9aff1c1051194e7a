"""The solver: iterations, tests, log lines and snapshots, in Caffe's order."""

from __future__ import annotations

import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.device import Array, copy_into, to_host
from pysketch.errors import DivergenceError, SnapshotError
from pysketch.layers import Context
from pysketch.net import Net, first_not_finite, is_finite
from pysketch.netdef import Phase
from pysketch.solver.definition import SolverDef, load_solver
from pysketch.solver.log import log_iteration, log_outputs
from pysketch.solver.lr_policy import current_step, learning_rate
from pysketch.solver.micro_batch import MicroBatches
from pysketch.solver.run_state import RunState
from pysketch.solver.updates import Updater
from pysketch.weights import SUFFIXES, SolverState, read_solver_state, write_solver_state

logger = logging.getLogger(__name__)

_RUN_STATE = "pysketch"  # the root attribute of a solver state that holds a RunState


class Solver:
    """Trains a net as a solver file says.

    context: where and how to work; default: as the file says (`SolverDef.context`). The seed is logged.
    `net` is the training net, `test_nets` share its params, `iter` counts the updates made, `loss` is the mean of the
    last `average_loss` losses. on_iteration, if given, is called after every update, for a progress bar.
    """

    def __init__(
        self,
        definition: SolverDef,
        context: Context | None = None,
        *,
        on_iteration: Callable[[Solver], None] | None = None,
    ) -> None:
        self.definition = definition
        self.options = options = definition.options
        self.on_iteration = on_iteration
        self.test_nets: list[Net] = []
        self._build(context or definition.context())
        self.iter = 0
        self.rate = learning_rate(options, 0)
        self._losses: deque[Array] = deque(maxlen=options.average_loss)
        self._action: str | None = None
        self._last_snapshot: int | None = None

    @property
    def loss(self) -> float:
        """The mean of the last `average_loss` losses; on a GPU it is waited for."""
        return float(sum(self._losses)) / len(self._losses) if self._losses else math.nan

    def request(self, action: str) -> None:
        """Ask for "snapshot" or "stop" after the present iteration; safe in a signal handler. A stop stays one."""
        if self._action != "stop":
            self._action = action

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what they say is said by _check_finite
    def solve(self) -> bool:
        """Train up to max_iter, with snapshots and tests; False if a "stop" was asked for on the way."""
        options = self.options
        logger.info("Solving %s", self.net.name)
        logger.info("Learning Rate Policy: %s", options.lr_policy)
        self._check_prefix()
        finished = self.step(options.max_iter - self.iter)
        self._check_params()
        if options.snapshot_after_train and self._last_snapshot != self.iter:
            self.snapshot()
        if not finished:
            logger.info("Optimization stopped early.")
            return False
        if options.display and self.iter % options.display == 0:
            self._losses.append(self._runner.forward_loss())
            logger.info("Iteration %d, loss = %g", self.iter, self.loss)
        if options.test_interval and self.iter % options.test_interval == 0:
            self.test_all()
        logger.info("Optimization Done.")
        return True

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def step(self, iterations: int) -> bool:
        """Make so many updates; False if a "stop" was asked for on the way."""
        options = self.options
        started, logged_at = time.perf_counter(), self.iter
        for _ in range(iterations):
            self.net.clear_param_diffs()
            if self._is_test_due():
                self.test_all()
            self._losses.append(self._forward_backward())
            self.rate = learning_rate(options, self.iter)
            if options.display and self.iter % options.display == 0:
                pace = time.perf_counter() - started, self.iter - logged_at
                log_iteration(self.net, self.iter, self.loss, self.rate, options.display, *pace)
                started, logged_at = time.perf_counter(), self.iter
            self.updater.update(self.rate, self.iter)
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
            log_outputs(net, scores, "Test")

    def test(self, index: int = 0) -> tuple[dict[str, np.ndarray], float]:
        """(output blob's name -> its mean over test_iter batches, the mean loss) of one test net."""
        net, batches = self.test_nets[index], self.options.test_iter[index]
        sums: dict[str, np.ndarray] = {}
        total = 0.0
        for _ in range(batches):
            total += float(net.forward_loss())
            for name in net.outputs:
                sums[name] = sums.get(name, 0) + to_host(net.blobs[name].data).astype(np.float64)
        return {name: value / batches for name, value in sums.items()}, total / max(batches, 1)

    def snapshot(self) -> str:
        """Write ``PREFIX_iter_N.caffemodel`` and ``.solverstate``, both with .h5 in HDF5; returns the state's path."""
        self._check_params()
        stem, suffix = f"{self.definition.prefix}_iter_{self.iter}", SUFFIXES[self.options.snapshot_format]
        weights, state = f"{stem}.caffemodel{suffix}", f"{stem}.solverstate{suffix}"
        kind = "HDF5" if suffix else "binary proto"
        logger.info("Snapshotting to %s file %s", kind, weights)
        self.net.save(weights, diffs=self.options.snapshot_diff)
        logger.info("Snapshotting solver state to %s file %s", kind, state)
        history = [to_host(array) for array in self.updater.history]
        step = current_step(self.options, max(0, self.iter - 1))  # that of the last update, as in Caffe
        write_solver_state(
            state, SolverState(self.iter, weights, step, history, {_RUN_STATE: self._run_state().to_json()})
        )
        self._last_snapshot = self.iter
        return state

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a solver state, ours or Caffe's: iteration, weights, history, and data order if it has it."""
        state = read_solver_state(path, [array.shape for array in self.updater.history])
        text = state.attributes.get(_RUN_STATE)
        run_state = None if text is None else RunState.from_json(text, os.fspath(path))
        if run_state and run_state.seed != self.context.seed:
            self._build(replace(self.context, seed=run_state.seed))
        learned = Path(state.learned_net)
        beside = Path(path).parent / learned.name
        self.net.copy_from(beside if beside.is_file() or not learned.is_file() else learned)
        self.iter = state.iteration
        self._last_snapshot = self.iter
        for array, values in zip(self.updater.history, state.history, strict=True):
            copy_into(array, values)
        self._losses.clear()
        if run_state:
            self._restore_run(run_state, path)
        logger.info("Restored iteration %d from %s", self.iter, path)

    def close(self) -> None:
        """End the threads of all nets; a later step starts them anew."""
        for net in (self.net, *self.test_nets):
            net.close()

    def _build(self, context: Context) -> None:
        """The training net and the test nets, which share its params."""
        self.context, options = context, self.options
        state = options.train_state
        self.net = Net(
            self.definition.find_netdef(self.definition.train_net),
            Phase.TRAIN,
            context,
            level=state.level if state.given("level") else None,
            stages=state.stage,
            debug_info=options.debug_info,
        )
        self.test_nets = []
        for k, path in enumerate(self.definition.test_nets):
            state = options.test_state[k] if options.test_state else None
            level = state.level if state and state.given("level") else None
            stages = state.stage if state else ()
            found, debug_info = self.definition.find_netdef(path), options.debug_info
            net = Net(found, Phase.TEST, context, level=level, stages=stages, keep=(), debug_info=debug_info)
            net.share_with(self.net)
            self.test_nets.append(net)
        for path in options.weights:
            self.net.copy_from(path)
        self.updater = Updater(options, self.definition.type, self.net.learnable, context.workers)
        self._runner = MicroBatches(self.net, options.micro_batch) if options.micro_batch else self.net
        logger.info("Random seed: %d", context.seed)

    def _forward_backward(self) -> Array:
        """iter_size times forward and backward; the mean loss."""
        total = 0.0
        for _ in range(self.options.iter_size):
            loss = self._runner.forward_loss()
            if self._looks_at_loss():
                self._check_finite(loss)  # before backward, so that the first place that is not finite is the cause
            self._runner.backward()
            total += loss
        return total / self.options.iter_size

    def _looks_at_loss(self) -> bool:
        """Every iteration; on a GPU, where the host would have to wait for it, only when it is displayed."""
        display = self.options.display
        return self.context.device.kind == "cpu" or (display > 0 and self.iter % display == 0)

    def _check_params(self) -> None:
        """What diverged in the very last update has met no loss yet: look before anything is written."""
        for param in self.net.learnable:
            if not is_finite(param.blob.data):
                raise DivergenceError(self._divergence(f'layer "{param.layer}", param {param.index}, data'))

    def _check_finite(self, loss: Array) -> None:
        if not math.isfinite(float(loss)):
            raise DivergenceError(self._divergence(first_not_finite(self.net) or "the loss itself"))

    def _divergence(self, where: str) -> str:
        kept = f"the last good snapshot is that of iteration {self._last_snapshot}"
        return (
            f"training diverged at iteration {self.iter}: {where} is not finite; the rate is {self.rate:g}; "
            "try a smaller base_lr, clip_gradients or smaller initial weights; "
            + (kept if self._last_snapshot is not None else "no snapshot was written")
        )

    def _check_prefix(self) -> None:
        """Fail now, not after hours, if snapshots cannot be written."""
        folder = Path(self.definition.prefix).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SnapshotError(f"{folder}: snapshots cannot be written there: {error}") from None
        if not os.access(folder, os.W_OK):
            raise SnapshotError(f"{folder}: snapshots cannot be written there: no permission")

    def _run_state(self) -> RunState:
        tests = [net.layer_states() for net in self.test_nets]
        return RunState(self.context.seed, [float(loss) for loss in self._losses], self.net.layer_states(), tests)

    def _restore_run(self, state: RunState, path: str | os.PathLike[str]) -> None:
        self._losses.extend(state.losses)
        try:
            for net, states in zip((self.net, *self.test_nets), (state.train, *state.test), strict=False):
                net.restore_layer_states(states)
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(f"{path}: its pysketch state is malformed: {error!r}") from None


def get_solver(path: str | os.PathLike[str], **options: Any) -> Solver:
    """The solver of a solver file; options as for `SolverDef.context`: ``get_solver("x_solver.txt", seed=3)``."""
    definition = load_solver(path)
    return Solver(definition, definition.context(**options))
