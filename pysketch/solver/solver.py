"""The solver: iterations, tests, log lines and snapshots, in Caffe's order."""

from __future__ import annotations

import itertools
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pysketch.device import Array, copy_into, to_host
from pysketch.errors import DivergenceError, NetdefError, SnapshotError
from pysketch.layers import BatchData, Context
from pysketch.net import Net, first_not_finite, is_finite, noted, with_settings
from pysketch.netdef import NetDef, Phase, load_netdef
from pysketch.parallel import Communicator
from pysketch.solver.agreement import agreed_action, check_agreement, solver_digests
from pysketch.solver.definition import SolverDef, load_solver
from pysketch.solver.drawing_scores import DrawingScores, drawing_blobs
from pysketch.solver.hints import hints
from pysketch.solver.log import log_iteration, log_outputs
from pysketch.solver.lr_policy import current_step, learning_rate
from pysketch.solver.micro_batch import MicroBatches
from pysketch.solver.run_state import RunState, matters
from pysketch.solver.score_means import ScoreMeans, share_test
from pysketch.solver.shared_batches import SharedBatches
from pysketch.solver.start import (
    RUN_STATE,
    check_state,
    learned_weights,
    nothing_left,
    run_state_of,
    taken_as,
)
from pysketch.solver.unused import warn_of_unused
from pysketch.solver.updates import Updater
from pysketch.weights import SUFFIXES, SolverState, read_solver_state, write_solver_state

logger = logging.getLogger(__name__)


