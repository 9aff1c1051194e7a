"""The net: layers and blobs put together as a netdef says, run forward and backward."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pysketch.device import Array, Blob, copy_into
from pysketch.errors import NetdefError, ShapeError, did_you_mean
from pysketch.layers import Context, Filling, Layer, check_sections, layer_class, unread_sections
from pysketch.net.backward_plan import plan_backward
from pysketch.net.debug_info import log_backward, log_forward, log_params
from pysketch.net.flat_params import FlatParams
from pysketch.net.fusion import plan_fusion
from pysketch.net.lifetimes import Slots, find_lifetimes
from pysketch.net.params import fill_all_diffs, gather_params
from pysketch.net.splits import insert_splits, unread_tops
from pysketch.net.weights import copy_weights, save_weights, stored_params
from pysketch.netdef import AUTOMATIC, LayerDef, NetDef, Phase, load_netdef, told_apart
from pysketch.weights import check_weights

logger = logging.getLogger(__name__)


class Net:
    """A net in one phase.

    netdef: a NetDef or the path of a netdef file. context: where and how to work; default: in float32 on the CPU.
    level, stages: choose layers by include and exclude. weights: a weights or net file to start from. input_shapes:
    blob name -> shape, for Input layers, instead of the netdef's. debug_info: log every blob's mean magnitude.
    keep: names of the blobs that can be read after a forward, besides inputs, outputs and losses; default: all.
    The others then share memory (see `lifetimes`; `slots` holds it): for phase TEST, without backward. A part of the
    layers still runs if those before it have just run; to read what was given back is a ValueError.

    blobs: name -> Blob, in the order they are made. params: layer name -> its Blobs; of several layers of one name the
    last one's, as in pycaffe. inputs: tops of Input layers. outputs: tops that no layer reads, in alphabetical order.
    learnable: every Param once.

    Raises NetdefError, ShapeError, DataError, SnapshotError: one line with the place in the netdef.
    """

    def __init__(
        self,
        netdef: NetDef | str | os.PathLike[str],
        phase: Phase = Phase.TEST,
        context: Context | None = None,
        *,
        level: int | None = None,
        stages: Sequence[str] = (),
        weights: str | os.PathLike[str] | None = None,
        input_shapes: Mapping[str, tuple[int, ...]] | None = None,
        debug_info: bool = False,
        keep: Sequence[str] | None = None,
    ) -> None:
        if weights is not None:
            check_weights(weights)  # before data layers read what may be much
        self.netdef = netdef if isinstance(netdef, NetDef) else load_netdef(netdef)
        self.name = self.netdef.name
        self.phase = Phase(phase)
        self.context = context or Context()
        self.dtype = np.dtype(self.context.dtype)
        self.debug_info = debug_info or self.netdef.debug_info
        filling = Filling(self.context.seed, later=weights is not None)
        self.state = self.netdef.resolve_state(self.phase, level, tuple(stages))
        self.blobs: dict[str, Blob] = {}
        self.layers: list[Layer] = []
        self.bottoms: list[list[Blob]] = []
        self.tops: list[list[Blob]] = []
        self.loss_weights: list[tuple[Blob, float]] = []
        definitions = self._definitions()
        for definition in definitions:
            self._append(definition, input_shapes or {}, filling)
        self.params = {layer.name: layer.blobs for layer in self.layers if layer.blobs}
        self._warn_of_one_name()
        self.learnable = FlatParams(gather_params(self.layers))
        self.inputs = [name for d in definitions if d.type == "Input" for name in d.top]
        self.outputs = unread_tops(definitions)
        plan = plan_backward(self.layers, self.netdef.force_backward)
        if self.netdef.force_backward:
            fill_all_diffs(self.layers)
        self.needs_backward, self.propagate_down = plan.needs_backward, plan.propagate_down
        self._warn_of_flaws_in_place()
        self.fusion = plan_fusion(self.layers, self.bottoms, self.tops, plan)
        self.slots = self._plan_slots(keep)
        if weights is not None:
            copy_weights(weights, stored_params(self.layers), filling.finish)

    def forward(
        self, blobs: Sequence[str] = (), start: str | None = None, end: str | None = None, **inputs: Array
    ) -> dict[str, Array]:
        """Run the layers from `start` to `end`, both included (default: all); name -> data of outputs and `blobs`.

        inputs: arrays for the net's inputs, whose shapes these take. With `end` the outputs are that layer's tops.
        What is returned is the blobs' own memory, on a GPU CuPy's. ValueError for names that the net does not have;
        ShapeError for shapes that do not fit, after which the net has its old ones.
        """
        first, last = self._find_layers(start, end)
        before = {name: self.blobs[name].shape for name in inputs if name in self.inputs}
        self._fill_inputs(inputs)
        try:
            self.forward_layers(range(first, last + 1))
        except ShapeError:  # the net goes on as it was
            for name, shape in before.items():
                self.blobs[name].reshape(shape)
            self.reshape()
            raise
        names = self.outputs if end is None else self.layers[last].definition.top
        return {name: self._find_blob(name).data for name in (*names, *blobs)}

    def forward_loss(self) -> Array:
        """Run all layers and return the loss: a float, on a GPU an array of shape ()."""
        self.forward_layers(range(len(self.layers)))
        return self.loss()

    def backward(
        self, diffs: Sequence[str] = (), start: str | None = None, end: str | None = None, **top_diffs: Array
    ) -> dict[str, Array]:
        """Run backward from layer `start` (default: the last) down to `end`, both included; adds to params' diffs.

        top_diffs: gradients of outputs, by name, as if a loss had them; losses start from their loss_weight. Returns
        name -> diff of the inputs, or of the bottoms of `end`, and of `diffs`: 0 where backward had nothing to do.
        """
        last, first = self._find_layers(end, start)
        self._fill_diffs(top_diffs)
        self.backward_layers(range(last, first + 1))
        if self.debug_info:
            log_params(self.learnable)
        names = self.inputs if end is None else self.layers[last].definition.bottom
        return {name: self._find_blob(name).diff for name in (*names, *diffs)}

    @property
    def layer_dict(self) -> dict[str, Layer]:
        """Name -> layer."""
        return {layer.name: layer for layer in self.layers}

    def reshape(self) -> None:
        """Let every layer compute its shapes from the inputs'; makes no data. ShapeError if they do not fit."""
        for layer, bottom, top in zip(self.layers, self.bottoms, self.tops, strict=True):
            layer.reshape(bottom, top)

    def forward_layers(self, indices: Sequence[int]) -> None:
        """Run some layers' reshape and forward, in the order given; ReLUs in place as part of their convolutions."""
        fused = {} if self.debug_info else self.fusion.among(indices).forward
        with self.context.workers.single_threaded_blas():
            for index in (index for index in indices if index not in fused.values()):
                layer, bottom, top = self.layers[index], self.bottoms[index], self.tops[index]
                self.slots.begin(index)
                layer.reshape(bottom, top)
                if index in fused:
                    layer.forward_rectified(bottom, top, self.layers[fused[index]].options.negative_slope)
                else:
                    layer.forward(bottom, top)
                if self.debug_info:
                    log_forward(layer, top)
                self.slots.end(index)

    def backward_layers(self, indices: Sequence[int], done: Callable[[int], object] | None = None) -> None:
        """Run some layers' backward, where it is needed, in the opposite of the order given; done(index) after each."""
        if self.slots.slots:
            raise ValueError(f"{self.netdef.filename}: no backward for a net that keeps only some blobs (option keep)")
        for blob, weight in self.loss_weights:
            blob.diff[...] = weight
        fused = {} if self.debug_info else self.fusion.among(indices).backward
        with self.context.workers.single_threaded_blas():
            for index in (k for k in reversed(indices) if self.needs_backward[k] and k not in fused.values()):
                layer, top, bottom = self.layers[index], self.tops[index], self.bottoms[index]
                down = self.propagate_down[index]
                if index in fused:
                    layer.backward_gated(top, down, bottom, self.layers[fused[index]].options.negative_slope)
                else:
                    layer.backward(top, down, bottom)
                if self.debug_info:
                    log_backward(layer, down, bottom)
                if done:
                    done(index)

    def loss(self) -> Array:
        """The sum of loss_weight * top over all weighted tops, as they stand; on a GPU float(loss) waits for it."""
        terms = [_weighted(blob.data, weight) for blob, weight in self.loss_weights]
        return sum(terms[1:], start=terms[0]) if terms else 0.0

    def clear_param_diffs(self) -> None:
        """Set every param's diff to 0, once per update."""
        self.learnable.clear_diffs()

    def copy_from(self, path: str | os.PathLike[str]) -> None:
        """Copy the weights of a file by layer name.

        Layers that the file does not have keep what they have, with a warning; layers of the file that
        the net does not have are ignored. SnapshotError if counts or shapes differ. Of several layers of one name each
        gets its own from HDF5 files; binary ones hold, as in Caffe, only the last one's, and the first gets them.
        """
        copy_weights(path, stored_params(self.layers))

    def share_with(self, other: Net) -> None:
        """Let the params of layers that both nets have (by name) be the other net's memory."""
        shared = stored_params(other.layers)
        for name, blobs in stored_params(self.layers).items():
            for mine, theirs in zip(blobs, shared.get(name, ()), strict=False):
                if mine.shape != theirs.shape:
                    raise NetdefError(
                        f'layer "{name}": shape {mine.shape} in net {self.netdef.filename}, '
                        f"{theirs.shape} in the net it shares params with"
                    )
                mine.share_data(theirs)
        self.learnable.release_data()

    def save(
        self,
        path: str | os.PathLike[str],
        diffs: bool = False,
        attributes: dict[str, str] | None = None,
        binary: bool | None = None,
    ) -> None:
        """Write the weights (and diffs) as Caffe does, and texts (`attributes`) such as a net file's netdef.

        In the binary format, with every layer's definition, or in HDF5: as `binary` says, else binary if the path ends
        in .caffemodel.
        """
        save_weights(path, self.name, self.phase, self.layers, diffs, attributes, binary)

    def save_hdf5(self, path: str | os.PathLike[str]) -> None:
        """Write the weights in HDF5, whatever the path's suffix."""
        save_weights(path, self.name, self.phase, self.layers, binary=False)

    def load_hdf5(self, path: str | os.PathLike[str]) -> None:
        """Another name of `copy_from`."""
        self.copy_from(path)

    def close(self) -> None:
        """End what layers run in the background, and the workers' threads; a later forward starts them anew."""
        for layer in self.layers:
            layer.close()
        self.context.workers.close()

    def layer_states(self) -> dict[str, dict[str, Any]]:
        """The states of those layers that have one, such as a data layer's position."""
        return {layer.definition.key: state for layer in self.layers if (state := layer.state())}

    def restore_layer_states(self, states: dict[str, dict[str, Any]]) -> None:
        """Take back what layer_states gave; layers that the net does not have are ignored."""
        for layer in self.layers:
            if layer.definition.key in states:
                layer.restore_state(states[layer.definition.key])

    def _find_layers(self, start: str | None, end: str | None) -> tuple[int, int]:
        """The indices of two layers by name; None: the first, the last. ValueError for a name that no layer has."""
        names = [layer.name for layer in self.layers]
        for name in (start, end):
            if name is not None and name not in names:
                raise ValueError(f'{self.netdef.filename}: no layer "{name}"{did_you_mean(str(name), names)}')
        return (0 if start is None else names.index(start)), (len(names) - 1 if end is None else names.index(end))

    def _find_blob(self, name: str) -> Blob:
        """A blob by name; ValueError if there is none."""
        if name not in self.blobs:
            raise ValueError(f'{self.netdef.filename}: no blob "{name}"{did_you_mean(name, self.blobs)}')
        return self.blobs[name]

    def _fill_inputs(self, inputs: Mapping[str, Array | Any]) -> None:
        """Copy arrays into the input blobs, which take their shapes; ValueError for what is no input."""
        for name, array in inputs.items():
            if name not in self.inputs:
                known = ", ".join(self.inputs) or "none"
                raise ValueError(f'{self.netdef.filename}: no input "{name}"; inputs: {known}')
            blob = self.blobs[name]
            values = blob.xp.asarray(array, dtype=blob.dtype)
            blob.reshape(values.shape)
            copy_into(blob.data, values)

    def _fill_diffs(self, diffs: Mapping[str, Array | Any]) -> None:
        """Copy arrays into blobs' diffs; ValueError for a blob that is not there."""
        for name, array in diffs.items():
            blob = self._find_blob(name)
            copy_into(blob.diff, blob.xp.asarray(array, dtype=blob.dtype))

    def _plan_slots(self, keep: Sequence[str] | None) -> Slots:
        """Memory for the blobs that need not be kept; with keep None for none."""
        if keep is None:
            return Slots((), self.context.xp, self.dtype)
        if self.phase != Phase.TEST:
            raise ValueError(f"{self.netdef.filename}: the option keep is for phase TEST, found {self.phase.name}")
        for name in keep:
            if name not in self.blobs:
                raise ValueError(f'{self.netdef.filename}: keep: no blob "{name}"{did_you_mean(name, self.blobs)}')
        kept = [self.blobs[name] for name in (*self.inputs, *self.outputs, *keep)]
        kept += [blob for blob, _ in self.loss_weights]
        kept += [blob for layer, top in zip(self.layers, self.tops, strict=True) if layer.holds_tops for blob in top]
        return Slots(find_lifetimes(self.layers, self.bottoms, self.tops, kept), self.context.xp, self.dtype)

    def _definitions(self) -> tuple[LayerDef, ...]:
        """The layers of this state, their options checked, their loss weights and splits in place."""
        for definition in self.netdef.layers:
            check_sections(definition)
        selected = self.netdef.select(self.state).layers
        elsewhere = {top for definition in self.netdef.layers if definition not in selected for top in definition.top}
        definitions = insert_splits(tuple(self._completed(definition) for definition in selected), elsewhere)
        keys = told_apart(definition.name for definition in definitions)
        return tuple(replace(definition, key=key) for definition, key in zip(definitions, keys, strict=True))

    def _completed(self, definition: LayerDef) -> LayerDef:
        """Loss layers without a top get one, and weigh their first top 1 unless told otherwise.

        What the layer does not read of its definition is said in one line.
        """
        cls = layer_class(definition, self.context)
        unread = unread_sections(definition, cls)
        if unread:
            logger.warning(
                "%s: %s: a %s layer does not read %s; it has no effect, as in Caffe",
                *(definition.position, definition.where, definition.type, unread),
            )
        if cls.is_loss:
            missing = max(0, cls.tops.low - len(definition.top))
            top = definition.top + (AUTOMATIC,) * missing
            weights = definition.loss_weight or (1.0,) + (0.0,) * (len(top) - 1)
            definition = replace(definition, top=top, automatic=missing, loss_weight=weights)
        if len(definition.loss_weight) not in (0, len(definition.top)):
            raise definition.error(
                f"loss_weight is given {len(definition.loss_weight)} times; expected once for each top "
                f"({len(definition.top)}) or not at all"
            )
        return definition

    def _warn_of_one_name(self) -> None:
        """Two layers of one name that both have params are as good as always a mistake."""
        first: dict[str, Layer] = {}
        for layer in (layer for layer in self.layers if layer.blobs):
            other = first.setdefault(layer.name, layer)
            if other is not layer:
                logger.warning(
                    "%s: %s has the name of the layer at %s, and both have params: HDF5 files keep both; a "
                    ".caffemodel, as in Caffe, gives the first the last one's: it cannot be resumed; name them apart",
                    layer.definition.position,
                    layer.definition.where,
                    other.definition.position,
                )

    def _append(self, definition: LayerDef, input_shapes: Mapping[str, tuple[int, ...]], filling: Filling) -> None:
        """Make a layer, its tops, its params, and let it compute its first shapes."""
        layer = layer_class(definition, self.context)(definition, self.context, self.phase, filling)
        bottom = [self.blobs[name] for name in definition.bottom]
        top = [self._top(definition, k, layer) for k in range(len(definition.top))]
        layer.setup(bottom, top)
        for name, blob in zip(definition.top, top, strict=False) if definition.type == "Input" else ():
            blob.reshape(input_shapes.get(name, blob.shape))
        layer.reshape(bottom, top)
        for blob, weight in zip(top, definition.loss_weight, strict=False):
            if weight:
                self.loss_weights.append((blob, weight))
        self.layers.append(layer)
        self.bottoms.append(bottom)
        self.tops.append(top)

    def _warn_of_flaws_in_place(self) -> None:
        """Some layers, in place, do what Caffe does there, which is not what they are for."""
        for index, layer in enumerate(self.layers):
            if any(top is bottom for top, bottom in zip(self.tops[index], self.bottoms[index], strict=False)):
                flaw = layer.in_place_flaw(self.needs_backward[index])
                if flaw:
                    definition = layer.definition
                    logger.warning(
                        "%s: %s: in place %s, as in Caffe; give its top a name of its own",
                        definition.position,
                        definition.where,
                        flaw,
                    )

    def _top(self, definition: LayerDef, k: int, layer: Layer) -> Blob:
        name = definition.top[k]
        if k >= len(definition.written_top):
            self.blobs[name] = Blob((), self.context.dtype, self.context.xp)
            return self.blobs[name]
        if k < len(definition.bottom) and definition.bottom[k] == name:
            if not layer.in_place:
                raise definition.error(f'a {layer.type} layer cannot be in-place; give top "{name}" another name')
            return self.blobs[name]
        if name in self.blobs:
            raise definition.error(
                f'top blob "{name}" is produced by multiple sources; an in-place layer must be '
                "the first reader of its blob"
            )
        self.blobs[name] = Blob((), self.context.dtype, self.context.xp)
        return self.blobs[name]


def _weighted(values: Array, weight: float) -> Array:
    """weight * their sum in float64; each step that changes nothing would be one more launch on a GPU."""
    total = (values.reshape(())[()] if values.size == 1 else values.sum()).astype(np.float64)
    return total if weight == 1 else weight * total
