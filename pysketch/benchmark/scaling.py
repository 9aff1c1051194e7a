"""How long a training step of several processes takes, on paper: from operations, bytes, messages and latency.

What is exchanged follows from the code (`parallel.Communicator`, `solver.SharedBatches`) and is counted here to the
message and the byte; tests hold these counts against recorded exchanges. With N processes, one of which has b = B / N
pairs of a batch of B, and pictures of P pixels:

    forward     of its b pairs
    gathering   an all_gather of the predictions and one of the sketches; nothing goes on behind it
    losses      equation 3 for the own predictions against all sketches, forward and backward, and one exchange of sums
    backward    of its b pairs; behind it the gradient's chunks are summed, one after the other, each beginning when the
                layers that add to it are done
    summing     what is left of that when backward has ended
    update      of all params, in every process

An all_gather sends a process's part to every other one, and an all_reduce of n bytes sends of its array a piece of
n / N to every other one and then the summed own piece to every other one: 2 (N - 1) messages of n / N bytes (of 4096
numbers or fewer: the array, once). An exchange takes

    latency + (messages - 1) message + bytes / bandwidth          (after LogGP; Alexandrov et al., SPAA 1995)

with the bytes that one process sends, as many as it receives at the same time. Switches are assumed never to be the
bottleneck, and nobody to wait for anybody: what is left out makes the truth larger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pysketch.benchmark.fed_batches import feed_batches
from pysketch.benchmark.nets import Job, build, layer_flops
from pysketch.benchmark.work import ITEM, Work, net_work
from pysketch.parallel import SMALL, Communicator
from pysketch.solver import SharedBatches

JOINT = "GenerativeDiscriminativeLoss"
"""The loss whose own work grows with the whole batch; that of others is left out."""

ADAM = 8
"""How often a param's bytes move in a step: w, g, m and v are read, w, m and v written, and g is cleared."""


@dataclass(frozen=True)
class Exchange:
    """What a process sends in one exchange: so many messages, bytes in all; it receives as much."""

    messages: int
    nbytes: int


def all_gather(size: int, nbytes: int) -> list[Exchange]:
    """The exchanges of `Communicator.all_gather` of nbytes of each process."""
    return [Exchange(size - 1, (size - 1) * nbytes)] if size > 1 and nbytes else []


def all_reduce(size: int, count: int) -> list[Exchange]:
    """The exchanges of `Communicator.all_reduce` of so many numbers, as process 0 has them: its piece is never larger.

    Of a piece without numbers there is no message.
    """
    if size == 1 or not count:
        return []
    if count <= SMALL:
        return all_gather(size, ITEM * count)
    own = count // size
    return [Exchange(size - 1, ITEM * (count - own)), Exchange(size - 1, ITEM * own * (size - 1))]


@dataclass(frozen=True)
class Link:
    """What carries the bytes: seconds of one message, of every further one of an exchange, and bytes/s each way."""

    latency: float
    message: float
    bandwidth: float

    def seconds(self, exchanges: Sequence[Exchange]) -> float:
        """Of exchanges one after the other."""
        each = (self.latency + (x.messages - 1) * self.message + x.nbytes / self.bandwidth for x in exchanges)
        return sum(each)


@dataclass(frozen=True)
class Chunk:
    """So many numbers of the gradient, complete when all of these layers have run backward."""

    count: int
    layers: frozenset[int]


@dataclass(frozen=True)
class Plan:
    """What a training step of a net does for one pair, and what it exchanges.

    flops: (forward, backward) of each layer, of the direct algorithm. works: of each layer's forward on a GPU.
    gathered: bytes of a pair, of each array that is gathered. pixels: of a picture that the joint loss reads; 0
    without one. sums: numbers of the joint loss's all_reduce. chunks: of the gradient. params: how many numbers.
    """

    name: str
    flops: tuple[tuple[int, int], ...]
    works: tuple[Work, ...]
    gathered: tuple[int, ...]
    pixels: int
    sums: int
    chunks: tuple[Chunk, ...]
    params: int

    @property
    def pair_flops(self) -> int:
        """Forward and backward of all layers."""
        return sum(map(sum, self.flops))


class _Two(Communicator):
    """Two processes on paper, of which one is asked what it would exchange."""

    size = 2