class Solver:
    """Trains a net as a solver file says; what the file leaves out or says in vain is warned of first (`hints`).

    context: where and how to work; default: as the file says (`SolverDef.context`). The seed is logged.
    `net` is the training net, `test_nets` share its params, `iter` counts the updates made, `loss` is the mean of the
    last `average_loss` losses. on_iteration, if given, is called after every update, for a progress bar. keep_blobs:
    every blob of a test net can be read after its forward; False, for programs that read none: only its scores, and
    the others share memory.

    Where the context's communicator has several processes, each makes a solver of the same file and all call the same
    methods: they train as one process would (`SharedBatches`), share the batches of a test (`ScoreMeans`), and agree
    after every iteration on what was requested of any of them.
    """

    net_class: ClassVar[type[Net]] = Net

    def __init__(
        self,
        definition: SolverDef,
        context: Context | None = None,
        *,
        on_iteration: Callable[[Solver], None] | None = None,
        keep_blobs: bool = True,
    ) -> None:
        self.definition = definition
        self.options = options = definition.options
        self.on_iteration = on_iteration
        self.keep_blobs = keep_blobs
        self._callbacks: list[tuple[Callable[[], Any], Callable[[], Any]]] = []
        self.test_nets: list[Net] = []
        context = context or definition.context()
        self._parsed = self._netdefs(context)
        self._say_what_is_odd()
        self._build(context)
        self.iter = 0
        self.rate = learning_rate(options, 0)
        self._losses: deque[Array] = deque(maxlen=options.average_loss)
        self._action: str | None = None
        self._last_snapshot: int | None = None
        self._restored: int | None = None

    @property
    def loss(self) -> float:
        """The mean of the last `average_loss` losses; on a GPU it is waited for."""
        return float(sum(self._losses)) / len(self._losses) if self._losses else math.nan

    def request(self, action: str) -> None:
        """Ask for "snapshot" or "stop" after the present iteration; safe in a signal handler. A stop stays one."""
        if self._action != "stop":
            self._action = action

    def add_callback(self, on_start: Callable[[], Any], on_gradients: Callable[[], Any]) -> None:
        """In each iteration call on_start before the forward, on_gradients between the backward and the update."""
        self._callbacks.append((on_start, on_gradients))

    def apply_update(self) -> None:
        """One update of the params by the diffs that they have now, at this iteration's rate; `iter` stays."""
        self.rate = learning_rate(self.options, self.iter)
        self.updater.update(self.rate, self.iter)

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what they say is said by _check_finite
    def solve(self, state: str | os.PathLike[str] | None = None) -> bool:
        """Train up to max_iter, with snapshots and tests; False if a "stop" was asked for on the way.

        state: a solver state to go on from, as `restore` takes it. Restored at max_iter or later there is nothing to
        do, and nothing is written.
        """
        if state is not None:
            self.restore(state)
        options = self.options
        if self._restored == self.iter >= options.max_iter:
            logger.warning("%s", nothing_left(self.iter, options.max_iter))
            return True
        logger.info("Solving %s", self.net.name)
        logger.info("Learning Rate Policy: %s", options.lr_policy)
        if not options.max_iter:
            logger.warning("%s: max_iter is missing or 0: no update is made", self.definition.filename)
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
        self._agree()
        for _ in range(iterations):
            self.net.clear_param_diffs()
            if self._is_test_due():
                self.test_all()
            for on_start, _ in self._callbacks:
                on_start()
            self._losses.append(self._forward_backward())
            self.rate = learning_rate(options, self.iter)
            if options.display and self.iter % options.display == 0:
                pace = time.perf_counter() - started, self.iter - logged_at
                log_iteration(self.net, self.iter, self.loss, self.rate, options.display, *pace)
                started, logged_at = time.perf_counter(), self.iter
            for _, on_gradients in self._callbacks:
                on_gradients()
            self.apply_update()
            self.iter += 1
            if self.on_iteration:
                self.on_iteration(self)
            action, self._action = agreed_action(self._action, self.context.communicator), None
            if (options.snapshot and self.iter % options.snapshot == 0) or action == "snapshot":
                self.snapshot()
            if action == "stop":
                return False
        return True

    def _is_test_due(self) -> bool:
        interval = self.options.test_interval
        return interval > 0 and self.iter % interval == 0 and (self.iter > 0 or self.options.test_initialization)

    def test_all(self) -> None:
        """Score every test net: see `test`."""
        for index, net in enumerate(self.test_nets):
            logger.info("Iteration %d, Testing net (#%d)", self.iter, index)
            scores, losses = self.test(index)
            if self.options.test_compute_loss:
                logger.info("Test loss: %g", losses)
            log_outputs(net, scores, "Test")

    def test(self, index: int = 0) -> tuple[dict[str, np.ndarray], float]:
        """(output blob's name -> its mean over the test's batches, the mean loss) of one test net.

        A test is test_iter batches, or, if that is 0 or not given, one pass over the net's data: every item once, the
        last batch smaller if need be, each batch weighed by its items. Of a net that draws "rmse" and "rank_1" follow
        (`DrawingScores`).
        """
        net, drawing = self.test_nets[index], self._drawing_scores[index]
        means = ScoreMeans(net, self._testers[index])
        for size in self._batches(index):
            if means.is_own_turn:
                if drawing:
                    drawing.expect()
                means.add(size, net.forward_loss())
                if drawing:
                    drawing.add()
            else:
                means.pass_over()
        scores, loss = means.end()
        drawn = drawing.scores(means.communicator) if drawing else {}
        return scores | {name: value for name, value in drawn.items() if name not in scores}, loss

    def _batches(self, index: int) -> Iterator[int]:
        """For each batch of a test, before it is run, what it weighs: 1 of test_iter ones, in a pass its items."""
        if self._test_iter(index):
            yield from itertools.repeat(1, self._test_iter(index))
            return
        layers = data_layers(self.test_nets[index])
        try:
            for layer in layers:
                layer.begin_pass()
            while layers[0].left_in_pass:
                yield layers[0].next_size
        finally:
            for layer in layers:
                layer.end_pass()

    def _test_iter(self, index: int) -> int:
        """How many batches are a test of this net; 0: a pass over its data."""
        return self.options.test_iter[index] if self.options.test_iter else 0

    def _check_pass(self, index: int) -> None:
        """NetdefError if a test is to be a pass over data that have no end, or none in common."""
        net = self.test_nets[index]
        sizes = {(layer.order.items, layer.size) for layer in data_layers(net)}
        if not self._test_iter(index) and len(sizes) != 1:
            found = "data layers of different sizes" if sizes else "no data layer whose size is known"
            raise self.definition.error(
                "test_iter" if self.options.test_iter else "test_interval",
                f"{net.netdef.filename} has {found}, so that a test cannot be one pass over the data; "
                "how many batches are a test? give test_iter",
            )

    def snapshot(self) -> str:
        """Write ``PREFIX_iter_N.caffemodel`` and ``.solverstate``, both with .h5 in HDF5; returns the state's path.

        Of several processes the first one writes, what one process alone would; the others wait for it.
        """
        self._check_params()
        stem, suffix = f"{self.definition.prefix}_iter_{self.iter}", SUFFIXES[self.options.snapshot_format]
        weights, state = f"{stem}.caffemodel{suffix}", f"{stem}.solverstate{suffix}"
        kind = "HDF5" if suffix else "binary proto"
        for array in (*(param.blob.data for param in self.net.learnable), *self.updater.history):
            self.context.communicator.broadcast(array)  # machines of other makes may round the last bit otherwise
        if self.context.communicator.rank == 0:
            logger.info("Snapshotting to %s file %s", kind, weights)
            self.net.save(weights, diffs=self.options.snapshot_diff)
            logger.info("Snapshotting solver state to %s file %s", kind, state)
            history = [to_host(array) for array in self.updater.history]
            step = current_step(self.options, max(0, self.iter - 1))  # that of the last update, as in Caffe
            write_solver_state(
                state, SolverState(self.iter, weights, step, history, {RUN_STATE: self._run_state().to_json()})
            )
        self.context.communicator.wait_for_all()  # until the files are there
        self._last_snapshot = self.iter
        return state

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a solver state, ours or Caffe's: iteration, weights, history, and data order if it has it.

        SnapshotError for a state that another type of solver wrote; one that does not say is taken with a warning.
        """
        state = read_solver_state(path, [array.shape for array in self.updater.history])
        check_state(path, self.definition.type)
        run_state = run_state_of(state, path)
        if run_state is None or run_state.solver is None:
            logger.warning("%s: %s", path, taken_as(self.definition.type))
        if run_state and run_state.seed != self.context.seed:
            self._build(replace(self.context, seed=run_state.seed))
        self.net.copy_from(learned_weights(state, path))
        self.iter = self._restored = self._last_snapshot = state.iteration
        for array, values in zip(self.updater.history, state.history, strict=True):
            copy_into(array, values)
        self._losses.clear()
        self._agreed = False
        if run_state:
            self._restore_run(run_state, path)
            for difference in run_state.unlike(self._settings):
                logger.warning("Another training goes on from %s: %s", path, difference)
        logger.info("Restored iteration %d from %s", self.iter, path)

    def close(self) -> None:
        """End the threads of all nets; a later step starts them anew."""
        for net in (self.net, *self.test_nets):
            net.close()

    def _build(self, context: Context) -> None:
        """The training net and the test nets, which share its params."""
        self.context, options = context, self.options
        state = options.train_state
        netdefs = self._parsed
        self.net = self.net_class(
            netdefs[self.definition.train_net],
            Phase.TRAIN,
            context=context,
            level=state.level if state.given("level") else None,
            stages=state.stage,
            debug_info=options.debug_info,
        )
        if not self.net.layers:
            raise NetdefError(f"{self.definition.train_net}: has no layers in phase TRAIN; there is nothing to learn")
        self.test_nets = []
        self._drawing_scores: list[DrawingScores | None] = []
        self._testers: list[Communicator] = []
        for k, path in enumerate(self.definition.test_nets):
            state = options.test_state[k] if options.test_state else None
            level = state.level if state and state.given("level") else None
            stages = state.stage if state else ()
            blobs, debug_info = drawing_blobs(netdefs[path], context, level, stages), options.debug_info
            net = self.net_class(
                netdefs[path],
                Phase.TEST,
                context=context,
                level=level,
                stages=stages,
                keep=None if self.keep_blobs else blobs,
                debug_info=debug_info,
            )
            net.share_with(self.net)
            self.test_nets.append(net)
            self._drawing_scores.append(DrawingScores(net, blobs) if blobs else None)
            self._testers.append(share_test(net, context.communicator))
            self._check_pass(k)
        for path in self.definition.weights:
            self.net.copy_from(path)
        self.updater = Updater(options, self.definition.type, self.net.learnable, context.workers)
        self._runner = self._make_runner(context.communicator)
        self._agreed = False
        logger.info("Random seed: %d", context.seed)

    def _make_runner(self, communicator: Communicator) -> Net | MicroBatches | SharedBatches:
        """Who runs the training net forward and backward."""
        options = self.options
        if communicator.size > 1:
            return SharedBatches(self.net, communicator, options.micro_batch, options.iter_size)
        return MicroBatches(self.net, options.micro_batch) if options.micro_batch else self.net

    def _say_what_is_odd(self) -> None:
        """Warn, once, of what the file leaves out or says in vain, and of stages that no layer has a rule for."""
        options, netdefs = self.options, self._parsed
        for option, hint in hints(options):
            logger.warning("%s: %s", options.position(option), hint)
        warn_of_unused(self.definition, netdefs)
        states = (options.train_state, *options.test_state)
        for path, state in zip((self.definition.train_net, *self.definition.test_nets), states, strict=False):
            for message in netdefs[path].unknown_stages(state.stage):
                logger.warning("%s", message)

    def _netdefs(self, context: Context) -> dict[str, NetDef]:
        """The netdefs of all nets, by the paths that the file has, with what was set beside them."""
        definition = self.definition
        paths = dict.fromkeys((definition.train_net, *definition.test_nets))
        found = {path: load_netdef(definition.find_netdef(path)) for path in paths}
        made = with_settings(found, definition.layer_settings, context)
        lasting = [setting for setting in definition.settings if matters(setting.path)]
        return {path: noted(netdef, lasting) for path, netdef in made.items()}

    def _forward_backward(self) -> Array:
        """iter_size times forward and backward; the mean loss."""
        losses = []
        for _ in range(self.options.iter_size):
            loss = self._runner.forward_loss()
            if self._looks_at_loss():
                self._check_finite(loss)  # before backward, so that the first place that is not finite is the cause
            self._runner.backward()
            losses.append(loss)
        return sum(losses[1:], start=losses[0]) / len(losses) if len(losses) > 1 else losses[0]

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

    def _agree(self) -> None:
        """ParallelError, once, before the first step, if the processes are not about to do the same."""
        if self.context.communicator.size > 1 and not self._agreed:
            nets = (self.net, *self.test_nets)
            check_agreement(self.context.communicator, solver_digests(self.definition, self.iter, nets, self.updater))
            self._agreed = True

    def _check_prefix(self) -> None:
        """Fail now, not after hours, if snapshots cannot be written."""
        if self.context.communicator.rank:
            return
        folder = Path(self.definition.prefix).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SnapshotError(f"{folder}: snapshots cannot be written there: {error}") from None
        if not os.access(folder, os.W_OK):
            raise SnapshotError(f"{folder}: snapshots cannot be written there: no permission")

    def _run_state(self) -> RunState:
        tests = [net.layer_states() for net in self.test_nets]
        losses = [float(loss) for loss in self._losses]
        kept, solver = self.updater.rule.keeps, self.definition.type
        return RunState(self.context.seed, losses, self.net.layer_states(), tests, self._settings, solver, list(kept))

    @property
    def _settings(self) -> dict[str, str]:
        return {each.path: each.value for each in self.definition.settings if matters(each.path)}

    def _restore_run(self, state: RunState, path: str | os.PathLike[str]) -> None:
        self._losses.extend(state.losses)
        try:
            for net, states in zip((self.net, *self.test_nets), (state.train, *state.test), strict=False):
                net.restore_layer_states(states)
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(f"{path}: its pysketch state is malformed: {error!r}") from None


def data_layers(net: Net) -> list[BatchData]:
    """The layers of a net that give batches of a known number of items."""
    return [layer for layer in net.layers if isinstance(layer, BatchData)]


def get_solver(path: str | os.PathLike[str], *, settings: Sequence[str] = (), **options: Any) -> Solver:
    """The solver of a solver file; options as for `SolverDef.context`: ``get_solver("x_solver.txt", seed=3)``.

    settings: as for `load_solver`: ``settings=["base_lr=0.0005", "data.hold_out=18"]``.
    """
    definition = load_solver(path, settings)
    return Solver(definition, definition.context(**options))
