"""Weights, solver states and net files in HDF5, in Caffe's layout. The only module that reads HDF5.

``.caffemodel.h5``: a group ``/data/<layer>`` for every layer with datasets ``0``, ``1``, ... (float32),
and ``/diff`` likewise if asked for. ``.solverstate.h5``: ``/iter``, ``/learned_net``, ``/current_step``,
``/history/0`` ... What Caffe does not have stands in root attributes, which Caffe ignores: a net file's
netdef and preprocessing, a solver state's seed and data order.

A layer name that HDF5 cannot hold (with a "/", which makes groups, or empty) is written with percent signs as in a URL,
``conv1%2F7x7_s2``, and its group says so in an attribute; Caffe, which cannot write such a file, ignores the group.

Nothing here runs code from a file: no pickles, no external links, and shapes are compared before
anything is read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import h5py
import numpy as np

from pysketch.errors import DataError, SnapshotError, counted
from pysketch.files import GALLERY, atomic_path, describe, reserve
from pysketch.weights.hdf5_heaps import has_sound_heaps

Weights = Sequence[tuple[str, Sequence[np.ndarray]]]
"""(layer name, its params in order), in net order, also for layers without params."""

_LOOKED_AT = 1 << 16  # bytes of a file, to say what it is
_GROUP, _DATASET, _FILE = 2048, 1024, 1 << 14
"""Bytes that HDF5 needs at most for each beside names, texts and numbers."""
_MAX_ATTRIBUTE = 60_000  # bytes; HDF5's compact attributes end at 64 KiB
_QUOTED = "pysketch_quoted"  # the attribute, a number, of a group whose name is not the layer's


@dataclass
class SolverState:
    """What a solver needs to go on: `history` holds one float32 array for each param (or two, see solver)."""

    iteration: int
    learned_net: str
    current_step: int
    history: list[np.ndarray]
    attributes: dict[str, str] = field(default_factory=dict)


def group_name(layer: str) -> str:
    """What a layer's group is called: as the layer, unless HDF5 cannot hold that name or it has a percent sign."""
    if layer in ("", "."):
        return "%2E" * len(layer) or "%"
    safe = "".join(chr(code) for code in range(1, 128) if chr(code) not in "/%")
    return quote(layer, safe=safe) if set("/%\0") & set(layer) else layer


