"""Caffe's binary files, `.caffemodel` and `.solverstate`: weights and solver states as protobuf messages.

A `.caffemodel` holds a whole NetParameter: every layer with its type, bottoms, tops and options, and its params. What
Caffe does not have (a net file's netdef and preprocessing, a solver state's seed and data order) stands in fields of
our own, which Caffe and other readers skip. Nothing is made larger than the file: shapes are compared with the number
of values that are there.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.errors import SnapshotError, counted
from pysketch.files import atomic_path, describe
from pysketch.netdef import Field, LayerDef, Message, Phase, Scalar, quote, write
from pysketch.weights.caffe_schema import message_class, parse_bytes, parse_text
from pysketch.weights.snapshot import SolverState, Weights, no_state, no_weights

_ATTRIBUTES = ("netdef", "preprocessing")
_RUN = "pysketch"  # the attribute of a SolverState that holds its seed and data order
_ITER = b"\x08"  # the tag of a SolverState's first field, which protobuf writes first; no NetParameter has it
_LIMIT = 2**31 - 1  # protobuf's, in bytes


class CaffemodelFile:
    """A `.caffemodel`, read; a context manager like `snapshot.WeightsFile`, with the same methods.

    `layers`: the names of its layers; of several of one name the last with params counts. `attributes`: our own texts,
    if it has them. The layers of old files, V1 and V0, are read too.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        content = _content(path, "a net file or weights")
        if content.startswith(_ITER):
            state = _parse("SolverState", path, content)
            raise SnapshotError(no_weights(path, _text(state.learned_net, path)))
        net = _parse("NetParameter", path, content)
        layers = [layer.layer if layer.HasField("layer") else layer for layer in net.layers]
        self._blobs = {}
        for layer in (*layers, *net.layer):
            name = _text(layer.name, path)
            if layer.blobs or name not in self._blobs:
                self._blobs[name] = layer.blobs
        self.layers = list(self._blobs)
        values = {name: _text(getattr(net, f"pysketch_{name}"), path) for name in _ATTRIBUTES}
        self.attributes = {name: text for name, text in values.items() if text}

    def __enter__(self) -> CaffemodelFile:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is open."""

    def count(self, layer: str) -> int:
        """How many params the file has for a layer."""
        return len(self._blobs[layer])

    def has(self, layer: str, index: int) -> bool:
        """Is there such a param? Those that layers share by name stand with each of them."""
        return index < len(self._blobs.get(layer, ()))

    def shape(self, layer: str, index: int) -> tuple[int, ...]:
        """The shape of a param; of an old file's four axes."""
        return _shape(self._blobs[layer][index])

    def fits(self, layer: str, index: int, shape: tuple[int, ...]) -> bool:
        """Is the param of this shape? An old file's, of four axes, may have ones before it."""
        return _fits(self._blobs[layer][index], shape)

    def read(self, layer: str, index: int) -> np.ndarray:
        """A param as float32; SnapshotError if its values are not as many as its shape says."""
        return blob_array(self._blobs[layer][index], f'{self.path}: layer "{layer}", param {index}')


