"""The contender pysketch of tools/benchmark.py: whole steps, and layers one by one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_nets import RATE, Job, build, release_workspace, workspace_bytes
from peers import Arrays, param_name

from pysketch.backend import allow_tf32, choose_device, copy_into, to_host
from pysketch.prototxt import parse
from pysketch.solver_def import read_solver
from pysketch.updates import Updater

SOLVER = f"""net: "of the benchmark" type: "Adam" base_lr: {RATE} momentum: 0.9 momentum2: 0.999 max_iter: 1"""


class Ours:
    """A job's net with the weights in folder/params.npz, its inputs in place.

    phase "train": one step is what an iteration of `pysketch.solver.Solver` does between its log lines.
    """

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        fields = {name: value for name, value in job.items() if name in Job.__dataclass_fields__}
        self.device = choose_device(Job(**fields).device)
        if Job(**fields).math == "tf32":
            allow_tf32(self.device)
        self.net, inputs = build(Job(**fields), self.device)
        self.trains = job["phase"] == "train"
        self.iteration = 0
        with np.load(folder / "params.npz", allow_pickle=False) as params:
            for param in self.net.learnable:
                copy_into(param.blob.data, params[param_name(param)])
        for name, array in inputs.items():
            copy_into(self.net.blobs[name].data, array)
        if self.trains:
            solver = read_solver(parse(SOLVER, "<benchmark>"), "<benchmark>")
            self.updater = Updater(solver.options, solver.type, self.net.learnable, self.net.context.workers)

    def check(self) -> Arrays:
        """Phase test: the outputs. Phase train: the loss, every learned param's gradient, the loss after an update."""
        if not self.trains:
            self.net.forward()
            return {name: to_host(self.net.blobs[name].data) for name in self.net.outputs}
        self.net.clear_param_diffs()
        loss = float(self.net.forward())
        self.net.backward()
        learned = (param for param in self.net.learnable if param.lr_mult != 0)
        gradients = {f"gradient of {param_name(param)}": to_host(param.blob.diff).copy() for param in learned}
        self._update()
        return {"loss": np.array(loss), **gradients, "loss after an update": np.array(float(self.net.forward()))}

    def step(self) -> None:
        """Forward; in phase train also backward and update."""
        if self.trains:
            self.net.clear_param_diffs()
        self.net.forward()
        if self.trains:
            self.net.backward()
            self._update()
        self.device.synchronize()

    def time_layers(self) -> list[list[float | None]]:
        """One pass, layer by layer: [forward, backward] seconds of each, backward None where it does not run."""
        times = [[self._seconds(self.net.forward_layers, [index]), None] for index in range(len(self.net.layers))]
        if self.trains:
            self.net.clear_param_diffs()
            for index in reversed(range(len(self.net.layers))):
                if self.net.needs_backward[index]:
                    times[index][1] = self._seconds(self.net.backward_layers, [index])
        return times

    def measure_workspace(self) -> list[int]:
        """The bytes of workspace of each layer, backward included in phase train, and at last of a whole step."""
        every = range(len(self.net.layers))
        return [*(self._workspace([index]) for index in every), self._workspace(every)]

    def _workspace(self, indices: Any) -> int:
        release_workspace(self.net)
        self.net.forward_layers(indices)
        if self.trains:
            self.net.backward_layers(indices)
        return workspace_bytes(self.net)

    def _seconds(self, work: Callable[[list[int]], None], indices: list[int]) -> float:
        self.device.synchronize()
        start = time.perf_counter()
        work(indices)
        self.device.synchronize()
        return time.perf_counter() - start

    def _update(self) -> None:
        self.updater.update(RATE, self.iteration)
        self.iteration += 1
