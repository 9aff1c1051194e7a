"""The nets that tools/benchmark.py times: a netdef's drawing net, or its training net fed with arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pysketch.backend import CPU, Device
from pysketch.blob import Blob
from pysketch.errors import NetdefError
from pysketch.layer import Context, Layer, layer_class
from pysketch.layers.convolution import Convolution
from pysketch.layers.input import Input
from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.net import Net
from pysketch.netdef import LayerDef, NetDef, Phase, load_netdef
from pysketch.sketcher import DEPLOY
from pysketch.workers import Workers

RATE = 0.001
"""Adam's rate in phase train, of every contender; times each param's lr_mult."""

_FEATURES, _GREYS = (0.0, 1.0), (0.0, 255.0)


@dataclass(frozen=True)
class Job:
    """What is timed.

    phase "test": a forward pass of the net that draws (phase TEST, stage "deploy"); "train": forward, backward and an
    update by Adam of the net that learns (phase TRAIN). size: (width, height) of the input images instead of the
    netdef's; seed: of weights and inputs. device, math: where and how we compute, as on
    the command line; peers know only the CPU.
    """

    netdef: str
    phase: str = "test"
    batch: int = 1
    threads: int = 1
    seed: int = 0
    size: tuple[int, int] | None = None
    device: str = "cpu"
    math: str = "default"


@dataclass(frozen=True)
class Feed:
    """The shape of an input blob, and what its elements lie between."""

    shape: tuple[int, ...]
    limits: tuple[float, float]


def build(job: Job, device: Device = CPU) -> tuple[Net, dict[str, np.ndarray]]:
    """The net of a job, and an array for each of its inputs, by name; both depend on nothing but the job.

    Inputs are random, uniform: images in 0..1 (around 0 the gradients of weights would be sums that cancel, and
    contenders' rounding errors would look large), the sketches of a PhotoSketchData layer in 0..255. NetdefError for a
    data layer that needs its files to know its shapes, for a net without inputs, or to train without a loss.
    """
    netdef = load_netdef(job.netdef)
    phase, stages = (Phase.TEST, DEPLOY) if job.phase == "test" else (Phase.TRAIN, ())
    selected = netdef.select(netdef.resolve_state(phase, stages=stages))
    feeds = _feeds(selected, job)
    if not feeds:
        stage = ', stage "deploy"' if stages else ""
        raise NetdefError(f"{netdef.filename}: has no inputs in phase {phase.name}{stage}: nothing to time")
    net = Net(
        replace(selected, layers=tuple(_fed(definition) for definition in selected.layers)),
        phase,
        stages=stages,
        seed=job.seed,
        input_shapes={name: feed.shape for name, feed in feeds.items()},
        workers=Workers(job.threads),
        device=device,
        keep=() if job.phase == "test" else None,
    )
    if job.phase == "train" and not net.loss_weights:
        raise NetdefError(f"{netdef.filename}: has no loss in phase TRAIN: nothing to learn")
    rng = np.random.default_rng(job.seed)
    arrays = {name: rng.uniform(*feed.limits, feed.shape).astype(np.float32) for name, feed in feeds.items()}
    return net, {name: arrays[name] for name in net.inputs}


def layer_flops(layer: Layer, bottom: list[Blob], top: list[Blob], down: list[bool]) -> tuple[int, int]:
    """(forward, backward) operations of a convolution on the direct algorithm, biases not counted; else (0, 0).

    Forward: 2 O (C / group) kh kw H' W' N. Backward as much for dW, and as much for every bottom's dx that is
    asked for, whatever an engine really does.
    """
    if not isinstance(layer, Convolution):
        return 0, 0
    per_output = 2 * int(np.prod(layer.blobs[0].shape[1:]))
    forward = [per_output * y.count for y in top]
    gradients = (int(layer.param_propagate_down[0]) + int(wanted) for wanted in down)
    return sum(forward), sum(flops * times for flops, times in zip(forward, gradients, strict=True))


def engine_name(layer: Layer) -> str | None:
    """What the netdef calls the engine of a convolution; None for other layers."""
    if not isinstance(layer, Convolution):
        return None
    return layer.engine.name


def release_workspace(net: Net) -> None:
    """Forget what the layers' workspace has held, so that `workspace_bytes` counts anew."""
    net.context.workers.close()


def workspace_bytes(net: Net) -> int:
    """The bytes that layers have worked in, beside blobs and params, since `release_workspace`."""
    return net.context.workers.nbytes


def _feeds(netdef: NetDef, job: Job) -> dict[str, Feed]:
    """Every input by name: its own shape, with the job's batch, and larger or smaller as the job's size says."""
    feeds: dict[str, Feed] = {}
    for definition in netdef.layers:
        if not definition.bottom:
            feeds.update(zip(definition.top, _own_feeds(definition), strict=True))
    own = next((feed.shape[2:] for feed in feeds.values() if len(feed.shape) == 4), None)
    grow = (job.size[1] - own[0], job.size[0] - own[1]) if job.size and own else (0, 0)
    return {name: replace(feed, shape=_resized(feed.shape, job.batch, grow)) for name, feed in feeds.items()}


def _resized(shape: tuple[int, ...], batch: int, grow: tuple[int, int]) -> tuple[int, ...]:
    """Another batch; images larger by (rows, columns): a sketch grows by as many pixels as its photo."""
    if len(shape) != 4:
        return (batch, *shape[1:])
    return batch, shape[1], max(0, shape[2] + grow[0]), max(0, shape[3] + grow[1])


def _own_feeds(definition: LayerDef) -> list[Feed]:
    """What a layer without bottoms gives, as its netdef says."""
    layer = layer_class(definition, Context())
    if layer is PhotoSketchData:
        options = PhotoSketchData.read_options(definition)
        photo = 1, 5 if options.xy else 3, options.photo_height, options.photo_width
        return [Feed(photo, _FEATURES), Feed((1, 1, options.sketch_height, options.sketch_width), _GREYS)]
    if layer is not Input:
        raise definition.error(f"a benchmark can feed Input and PhotoSketchData layers, not {layer.type}")
    shapes = [tuple(shape.dim) for shape in Input.read_options(definition).shape]
    if len(shapes) not in (1, len(definition.top)) or not all(shapes):
        raise definition.error("a benchmark needs the shape of every input: one for each top, or one for all")
    return [Feed(shape, _FEATURES) for shape in shapes * (len(definition.top) if len(shapes) == 1 else 1)]


def _fed(definition: LayerDef) -> LayerDef:
    """A data layer as an Input layer; every other layer as it is."""
    return definition if definition.bottom else replace(definition, type="Input", sections={})