def write_caffemodel(
    path: str | os.PathLike[str],
    name: str,
    layers: Sequence[LayerDef],
    phase: Phase,
    weights: Weights,
    diffs: Weights | None = None,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Write a net as Caffe does: its layers, as they stand after filtering and with splits, each with its params.

    attributes: texts of a net file, kept in fields of our own.
    """
    net = message_class("NetParameter")(name=name)
    for k, (definition, (_, arrays)) in enumerate(zip(layers, weights, strict=True)):
        layer = net.layer.add()
        parse_text(layer_text(definition, phase), layer)
        for array, diff in zip(arrays, diffs[k][1] if diffs else [None] * len(arrays), strict=True):
            fill_blob(layer.blobs.add(), array, diff)
    for key, text in (attributes or {}).items():
        setattr(net, f"pysketch_{key}", text)
    _write(path, net)


def layer_text(definition: LayerDef, phase: Phase | None = None) -> str:
    """The fields of ``layer { ... }`` in Caffe's words; engines that Caffe does not know are left out."""
    lines = [f"name: {quote(definition.name)}", f"type: {quote(definition.type)}"]
    lines += [f"bottom: {quote(name)}" for name in definition.bottom]
    lines += [f"top: {quote(name)}" for name in definition.written_top]
    lines += [f"loss_weight: {weight:.9g}" for weight in definition.loss_weight]
    for spec in definition.param:
        texts = [f"name: {quote(spec.name)}"] if spec.name else []
        texts += [f"share_mode: {spec.share_mode}"] if spec.given("share_mode") else []
        texts += [f"{key}: {getattr(spec, key):.9g}" for key in ("lr_mult", "decay_mult") if spec.given(key)]
        lines.append(f"param {{ {' '.join(texts)} }}")
    lines += [f"phase: {phase.name}"] if phase is not None else []
    lines += [f"propagate_down: {str(value).lower()}" for value in definition.propagate_down]
    text = "\n".join(lines) + "\n"
    for name, section in definition.sections.items():
        text += f"{name} {{\n{write(_stock(section), '  ')}}}\n"
    return text


def write_binary_state(path: str | os.PathLike[str], state: SolverState) -> None:
    """Write a `.solverstate`."""
    message = message_class("SolverState")(
        iter=state.iteration, learned_net=state.learned_net, current_step=state.current_step
    )
    for array in state.history:
        fill_blob(message.history.add(), array)
    if _RUN in state.attributes:
        message.pysketch_run = state.attributes[_RUN]
    _write(path, message)


def read_binary_state(path: str | os.PathLike[str], shapes: Sequence[tuple[int, ...]] | None) -> SolverState:
    """Read a `.solverstate` whose history must have these shapes, or, for None, all but its history.

    Caffe's own files are read too.
    """
    content = _content(path, "a solver state")
    net = None if content.startswith(_ITER) else _try_parse("NetParameter", content)
    if net is not None and (net.layer or net.layers):
        raise SnapshotError(no_state(path, is_net_file=bool(net.pysketch_netdef)))
    message = _parse("SolverState", path, content)
    for name in ("iter", "learned_net"):
        if not message.HasField(name):
            raise SnapshotError(f"{path}: has no {name}; is it a solver state?")
    if message.iter < 0 or message.current_step < 0:
        raise SnapshotError(f"{path}: iter and current_step must not be negative")
    learned_net, run = (_text(text, path) for text in (message.learned_net, message.pysketch_run))
    state = SolverState(message.iter, learned_net, message.current_step, [], {_RUN: run} if run else {})
    if shapes is None:
        return state
    if len(message.history) != len(shapes):
        raise SnapshotError(
            f"{path}: has {counted(len(message.history), 'history array')}, this solver and net need {len(shapes)}; "
            "was it written by another solver type or for another net?"
        )
    for k, (blob, shape) in enumerate(zip(message.history, shapes, strict=True)):
        if not _fits(blob, shape):
            raise SnapshotError(f"{path}: history {k} has shape {_shape(blob)}, expected {shape}")
        state.history.append(blob_array(blob, f"{path}: history {k}").reshape(shape))
    return state


def fill_blob(blob: Any, array: np.ndarray, diff: np.ndarray | None = None) -> None:
    """Put an array, and its diff, into an empty BlobProto, as float32."""
    blob.shape.dim.extend(array.shape)
    blob.data.extend(np.asarray(array, np.float32).ravel())
    if diff is not None:
        blob.diff.extend(np.asarray(diff, np.float32).ravel())


def read_blob(path: str | os.PathLike[str]) -> np.ndarray:
    """The array of a BlobProto file, such as a mean (.binaryproto), float32; SnapshotError if it is none.

    An old file's has four axes.
    """
    array = blob_array(_parse("BlobProto", path, _content(path, "a BlobProto")), os.fspath(path))
    if not array.size:
        raise SnapshotError(f"{path}: holds no numbers; is it a BlobProto?")
    return array


def blob_array(blob: Any, where: str, diff: bool = False) -> np.ndarray:
    """The data, or the diff, of a BlobProto as float32; SnapshotError if its values are not as many as its shape says.

    The shape of an old file's is of four axes.
    """
    values, shape = (blob.diff or blob.double_diff) if diff else (blob.data or blob.double_data), _shape(blob)
    if min(shape, default=0) < 0 or math.prod(shape) != len(values):
        raise SnapshotError(f"{where}: {counted(len(values), 'value')} for the shape {shape}")
    return np.array(values, np.float32).reshape(shape)


def _stock(section: Message) -> Message:
    """The section without an engine that only pysketch has."""

    def ours(field: Field) -> bool:
        return field.name == "engine" and isinstance(field.value, Scalar) and field.value.text in ("WINOGRAD", "3")

    return Message(section.position, [field for field in section.fields if not ours(field)], section.empty_lists)


def _content(path: str | os.PathLike[str], expected: str) -> bytes:
    """A file's bytes; SnapshotError for one of another kind than expected, which is named."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be read: {error.strerror}") from None
    kind = describe(content)
    if kind not in ("", "a text"):
        raise SnapshotError(f"{path}: is {kind}; expected {expected}")
    return content


def _parse(kind: str, path: str | os.PathLike[str], content: bytes) -> Any:
    try:
        return parse_bytes(kind, content)
    except ValueError:
        found = "is a text, " if describe(content) == "a text" else ""
        raise SnapshotError(f"{path}: {found}neither an HDF5 file nor a {kind} in protobuf's wire format") from None


def _try_parse(kind: str, content: bytes) -> Any | None:
    """The message, None if it is none."""
    try:
        return parse_bytes(kind, content)
    except ValueError:
        return None


def _text(value: str | bytes, path: str | os.PathLike[str]) -> str:
    """A string field; protobuf gives bytes for one that is not UTF-8."""
    if isinstance(value, bytes):
        raise SnapshotError(f"{path}: a text in it is not UTF-8: {value[:40]!r}")
    return value


def _write(path: str | os.PathLike[str], message: Any) -> None:
    size = message.ByteSize()
    if size > _LIMIT:
        raise SnapshotError(f"{path}: {size} bytes are too many for a protobuf message; write HDF5 (.h5)")
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(message.SerializeToString(deterministic=True))
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be written: {error.strerror}") from None


def _shape(blob: Any) -> tuple[int, ...]:
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    return blob.num, blob.channels, blob.height, blob.width


def _fits(blob: Any, shape: tuple[int, ...]) -> bool:
    found = _shape(blob)
    if blob.HasField("shape"):
        return found == shape
    return len(shape) <= 4 and found == (1,) * (4 - len(shape)) + shape
