"""The contender pysketch of tools/benchmark.py: whole steps, and layers one by one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.benchmark.contender.clock import Call, HostClock, cupy_clock
from pysketch.benchmark.contender.peers import Arrays, param_name
from pysketch.benchmark.machine import Machine, measure
from pysketch.benchmark.nets import RATE, Job, build, build_backward, release_workspace, workspace_bytes
from pysketch.benchmark.work import Work, net_work
from pysketch.device import allow_tf32, choose_device, copy_into, to_host
from pysketch.errors import NetdefError
from pysketch.net import Net
from pysketch.netdef import parse
from pysketch.solver import Updater, read_solver

SOLVER = f"""net: "of the benchmark" type: "Adam" base_lr: {RATE} momentum: 0.9 momentum2: 0.999 max_iter: 1"""


def updater(net: Net) -> Updater:
    """Adam, of the net's params."""
    solver = read_solver(parse(SOLVER, "<benchmark>"), "<benchmark>")
    return Updater(solver.options, solver.type, net.learnable, net.context.workers)


class Ours:
    """A job's net with the weights in folder/params.npz, its inputs in place.

    phase "train": one step is what an iteration of `pysketch.solver.Solver` does between its log lines.
    """

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        fields = {name: value for name, value in job.items() if name in Job.__dataclass_fields__}
        self.job = Job(**fields)
        self.device = choose_device(self.job.device)
        if self.device.kind == "gpu":
            self.device.xp.get_default_memory_pool().free_all_blocks()  # of an earlier job
        if self.job.math == "tf32":
            allow_tf32(self.device)
        self.clock = HostClock() if self.device.kind == "cpu" else cupy_clock(self.device.xp)
        self.net, self.inputs = build(self.job, self.device)
        self.trains = job["phase"] == "train"
        self.iteration = 0
        self._learner: tuple[Net, list[int]] | None = None
        with np.load(folder / "params.npz", allow_pickle=False) as params:
            for param in self.net.learnable:
                copy_into(param.blob.data, params[param_name(param)])
        self._feed(self.net)
        if self.trains:
            self.updater = updater(self.net)

    def check(self) -> Arrays:
        """Phase test: the outputs. Phase train: the loss, every learned param's gradient, the loss after an update."""
        if not self.trains:
            self.net.forward()
            return {name: to_host(self.net.blobs[name].data) for name in self.net.outputs}
        self.net.clear_param_diffs()
        loss = float(self.net.forward_loss())
        self.net.backward()
        learned = (param for param in self.net.learnable if param.lr_mult != 0)
        gradients = {f"gradient of {param_name(param)}": to_host(param.blob.diff).copy() for param in learned}
        self._update()
        return {"loss": np.array(loss), **gradients, "loss after an update": np.array(float(self.net.forward_loss()))}

    def step(self) -> None:
        """Forward; in phase train also backward and update. A GPU may still be at it afterwards."""
        for part in self.parts().values():
            part()

    def parts(self) -> dict[str, Call]:
        """What a step consists of, in order; the gradients are cleared with the forward pass."""
        if not self.trains:
            return {"forward": self.net.forward}
        return {"forward": self._forward, "backward": self.net.backward, "update": self._update}

    def device_bytes(self) -> int | None:
        """The most that CuPy has taken of the GPU's memory for this job; None on a CPU."""
        return None if self.device.kind == "cpu" else self.device.xp.get_default_memory_pool().total_bytes()

    def time_layers(self) -> list[list[float | None]]:
        """One pass, layer by layer: [forward, backward] seconds of each, backward None where it does not run."""
        every = range(len(self.net.layers))
        calls = [partial(self.net.forward_layers, [index]) for index in every]
        self._learner = self._learner or self._find_learner()
        learner, learning = self._learner
        if learning:
            learner.clear_param_diffs()
        calls += [partial(learner.backward_layers, [index]) for index in learning]
        seconds = [times.seconds for times in self.clock.time(calls)]
        backward = dict(zip(learning, seconds[len(every) :], strict=True))
        return [[seconds[index], backward.get(index)] for index in every]

    def count_work(self) -> list[Work]:
        """What each layer's forward has to do, on this device."""
        return net_work(self.net, self.device.kind == "gpu")

    def measure_machine(self, order: int, nbytes: int) -> Machine:
        """What this device does at best."""
        return measure(self.device, self.net.context.workers, self.clock, order, nbytes)

    def measure_workspace(self) -> list[int]:
        """The bytes of workspace of each layer, backward included in phase train, and at last of a whole step."""
        every = range(len(self.net.layers))
        return [*(self._workspace([index]) for index in every), self._workspace(every)]

    def _feed(self, net: Net) -> None:
        for name, array in self.inputs.items():
            copy_into(net.blobs[name].data, array)

    def _find_learner(self) -> tuple[Net, list[int]]:
        """The net whose backward is timed, and the indices of those layers that have one, the last first."""
        every = reversed(range(len(self.net.layers)))
        if self.trains:
            return self.net, [index for index in every if self.net.needs_backward[index]]
        if not self.job.backward:
            return self.net, []
        net = build_backward(self.net)
        self._feed(net)
        net.forward()
        return net, [index for index in every if net.needs_backward[index] and _runs_backward(net, index)]

    def _workspace(self, indices: Any) -> int:
        release_workspace(self.net)
        self.net.forward_layers(indices)
        if self.trains:
            self.net.backward_layers(indices)
        return workspace_bytes(self.net)

    def _forward(self) -> None:
        self.net.clear_param_diffs()
        self.net.forward()

    def _update(self) -> None:
        self.updater.update(RATE, self.iteration)
        self.iteration += 1


def _runs_backward(net: Net, index: int) -> bool:
    """Whether a layer can; what only scores, such as an accuracy, cannot."""
    try:
        net.backward_layers([index])
    except NetdefError:
        return False
    return True