def plan(job: Job) -> Plan:
    """The plan of a job's training net; its batch does not matter."""
    net, arrays = build(replace(job, batch=_Two.size))
    feed_batches(net, arrays)
    batches = SharedBatches(net, _Two())
    places = {id(blob.place): blob for blob in (*batches.labels, *batches.gathered)}
    joint = [net.bottoms[i] for i in batches.tail if net.layers[i].type == JOINT]
    down = zip(net.layers, net.bottoms, net.tops, net.propagate_down, net.needs_backward, strict=True)
    flops = [layer_flops(*parts) if needs else (layer_flops(*parts)[0], 0) for *parts, needs in down]
    return Plan(
        net.name,
        tuple((forward // _Two.size, backward // _Two.size) for forward, backward in flops),
        tuple(net_work(net, gpu=True, fused=True)),
        tuple(ITEM * math.prod(blob.shape[1:]) for blob in places.values()),
        math.prod(joint[0][0].shape[1:]) if joint else 0,
        2 if joint else 0,
        tuple(Chunk(diff.size, frozenset(layers)) for diff, layers in batches.chunks()),
        sum(param.blob.count for param in net.learnable),
    )


@dataclass(frozen=True)
class Processor:
    """What a process computes with.

    rates: direct FLOP/s that a training step reached, by net; on a GPU None: `work` and the peaks say how long layers
    take. flops, bandwidth: FLOP/s of large products and bytes/s of copies (read and written). launch: seconds of the
    host for one kernel; 0 on a CPU. gpu: which of the joint loss's two ways it goes.
    """

    name: str
    flops: float
    bandwidth: float
    rates: dict[str, float] | None = None
    launch: float = 0.0

    @property
    def gpu(self) -> bool:
        """Whether it is one."""
        return self.rates is None

    def layers(self, plan: Plan, pairs: float) -> list[tuple[float, float]]:
        """Seconds of (forward, backward) of each layer, of so many pairs.

        On a GPU backward takes as many times forward's as it has its operations, of layers without any once.
        """
        if self.rates:
            rate = self.rates[plan.name]
            return [(pairs * forward / rate, pairs * backward / rate) for forward, backward in plan.flops]
        found = []
        for work, (forward, backward) in zip(plan.works, plan.flops, strict=True):
            times = backward / forward if forward else 1
            seconds = max(pairs * work.seconds(self.flops, self.bandwidth), self.launch * work.launches)
            found.append((seconds, times * seconds))
        return found

    def joint_loss(self, plan: Plan, pairs: float, batch: float) -> float:
        """Seconds of the joint loss, forward and backward, of the own pairs among a batch.

        On a CPU, twice: the distances, 2 B b P operations, for which the sketches (B P numbers) are read or written
        7 times and the own predictions 6 times; once: the product of Algorithm 1 with all sketches, 2 B b P and one
        more reading, and 20 times the own predictions. On a GPU `exponentials` makes the distances of all 2 B pictures
        with each other, 8 B^2 P operations, and reads or writes their 2 B P numbers 3 times: in every process.
        """
        numbers, own = batch * plan.pixels, pairs * plan.pixels
        if self.gpu:
            flops = 2 * 8 * batch * numbers + 2 * pairs * numbers
            moved = 2 * 3 * 2 * numbers + numbers + 20 * own
        else:
            flops = 3 * 2 * pairs * numbers
            moved = 2 * (7 * numbers + 6 * own) + numbers + 20 * own
        return flops / self.flops + ITEM * moved / self.bandwidth


@dataclass(frozen=True)
class Step:
    """Seconds of a step's parts."""

    computing: float
    gathering: float
    losses: float
    summing: float
    update: float

    @property
    def total(self) -> float:
        """Of the whole step."""
        return self.computing + self.gathering + self.losses + self.summing + self.update


def step(plan: Plan, size: int, batch: int, processor: Processor, link: Link) -> Step:
    """A training step of `size` processes that share a batch."""
    pairs = batch / size
    layers = processor.layers(plan, pairs)
    gathering = sum(link.seconds(all_gather(size, round(pairs * nbytes))) for nbytes in plan.gathered)
    losses = processor.joint_loss(plan, pairs, batch) + link.seconds(all_reduce(size, plan.sums))
    backward = sum(seconds for _, seconds in layers)
    return Step(
        sum(map(sum, layers)),
        gathering,
        losses,
        max(0.0, _summed(plan, size, layers, link) - backward),
        ADAM * ITEM * plan.params / processor.bandwidth,
    )


def measured(name: str, flops: float, bandwidth: float, alone: Sequence[tuple[Plan, int, float]]) -> Processor:
    """The CPU that takes, for a step of a plan's net alone, of so many pairs, so many seconds.

    What the losses and the update take of them, by the model, is not the layers'.
    """
    rates = {}
    for plan, pairs, seconds in alone:
        free = Processor(name, flops, bandwidth, {plan.name: math.inf})
        rest = step(plan, 1, pairs, free, Link(0, 0, math.inf)).total
        rates[plan.name] = pairs * plan.pair_flops / max(seconds - rest, 1e-9)
    return Processor(name, flops, bandwidth, rates)


def _summed(plan: Plan, size: int, layers: Sequence[tuple[float, float]], link: Link) -> float:
    """When the last chunk is summed, in seconds after backward has begun."""
    ends = np.cumsum([backward for _, backward in reversed(layers)])[::-1]  # when each layer has run backward
    done = 0.0
    for ready, chunk in sorted(((max((ends[k] for k in c.layers), default=0.0), c) for c in plan.chunks), key=_ready):
        done = max(done, ready) + link.seconds(all_reduce(size, chunk.count))
    return float(done)


def _ready(each: tuple[float, Chunk]) -> float:
    return each[0]