def write_weights(
    path: str | os.PathLike[str],
    weights: Weights,
    diffs: Weights | None = None,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Write weights (and diffs) in Caffe's layout, to a temporary file that is then renamed."""
    both = (("data", weights), ("diff", diffs))
    size = sum(_GROUP + len(name) * 8 + _size(arrays) for _, values in both for name, arrays in values or ())
    with _writing(path, size + _text_size(attributes or {})) as file:
        for group, values in both:
            if values is None:
                continue
            parent = file.create_group(group)
            for name, arrays in values:
                layer = parent.create_group(group_name(name))
                if group_name(name) != name:
                    layer.attrs[_QUOTED] = np.int32(1)
                for k, array in enumerate(arrays):
                    layer.create_dataset(str(k), data=np.asarray(array, "<f4"))
        _write_attributes(file, path, attributes or {})


class WeightsFile:
    """A weights file open for reading; a context manager.

    `layers`: the names under /data. `attributes`: the root's texts. SnapshotError if it is no such file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._file = _open(path, SnapshotError)
        try:
            with _naming_damage(path, SnapshotError):
                if self._file.get("data", getlink=True) is None and _is_group(self._file, "history"):
                    raise SnapshotError(no_weights(path, _read_text(self._file, "learned_net", path)))
                if self._file.get("data", getclass=True) is h5py.Dataset:
                    raise SnapshotError(f"{path}: /data is no group but a dataset: training data, not weights")
                data = _child(self._file, "data", h5py.Group, self.path)
                groups = [(name, _child(data, name, h5py.Group, self.path)) for name in data]
                self._groups = {_layer_name(name, group): group for name, group in groups}
                self.layers = list(self._groups)
                self.attributes = _read_attributes(self._file, path)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> WeightsFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def count(self, layer: str) -> int:
        """How many params the file has for a layer."""
        with _naming_damage(self.path, SnapshotError):
            return len(self._groups[layer])

    def has(self, layer: str, index: int) -> bool:
        """Is there such a param? Of those that layers share by name Caffe stores only the first owner's."""
        with _naming_damage(self.path, SnapshotError):
            return layer in self._groups and str(index) in self._groups[layer]

    def shape(self, layer: str, index: int) -> tuple[int, ...]:
        """The shape of a param, without reading it."""
        with _naming_damage(self.path, SnapshotError):
            return self._dataset(layer, index).shape

    def fits(self, layer: str, index: int, shape: tuple[int, ...]) -> bool:
        """Is the param of this shape?"""
        return self.shape(layer, index) == shape

    def read(self, layer: str, index: int) -> np.ndarray:
        """A param as float32; compare `shape` with what you expect first."""
        with _naming_damage(self.path, SnapshotError):
            return _read(self._dataset(layer, index), self.path)

    def _dataset(self, layer: str, index: int) -> h5py.Dataset:
        return _child(self._groups[layer], str(index), h5py.Dataset, self.path)


def _layer_name(name: str, group: h5py.Group) -> str:
    """The layer whose group this is."""
    if _QUOTED not in group.attrs:
        return name
    return "" if name == "%" else unquote(name)


def write_state(path: str | os.PathLike[str], state: SolverState) -> None:
    """Write a solver state as Caffe does, down to the NUL-terminated name."""
    with _writing(path, _size(state.history) + _text_size(state.attributes) + len(state.learned_net) * 4) as file:
        file.create_dataset("iter", data=np.array([state.iteration], np.int32))
        file.create_dataset("current_step", data=np.array([state.current_step], np.int32))
        name = os.fsencode(state.learned_net)
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(len(name) + 1)
        kind.set_strpad(h5py.h5t.STR_NULLTERM)
        space = h5py.h5s.create(h5py.h5s.SCALAR)
        h5py.h5d.create(file.id, b"learned_net", kind, space).write(
            h5py.h5s.ALL, h5py.h5s.ALL, np.array(name, f"S{len(name) + 1}"), mtype=kind
        )
        history = file.create_group("history")
        for k, array in enumerate(state.history):
            history.create_dataset(str(k), data=np.asarray(array, "<f4"))
        _write_attributes(file, path, state.attributes)


def read_state(path: str | os.PathLike[str], shapes: Sequence[tuple[int, ...]] | None) -> SolverState:
    """Read a solver state whose history must have these shapes, or, for None, all but its history.

    Caffe's own files are read too.
    """
    with _reading(path, SnapshotError) as file:
        if file.get("iter", getlink=True) is None and _is_group(file, "data"):
            raise SnapshotError(no_state(path, is_net_file="netdef" in file.attrs))
        iteration, step = (_read_number(file, name, path) for name in ("iter", "current_step"))
        learned_net = _read_text(file, "learned_net", path)
        group = _child(file, "history", h5py.Group, path)
        if shapes is None:
            return SolverState(iteration, learned_net, step, [], _read_attributes(file, path))
        if len(group) != len(shapes):
            raise SnapshotError(
                f"{path}: has {counted(len(group), 'history array')}, this solver and net need {len(shapes)}; "
                "was it written by another solver type or for another net?"
            )
        history = []
        for k, shape in enumerate(shapes):
            dataset = _child(group, str(k), h5py.Dataset, path)
            if dataset.shape != shape:
                raise SnapshotError(f"{path}: /history/{k} has shape {dataset.shape}, expected {shape}")
            history.append(_read(dataset, path))
        return SolverState(iteration, learned_net, step, history, _read_attributes(file, path))


def no_state(path: str | os.PathLike[str], *, is_net_file: bool) -> str:
    """What to say of weights that are given as a solver state."""
    if is_net_file:
        state = "the PREFIX_iter_N.solverstate of a snapshot"
        return f"{path}: is a net file, not a solver state; give {state}, or start from this one with --weights"
    name = Path(path).name
    named = name.replace(".caffemodel", ".solverstate")
    there = Path(path).with_name(named).is_file() and named != name
    state = os.fspath(Path(path).with_name(named)) if there else "the .solverstate that was written beside it"
    return f"{path}: holds weights, not a solver state; give {state}"


def no_weights(path: str | os.PathLike[str], learned_net: str) -> str:
    """What to say of a solver state that is given as weights."""
    beside = Path(path).with_name(Path(learned_net).name)
    weights = beside if beside.is_file() else learned_net
    return (
        f"{path}: is a solver state, not weights, which are in {weights}; give that, or go on from this with --resume"
    )


def read_datasets(path: str | os.PathLike[str], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Datasets of one HDF5 file as float32 arrays with equally many rows; DataError if they are not there."""
    with _reading(path, DataError) as file:
        arrays = {}
        for name in names:
            if _is_group(file, name):
                inside = ", ".join(f"{name}/{each}" for each in sorted(file[name])) or "nothing"
                raise DataError(f'{path}: "{name}" is a group, of {inside}; expected a dataset')
            if file.get(name, getclass=True) is not h5py.Dataset:
                found = ", ".join(sorted(file)) or "nothing"
                raise DataError(f'{path}: has no dataset "{name}"; found {found}')
            dataset = _child(file, name, h5py.Dataset, path, DataError)
            if not dataset.shape:
                raise DataError(f'{path}: dataset "{name}" is a single number; expected rows')
            arrays[name] = np.asarray(_read(dataset, path, DataError))
        rows = {len(array) for array in arrays.values()}
        if len(rows) > 1 or 0 in rows:
            counts = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
            raise DataError(f"{path}: datasets must have equally many rows, at least one; found {counts}")
        return arrays


def write_datasets(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as float32 datasets of one file, what `read_datasets` reads; DataError if that is not possible."""
    with _writing(path, _size(list(arrays.values())) + _text_size(dict.fromkeys(arrays, "")), DataError) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=np.asarray(array, "<f4"))


@contextlib.contextmanager
def new_hdf5(path: str | os.PathLike[str], size: int, **options: Any) -> Iterator[h5py.File]:
    """An HDF5 file to be written, in place of one that is there, of `size` bytes at most, which are reserved before.

    HDF5 that meets the end of the disk ends the process with a segmentation fault later on; so it never does. options:
    as h5py.File takes them. OSError if there is no room.
    """
    reserve(path, size)  # HDF5 gives them back when it opens the file, and must find room even then
    with h5py.File(path, "w", **options) as file:
        reserve(path, size)
        yield file
        file.flush()
        os.truncate(path, file.id.get_filesize())


@contextlib.contextmanager
def _writing(path: str | os.PathLike[str], size: int, error: type[Exception] = SnapshotError) -> Iterator[h5py.File]:
    """size: bytes of groups, datasets and texts."""
    try:
        with atomic_path(path) as temporary, new_hdf5(temporary, _FILE + size) as file:
            yield file
    except (OSError, RuntimeError) as problem:  # HDF5's own are either
        raise error(f"{path}: cannot be written: {getattr(problem, 'strerror', None) or problem}") from None


def _size(arrays: Sequence[np.ndarray]) -> int:
    """How many bytes datasets of float32 take at most."""
    return sum(_DATASET + 4 * np.size(array) for array in arrays)


def _text_size(texts: Mapping[str, str]) -> int:
    """How many bytes names and texts take at most: some of HDF5's blocks are of twice the size that they need."""
    return sum(_DATASET + 8 * len(name) + 8 * len(text) for name, text in texts.items())


@contextlib.contextmanager
def _reading(path: str | os.PathLike[str], error: type[Exception]) -> Iterator[h5py.File]:
    with _open(path, error) as file, _naming_damage(path, error):
        yield file


@contextlib.contextmanager
def _naming_damage(path: str | os.PathLike[str], error: type[Exception]) -> Iterator[None]:
    """Turn what h5py raises over a damaged file into one line."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        raise error(f"{path}: a damaged HDF5 file: {_reason(problem)}") from None


def _reason(problem: Exception) -> str:
    """What stands in the parentheses of "Unable to open file (file signature not found)"."""
    return str(problem).split("(", 1)[-1].rstrip("\"')") or "unreadable"


def _open(path: str | os.PathLike[str], error: type[Exception]) -> h5py.File:
    if not Path(path).is_file():
        raise error(f"{path}: no such file")
    try:
        with Path(path).open("rb") as stream:
            kind = describe(stream.read(_LOOKED_AT))
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror}") from None
    if kind == GALLERY:
        raise error(f"{path}: is {kind}; neither weights nor a net are in it")
    try:
        return h5py.File(path, "r")
    except OSError as problem:
        found = f"; it is {kind}" if kind not in ("", "an HDF5 file") else ""
        raise error(f"{path}: not an HDF5 file: {_reason(problem)}{found}") from None


def _child(
    group: h5py.Group, name: str, kind: type, path: str | os.PathLike[str], error: type[Exception] = SnapshotError
) -> h5py.Group | h5py.Dataset:
    """group[name] if it lies, with all its data, in this very file and is of `kind`."""
    where = f"{group.name.rstrip('/')}/{name}"
    link = group.get(name, getlink=True)
    if link is None:
        raise error(f"{path}: has no {where}; is it a pysketch or Caffe file?")
    if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
        raise error(f"{path}: {where} is a link; expected the {kind.__name__.lower()} itself")
    child = group[name]
    if not isinstance(child, kind):
        found = "group" if isinstance(child, h5py.Group) else "dataset"
        raise error(f"{path}: {where} is no {kind.__name__.lower()} but a {found}")
    if kind is h5py.Dataset and (child.external or child.is_virtual):
        raise error(f"{path}: {where} keeps its data in other files; expected them in this one")
    return child


def _is_group(file: h5py.File, name: str) -> bool:
    """Whether a group of this name lies in this very file."""
    return isinstance(file.get(name, getlink=True), h5py.HardLink) and file.get(name, getclass=True) is h5py.Group


def _read(dataset: h5py.Dataset, path: str | os.PathLike[str], error: type[Exception] = SnapshotError) -> np.ndarray:
    """A numeric dataset as float32."""
    if dataset.dtype.kind not in "fiu":
        raise error(f"{path}: {dataset.name} holds {dataset.dtype}, expected numbers")
    try:
        return dataset[()].astype(np.float32)
    except (OSError, MemoryError, ValueError) as problem:
        raise error(f"{path}: {dataset.name} cannot be read: {problem}") from None


def _read_number(file: h5py.File, name: str, path: str | os.PathLike[str]) -> int:
    dataset = _child(file, name, h5py.Dataset, path)
    if dataset.shape not in ((), (1,)) or dataset.dtype.kind not in "iu":
        raise SnapshotError(f"{path}: /{name} is not one whole number")
    number = int(np.ravel(dataset[()])[0])
    if number < 0:
        raise SnapshotError(f"{path}: /{name} is {number}; expected 0 or more")
    return number


def _read_text(file: h5py.File, name: str, path: str | os.PathLike[str]) -> str:
    dataset = _child(file, name, h5py.Dataset, path)
    if dataset.shape != () or dataset.dtype.kind not in "SO" or dataset.dtype.itemsize > _MAX_ATTRIBUTE:
        raise SnapshotError(f"{path}: /{name} is not a text")
    text = dataset[()]
    if not isinstance(text, bytes):
        raise SnapshotError(f"{path}: /{name} is not a text")
    return os.fsdecode(text.rstrip(b"\0"))


def _write_attributes(file: h5py.File, path: str | os.PathLike[str], attributes: Mapping[str, str]) -> None:
    for name, text in attributes.items():
        if len(text.encode()) > _MAX_ATTRIBUTE:
            raise SnapshotError(f"{path}: its {name} is over {_MAX_ATTRIBUTE} bytes, too long to be stored with it")
        file.attrs[name] = text


def _read_attributes(file: h5py.File, path: str | os.PathLike[str]) -> dict[str, str]:
    if file.attrs and not has_sound_heaps(path):
        raise SnapshotError(f"{path}: a damaged HDF5 file: its texts cannot be read")
    texts = {}
    for name in file.attrs:
        with contextlib.suppress(OSError, TypeError, ValueError):  # foreign attributes of odd types are not ours
            value = file.attrs[name]
            if isinstance(value, str):
                texts[name] = value
    return texts
