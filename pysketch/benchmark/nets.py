"""The nets that tools/benchmark.py times: a netdef's drawing net, or its training net fed with arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pysketch.device import CPU, Blob, Device, Workers
from pysketch.drawing import DEPLOY
from pysketch.errors import NetdefError
from pysketch.layers import Context, Layer
from pysketch.native import describe
from pysketch.net import Net, backward_multiply_adds, build_without_data, forward_multiply_adds
from pysketch.netdef import NetDef, Phase, load_netdef
from pysketch.parallel import ALONE, Communicator

RATE = 0.001
"""Adam's rate in phase train, of every contender; times each param's lr_mult."""


@dataclass(frozen=True)
class Job:
    """What is timed.

    phase "test": a forward pass of the net that draws (phase TEST, stage "deploy"); "train": forward, backward and an
    update by Adam of the net that learns (phase TRAIN). size: (width, height) of the input images instead of the
    netdef's; seed: of weights and inputs. device, math: where and how we compute, as on the command line; peers know
    only the CPU. layers: folders from which Python layers may be imported. backward: in phase "test", time the layers'
    backward as well. dtype: of our net's arrays; inputs and peers' are float32.
    """

    netdef: str
    phase: str = "test"
    batch: int = 1
    threads: int = 1
    seed: int = 0
    size: tuple[int, int] | None = None
    device: str = "cpu"
    math: str = "default"
    layers: tuple[str, ...] = ()
    backward: bool = True
    dtype: str = "float32"

    @property
    def where(self) -> str:
        """Who computes, for a report's first line: threads and compiled kernels, or the GPU and its math mode."""
        if self.device == "cpu":
            return f"{self.threads} threads, {describe().partition(':')[0]}"
        return f"{self.device}, math mode {self.math}"


def build(job: Job, device: Device = CPU, communicator: Communicator = ALONE) -> tuple[Net, dict[str, np.ndarray]]:
    """The net of a job, and an array for each of its inputs, by name; both depend on nothing but the job.

    communicator: the processes that train it together.

    Inputs are random, uniform: images in 0..1 (around 0 the gradients of weights would be sums that cancel, and
    contenders' rounding errors would look large), the sketches of a PhotoSketchData layer in 0..255. Other data layers
    read their files. NetdefError for a net without layers, or to train without a loss.
    """
    netdef = load_netdef(job.netdef)
    phase, stages = (Phase.TEST, DEPLOY) if job.phase == "test" else (Phase.TRAIN, ())
    net, feeds = build_without_data(
        netdef,
        phase,
        stages,
        Context(
            device,
            np.dtype(job.dtype).type,
            seed=job.seed,
            workers=Workers(job.threads),
            layer_paths=job.layers,
            communicator=communicator,
        ),
        batch=job.batch,
        size=job.size,
        keep=() if job.phase == "test" else None,
    )
    if not net.layers:
        stage = ', stage "deploy"' if stages else ""
        raise NetdefError(f"{netdef.filename}: has no layers in phase {phase.name}{stage}: nothing to time")
    if job.phase == "train" and not net.loss_weights:
        raise NetdefError(f"{netdef.filename}: has no loss in phase TRAIN: nothing to learn")
    rng = np.random.default_rng(job.seed)
    arrays = {name: rng.uniform(*feed.limits, feed.shape).astype(np.float32) for name, feed in feeds.items()}
    return net, {name: arrays[name] for name in net.inputs}


def build_backward(net: Net) -> Net:
    """A drawing job's net once more, with the same params, that runs backward: it keeps all of its blobs.

    A net without a loss gets one: the sum of its outputs.
    """
    netdef = net.netdef if net.loss_weights else _with_loss(net.netdef, net.outputs)
    shapes = {name: net.blobs[name].shape for name in net.inputs}
    twin = Net(netdef, net.phase, net.context, stages=DEPLOY, input_shapes=shapes)
    twin.share_with(net)
    return twin


def _with_loss(netdef: NetDef, outputs: list[str]) -> NetDef:
    """The same with a loss_weight of 1 for each output, where it is written last."""
    last = {name: definition for definition in netdef.layers for name in definition.top}
    layers = []
    for definition in netdef.layers:
        weights = tuple(float(name in outputs and last[name] is definition) for name in definition.top)
        layers.append(replace(definition, loss_weight=weights) if any(weights) else definition)
    return replace(netdef, layers=tuple(layers))


def layer_flops(layer: Layer, bottom: list[Blob], top: list[Blob], down: list[bool]) -> tuple[int, int]:
    """(forward, backward) operations: two for each of `net.multiply_adds`; (0, 0) where those are not counted."""
    forward = forward_multiply_adds(layer, bottom, top) or 0
    return 2 * forward, 2 * (backward_multiply_adds(layer, bottom, top, down) or 0)


def release_workspace(net: Net) -> None:
    """Forget what the layers' workspace has held, so that `workspace_bytes` counts anew."""
    net.context.workers.close()


def workspace_bytes(net: Net) -> int:
    """The bytes that layers have worked in, beside blobs and params, since `release_workspace`."""
    return net.context.workers.nbytes
