"""Algorithm 1 to the letter: the gradient of a large batch in the memory of a few of its items."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pysketch.device import Array, Blob
from pysketch.errors import NetdefError
from pysketch.layers import Share
from pysketch.net import Net
from pysketch.parallel import ALONE, Communicator


class MicroBatches:
    """Runs a net forward and backward as `Net` itself does, but `size` items of its batch at a time.

    The net's layers fall into three parts: the head has no bottoms (data); the tail mixes the items of
    a batch (losses, and what reads them); the body is what lies between and treats every item by itself.
    The joint loss looks at all pairs of a batch, so that the batch cannot simply be cut. Instead
    (Algorithm 1 of the paper): lines 4-6, the body runs over the batch in parts and only its outputs are
    kept; line 9, the tail gives the partial derivative for every output over the whole batch; lines
    10-11, the body runs again, part by part, forward and then backward from those derivatives, and
    the params' diffs add up. The sum is the whole batch's gradient; memory is that of `size` items, at
    the price of a second forward pass.

    communicator: the processes that share the batch. Each has its own items; they are cut where a process alone would
    cut the whole batch, and layers of chance are told so (`Share`).
    """

    def __init__(self, net: Net, size: int, communicator: Communicator = ALONE) -> None:
        self.net = net
        self.size = size
        self.communicator = communicator
        self.head, self.body, self.tail = self._parts()
        self._batch = 0
        self._states: list[list[dict[str, Any]]] = []
        made_by_head = {id(blob) for index in self.head for blob in net.tops[index]}
        made_by_body = {id(blob) for index in self.body for blob in net.tops[index]} - made_by_head
        self.sliced = unique(b for i in self.body for b in net.bottoms[i] if id(b) in made_by_head)
        self.gathered = unique(b for i in self.tail for b in net.bottoms[i] if id(b) in made_by_body)
        for blob, _ in net.loss_weights:
            if id(blob) in made_by_body:
                raise NetdefError(
                    f"{net.netdef.filename}: micro_batch: a loss_weight on a blob before the losses is not possible"
                )

    def forward_loss(self) -> Array:
        """Lines 4 to 6: the loss of the whole batch; the outputs that the losses read are kept, nothing else."""
        self.net.forward_layers(self.head)
        self.forward_body()
        self.net.forward_layers(self.tail)
        return self.net.loss()

    def backward(self) -> None:
        """Lines 8 to 12, after a forward: adds the whole batch's gradient to the params' diffs."""
        self.net.backward_layers(self.tail)
        self.backward_body()

    def forward_body(self) -> None:
        """Lines 4 to 6, up to the outputs."""
        wholes = [blob.data for blob in self.sliced]
        self._batch = self._count_items(wholes)
        self._states = []
        outputs: list[Array] = []
        for part, share in self._slices():
            self._states.append([self.net.layers[index].state() for index in self.body])
            self._forward_part(wholes, part, share)
            outputs = outputs or [self._whole_output(blob, part) for blob in self.gathered]
            for blob, whole in zip(self.gathered, outputs, strict=True):
                whole[part] = blob.data
        self._hold(wholes, outputs)

    def backward_body(self, done: Callable[[int], object] | None = None) -> None:
        """Lines 10 to 12, from the outputs' diffs. done: told of every layer whose params' diffs are complete."""
        wholes = [blob.data for blob in self.sliced]
        outputs = [blob.data for blob in self.gathered]
        diffs = [blob.diff for blob in self.gathered]
        for (part, share), states in zip(self._slices(), self._states, strict=True):
            self._restore(states)
            self._forward_part(wholes, part, share)
            for blob, diff in zip(self.gathered, diffs, strict=True):
                blob.hold_diff(diff[part])
            self.net.backward_layers(self.body, done if share.last else None)
        self._hold(wholes, outputs)
        for blob, diff in zip(self.gathered, diffs, strict=True):
            blob.hold_diff(diff)

    def _hold(self, wholes: list[Array], outputs: list[Array]) -> None:
        """Let the blobs at both ends of the body hold the whole batch, as its layers now may be given it."""
        for index in self.body:
            self.net.layers[index].share = Share(self.communicator)
        for blob, whole in zip((*self.gathered, *self.sliced), (*outputs, *wholes), strict=True):
            blob.hold_data(whole)

    def _parts(self) -> tuple[list[int], list[int], list[int]]:
        head, body, tail = [], [], []
        mixed: set[int] = set()
        for index, layer in enumerate(self.net.layers):
            bottoms, tops = self.net.bottoms[index], self.net.tops[index]
            if not bottoms:
                head.append(index)
            elif layer.mixes_batch or any(id(blob) in mixed for blob in bottoms):
                tail.append(index)
                mixed.update(id(blob) for blob in tops)
            else:
                body.append(index)
        return head, body, tail

    def _count_items(self, wholes: list[Array]) -> int:
        sizes = {whole.shape[0] if whole.ndim else 0 for whole in wholes}
        if len(sizes) != 1 or 0 in sizes:
            raise NetdefError(
                f"{self.net.netdef.filename}: micro_batch: the data blobs must have equally many items, "
                f"found {sorted(sizes)}"
            )
        return sizes.pop()

    def _slices(self) -> Iterator[tuple[slice, Share]]:
        """Where the parts stand in this process's items, and what they are of the whole batch."""
        own = self.communicator.own(self._batch)
        parts = -(-self._batch * self.communicator.size // self.size)
        first = own.start
        while first < own.stop:
            number, skipped = divmod(first, self.size)
            end = min((number + 1) * self.size, own.stop)
            share = Share(self.communicator, number, parts, skipped, last=end == own.stop)
            yield slice(first - own.start, end - own.start), share
            first = end

    def _forward_part(self, wholes: list[Array], part: slice, share: Share) -> None:
        for blob, whole in zip(self.sliced, wholes, strict=True):
            blob.hold_data(whole[part].copy())  # a copy, as an in-place layer may write into it
        for index in self.body:
            self.net.layers[index].share = share
        self.net.forward_layers(self.body)

    def _whole_output(self, blob: Blob, part: slice) -> Array:
        """Room for the whole batch of an output whose first part is there."""
        if not blob.shape or blob.shape[0] != part.stop - part.start:
            raise NetdefError(
                f"{self.net.netdef.filename}: micro_batch: a loss reads a blob of shape {blob.shape}; "
                f"expected {part.stop - part.start} items"
            )
        return blob.xp.empty((self._batch, *blob.shape[1:]), blob.dtype)

    def _restore(self, states: list[dict[str, Any]]) -> None:
        """Let the second forward pass draw the same chance numbers as the first."""
        for index, state in zip(self.body, states, strict=True):
            if state:
                self.net.layers[index].restore_state(state)


def unique(blobs: Iterator[Blob]) -> list[Blob]:
    """Each blob once."""
    return list({id(blob): blob for blob in blobs}.values())
