"""pycaffe's Net: pysketch's, called as pycaffe's is, with what pycaffe adds to it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pysketch.caffe.mode import mode
from pysketch.device import Array, to_host
from pysketch.layers import Context
from pysketch.net import Net as OurNet
from pysketch.netdef import NetDef, Phase

_WHEN = ("before forward", "after forward", "before backward", "after backward")

Batch = dict[str, np.ndarray]
"""Blob name -> as many items as the net's batch has."""


class Net(OurNet):
    """``Net(file, phase, level, stages, weights)`` or ``Net(file, weights, phase)``; see pysketch.Net.

    phase: TRAIN or TEST. level, stages, weights may be left out; all may be given by name. Other options are
    pysketch.Net's.
    """

    def __init__(
        self,
        network_file: NetDef | str | os.PathLike[str],
        *arguments: Any,
        phase: int | None = None,
        level: int | None = None,
        stages: Sequence[str] | None = None,
        weights: str | os.PathLike[str] | None = None,
        context: Context | None = None,
        **options: Any,
    ) -> None:
        files = [each for each in arguments if isinstance(each, str | os.PathLike)]
        others = [each for each in arguments if not isinstance(each, str | os.PathLike)]
        if len(files) > 1 or len(others) > 4:
            raise TypeError(f"a net takes a phase, level, stages and weights; found {len(arguments)} arguments")
        by_name = dict(zip(("phase", "level", "stages", "weights"), (phase, level, stages, weights), strict=True))
        by_name |= dict(zip(by_name, others, strict=False)) | ({"weights": files[0]} if files else {})
        if by_name["phase"] is None:
            raise TypeError("a net needs a phase: caffe.TRAIN or caffe.TEST")
        self._calls: dict[str, list[Callable[[int], Any]]] = {when: [] for when in _WHEN}
        stages = [by_name["stages"]] if isinstance(by_name["stages"], str) else by_name["stages"] or ()
        super().__init__(
            network_file,
            Phase(by_name["phase"]),
            context or mode.context(),
            level=by_name["level"],
            stages=stages,
            weights=by_name["weights"],
            **options,
        )

    @property
    def top_names(self) -> dict[str, list[str]]:
        """Layer name -> the names of its tops."""
        return {layer.name: list(layer.definition.top) for layer in self.layers}

    @property
    def bottom_names(self) -> dict[str, list[str]]:
        """Layer name -> the names of its bottoms."""
        return {layer.name: list(layer.definition.bottom) for layer in self.layers}

    @property
    def blob_loss_weights(self) -> dict[str, float]:
        """Blob name -> its weight in the loss."""
        weights = {id(blob): weight for blob, weight in self.loss_weights}
        return {name: weights.get(id(blob), 0.0) for name, blob in self.blobs.items()}

    @property
    def _layer_names(self) -> list[str]:
        return [layer.name for layer in self.layers]

    @property
    def _blob_names(self) -> list[str]:
        return list(self.blobs)

    def forward(
        self, blobs: Sequence[str] | None = None, start: str | None = None, end: str | None = None, **inputs: Array
    ) -> dict[str, Array]:
        """As pysketch's: run the layers from start to end; name -> data of the outputs and of `blobs`."""
        return super().forward(blobs or (), start, end, **inputs)

    def backward(
        self, diffs: Sequence[str] | None = None, start: str | None = None, end: str | None = None, **top_diffs: Array
    ) -> dict[str, Array]:
        """As pysketch's: run backward from start down to end; name -> diff of the inputs and of `diffs`."""
        return super().backward(diffs or (), start, end, **top_diffs)

    def _forward(self, start: int, end: int) -> float:
        """Run the layers of these indices, both included; the loss."""
        self.forward_layers(range(start, end + 1))
        return float(self.loss())

    def _backward(self, start: int, end: int) -> None:
        """Run backward from one index down to another, both included."""
        self.backward_layers(range(end, start + 1))

    def before_forward(self, call: Callable[[int], Any]) -> None:
        """Call this with each layer's index before its forward."""
        self._calls["before forward"].append(call)

    def after_forward(self, call: Callable[[int], Any]) -> None:
        """Call this with each layer's index after its forward."""
        self._calls["after forward"].append(call)

    def before_backward(self, call: Callable[[int], Any]) -> None:
        """Call this with each layer's index before its backward, whether it needs one or not."""
        self._calls["before backward"].append(call)

    def after_backward(self, call: Callable[[int], Any]) -> None:
        """Call this with each layer's index after its backward, whether it needs one or not."""
        self._calls["after backward"].append(call)

    def forward_layers(self, indices: Sequence[int]) -> None:
        """As pysketch's; one by one if something is to be called between them."""
        self._run(super().forward_layers, indices, "forward")

    def backward_layers(self, indices: Sequence[int]) -> None:
        """As pysketch's; one by one if something is to be called between them."""
        self._run(super().backward_layers, indices, "backward")

    def _run(self, run: Callable[[Sequence[int]], None], indices: Sequence[int], direction: str) -> None:
        before, after = (self._calls[f"{when} {direction}"] for when in ("before", "after"))
        if not before and not after:
            run(indices)
            return
        for index in indices if direction == "forward" else reversed(indices):
            for call in before:
                call(index)
            run([index])
            for call in after:
                call(index)

    def forward_all(self, blobs: Sequence[str] | None = None, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Run any number of items through the net, batch by batch; name -> all items of the outputs and of `blobs`.

        The last batch is filled up with zeros, whose outputs are left out. ValueError if inputs differ in length.
        """
        made = [_copied(self.forward(blobs, **batch)) for batch in self._batch(inputs)]
        return self._joined(made, _length(inputs))

    def forward_backward_all(
        self, blobs: Sequence[str] | None = None, diffs: Sequence[str] | None = None, **arrays: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Run any number of items forward and backward; (name -> data, name -> diff) as forward and backward give them.

        arrays: items of inputs, and diffs of outputs, by their names; either may be missing.
        """
        forwards = self._batch({name: arrays[name] for name in self.inputs if name in arrays})
        backwards = self._batch({name: arrays[name] for name in self.outputs if name in arrays})
        data, gradients = [], []
        for inputs, top_diffs in itertools.zip_longest(forwards, backwards, fillvalue={}):
            data.append(_copied(self.forward(blobs, **inputs)))
            gradients.append(_copied(self.backward(diffs, **top_diffs)))
        length = _length(arrays)
        return self._joined(data, length), self._joined(gradients, length)

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """What the net's MemoryData layer gives from now on: data (N, C, H, W), labels (N,) or (N, 1, 1, 1).

        RuntimeError for a net whose first layer takes no arrays.
        """
        layer = self.layers[0]
        if not hasattr(layer, "set_input_arrays"):
            raise RuntimeError(f"set_input_arrays: the first layer must be a MemoryData layer, found {layer.type}")
        labels = np.asarray(labels)
        layer.set_input_arrays(data, labels.reshape(-1, 1, 1, 1) if labels.ndim == 1 else labels)

    def save(self, path: str | os.PathLike[str], diffs: bool = False, attributes: dict[str, str] | None = None) -> None:
        """Write the weights in Caffe's binary format whatever the suffix, in HDF5 only if it is .h5."""
        super().save(path, diffs, attributes, binary=not os.fspath(path).endswith(".h5"))

    def _batch(self, arrays: Mapping[str, np.ndarray]) -> Iterator[Batch]:
        """The arrays in pieces as long as the net's batch, which is that of its first blob, the last one with zeros."""
        if not arrays:
            return
        size = next(iter(self.blobs.values())).num
        for start in range(0, _length(arrays), size):
            pieces = {name: np.asarray(array[start : start + size]) for name, array in arrays.items()}
            yield {
                name: np.concatenate([piece, np.zeros((size - len(piece), *piece.shape[1:]), piece.dtype)])
                for name, piece in pieces.items()
            }

    def _joined(self, batches: Sequence[Batch], length: int) -> dict[str, np.ndarray]:
        """The batches' arrays one after the other, without what the filling up has added."""
        size = next(iter(self.blobs.values())).num
        made = {name: np.concatenate([np.atleast_1d(batch[name]) for batch in batches]) for name in batches[0]}
        return {name: array[:length] if len(array) == size * len(batches) else array for name, array in made.items()}


def _copied(blobs: Mapping[str, Array]) -> Batch:
    return {name: to_host(array).copy() for name, array in blobs.items()}


def _length(arrays: Mapping[str, np.ndarray]) -> int:
    """How many items all of the arrays have."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        found = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "none"
        raise ValueError(f"expected arrays of equally many items, one at least; found {found}")
    return next(iter(lengths.values()))
