"""One batch, many processes: each runs the net on its share, and all get the gradient that one would have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pysketch.device import Array, Blob
from pysketch.errors import NetdefError
from pysketch.layers import BatchData, Share
from pysketch.net import Net
from pysketch.parallel import Communicator
from pysketch.solver.micro_batch import MicroBatches, unique

CHUNK = 256 << 10
"""Bytes of gradient that are summed at a time, at least: enough that what an exchange itself costs is little."""


class SharedBatches:
    """Runs a net forward and backward as `Net` itself does, but only this process's share of the batch.

    As in `MicroBatches` the layers fall into parts. The head has no bottoms: data layers that can (`BatchData`) make
    this process's share, the others the whole batch, of which the share is cut. The body treats every item by itself,
    or takes its sums over all processes (BatchNorm): it runs on the share. The tail mixes the items (losses, and what
    reads them): what it reads is gathered from all processes, so that each has the loss of the whole batch, and takes
    of its gradient what belongs to the own items (equation 3: over all pairs in which they are). With micro_batch the
    body runs over the share in parts; the middle, from a BatchNorm to the tail, does not.

    The params' diffs are then summed over the processes, in rank order, in chunks that start as soon as the layers
    behind them are done; of the tail, where every process has the whole gradient, that of the first one counts. This
    is done once in `passes` calls of backward (iter_size).
    """

    def __init__(self, net: Net, communicator: Communicator, micro_batch: int = 0, passes: int = 1) -> None:
        self.net = net
        self.communicator = communicator
        self.passes = passes
        self._backwards = 0
        self._micro = MicroBatches(net, micro_batch, communicator) if micro_batch else None
        self.head, self.body, self.middle, self.tail = self._parts()
        made_by_tail = self._made_by(self.tail)
        for blob, _ in net.loss_weights:
            if id(blob) not in made_by_tail:
                raise self._error("a loss_weight on a blob before the losses is not possible")
        undivided = []
        for index in self.head:
            layer = net.layers[index]
            if isinstance(layer, BatchData):
                layer.divide(communicator)
            else:
                undivided.append(index)
        whole, shared = self._made_by(undivided), (*self.body, *self.middle)
        for index in shared:
            net.layers[index].share = Share(communicator)
        self._cuttable = unique(b for i in shared for b in net.bottoms[i] if id(b) in whole)
        made_by_head = self._made_by(self.head)
        read = [b for i in self.tail for b in net.bottoms[i] if id(b) not in made_by_tail | whole]
        read += [b for i in shared for b in net.tops[i] if any(b is net.blobs[name] for name in net.outputs)]
        self.labels = unique(blob for blob in read if id(blob) in made_by_head)
        self.gathered = unique(blob for blob in read if id(blob) not in made_by_head)
        self._direct = [i for i in self.tail if not any(id(blob) in made_by_tail for blob in net.bottoms[i])]
        self._shares: list[Array] = []

    def forward_loss(self) -> Array:
        """The loss of the whole batch, in every process."""
        net = self.net
        for blob, share in zip(self.gathered, self._shares, strict=False):
            blob.hold_data(share)  # its memory serves again
        net.forward_layers(self.head)
        wholes = self._cut()
        if self._micro:
            self._micro.forward_body()
        else:
            net.forward_layers(self.body)
        net.forward_layers(self.middle)
        self._shares = [blob.data for blob in self.gathered]
        self._gather()
        self._hold(self._cuttable, wholes)
        for index in self._direct:
            shape = net.bottoms[index][0].shape
            net.layers[index].own = self.communicator.own(shape[0] // self.communicator.size) if shape else None
        net.forward_layers(self.tail)
        return net.loss()

    def backward(self) -> None:
        """After a forward: adds the whole batch's gradient to the params' diffs, in the last of `passes` calls."""
        net = self.net
        self._backward_tail()
        self._backwards = (self._backwards + 1) % self.passes
        done = None if self._backwards else self._begin_sums()
        wholes = [blob.data for blob in self.gathered]
        diffs = [blob.diff for blob in self.gathered]
        self._hold(self.gathered, self._shares)
        for blob, share, diff in zip(self.gathered, self._shares, diffs, strict=True):
            blob.hold_diff(diff[self.communicator.own(len(share))])
        inputs = self._cut()
        net.backward_layers(self.middle, done)
        if self._micro:
            self._micro.backward_body(done)
        else:
            net.backward_layers(self.body, done)
        self._hold(self.gathered, wholes)
        for blob, diff in zip(self.gathered, diffs, strict=True):
            blob.hold_diff(diff)
        self._hold(self._cuttable, inputs)
        self.communicator.finish()

    def _parts(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Head, body, middle and tail."""
        parts: tuple[list[int], ...] = [], [], [], []
        head, body, middle, tail = parts
        mixed: set[int] = set()
        for index, layer in enumerate(self.net.layers):
            bottoms = self.net.bottoms[index]
            if not bottoms:
                head.append(index)
            elif (layer.mixes_batch and not layer.spans_processes) or any(id(blob) in mixed for blob in bottoms):
                tail.append(index)
                mixed.update(id(blob) for blob in self.net.tops[index])
            elif self._micro is None or index in self._micro.body:
                body.append(index)
            else:
                middle.append(index)
        return head, body, middle, tail

    def _made_by(self, indices: list[int]) -> set[int]:
        return {id(blob) for index in indices for blob in self.net.tops[index]}

    def _cut(self) -> list[Array]:
        """Let the blobs of data layers that make the whole batch hold this process's share; what they held."""
        wholes, size = [blob.data for blob in self._cuttable], self.communicator.size
        for blob, whole in zip(self._cuttable, wholes, strict=True):
            if not whole.ndim or whole.shape[0] % size:
                raise self._error(f"a data blob of shape {whole.shape} cannot be shared out among them")
            blob.hold_data(whole[self.communicator.own(whole.shape[0] // size)].copy())
        return wholes

    def _gather(self) -> None:
        """Let the blobs that the tail reads hold the whole batch; those of one memory are gathered once."""
        blobs = [*self.labels, *self.gathered]
        wholes: dict[int, Array] = {}
        for blob in blobs:
            if not blob.shape:
                raise self._error("a loss reads a blob of shape (); expected items")
            if id(blob.place) not in wholes:
                wholes[id(blob.place)] = self.communicator.all_gather(blob.data)
        for blob in blobs:
            shape = self.communicator.size * blob.shape[0], *blob.shape[1:]
            blob.hold_data(wholes[id(blob.place)].reshape(shape))

    def _hold(self, blobs: list[Blob], arrays: list[Array]) -> None:
        for blob, array in zip(blobs, arrays, strict=True):
            blob.hold_data(array)

    def _backward_tail(self) -> None:
        """The losses' part; its params' diffs are every process's whole gradient, of which the first one's counts."""
        params = unique(blob for index in self.tail for blob in self.net.layers[index].blobs)
        kept = [blob.diff.copy() for blob in params] if self.communicator.rank else []
        self.net.backward_layers(self.tail)
        for blob, diff in zip(params, kept, strict=False):
            blob.diff[...] = diff

    def _begin_sums(self) -> Callable[[int], None]:
        """Begin to sum what no layer adds to any more; the result, told which layer is done, goes on with it."""
        waiting = list(self.chunks())
        for diff, layers in waiting:
            if not layers:
                self.communicator.begin_all_reduce(diff)

        def done(index: int) -> None:
            for diff, layers in waiting:
                if index in layers:
                    layers.discard(index)
                    if not layers:
                        self.communicator.begin_all_reduce(diff)

        return done

    def chunks(self) -> Iterator[tuple[Array, set[int]]]:
        """Pieces of the gradient, and which layers still add to each."""
        users: dict[int, set[int]] = {}
        for index in (*self.body, *self.middle):
            for blob in self.net.layers[index].blobs if self.net.needs_backward[index] else ():
                users.setdefault(id(blob.place), set()).add(index)
        for diff, params in self.net.learnable.chunks(CHUNK):
            if params[0].lr_mult != 0 or self.net.netdef.force_backward:
                yield diff, set().union(*(users.get(id(param.blob.place), set()) for param in params))

    def _error(self, message: str) -> NetdefError:
        return NetdefError(f"{self.net.netdef.filename}: {self.communicator.size} processes: {message}")
