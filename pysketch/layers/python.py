"""Python layers: our own by name, and those that users wrote for pycaffe."""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pysketch.device import Blob, copy_into, to_host
from pysketch.doors import STAND_INS, stand_in
from pysketch.errors import did_you_mean
from pysketch.layers import pycaffe
from pysketch.layers.base import LAYERS, PYTHON, Context, Count, Layer, register
from pysketch.layers.filling import Filling
from pysketch.netdef import LayerDef, Options, Phase

OURS = "pysketch.layers"


@register
class Python(Layer):
    """``python_param { module layer param_str }``: a layer whose class is named by the netdef.

    ``module: "pysketch.layers"`` names one of our own classes, looked up and never imported by name.
    Any other module is imported only from the folders that the user allowed (`layer_paths`; on the
    command line ``--layers DIR``), so a stranger's netdef runs no code. There it may be a subclass of
    pysketch.layers.Layer, or a class written for pycaffe: that one sees NumPy arrays whatever the
    device, and keeps to pycaffe's contract (see pysketch.layers.pycaffe.Layer).
    """

    type = "Python"
    section = "python_param"
    table = PYTHON
    bottoms = tops = Count(0, None)
    mixes_batch = leaves_traces = True  # nobody knows; the whole batch, and every one, is the safe side

    @classmethod
    def resolve(cls, definition: LayerDef, context: Context) -> type[Layer]:
        """One of our classes, a user's Layer, or Python itself around a pycaffe class."""
        target = find_class(definition, context.layer_paths)
        return target if issubclass(target, Layer) else cls

    @classmethod
    def read_options(cls, definition: LayerDef) -> Options:
        """The section itself; what param_str means is the pycaffe layer's own business."""
        return PYTHON.read(definition.sections.get("python_param"), definition.where)

    def __init__(
        self,
        definition: LayerDef,
        context: Context,
        phase: Phase = Phase.TEST,
        filling: Filling | None = None,
    ) -> None:
        super().__init__(definition, context, phase, filling)
        self.inner: Any = find_class(definition, context.layer_paths)()
        self.inner.param_str = self.inner.param_str_ = self.options.param_str  # the second is that of 2015
        self.inner.phase = self.phase
        if not hasattr(self.inner, "blobs"):
            self.inner.blobs = pycaffe.BlobVec()
        self._mirrors: dict[int, Blob] = {}

    def __getattr__(self, name: str) -> Any:
        """What only the user's layer has, as in pycaffe: ``net.layers[0].set_images(...)``."""
        if name == "inner":  # not made yet
            raise AttributeError(name)
        return getattr(self.inner, name)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The user's setup; the blobs it adds become the layer's params."""
        if hasattr(self.inner, "setup"):
            with self._host(bottom, top, data_from=(), data_to=()) as (host_bottom, host_top):
                self.inner.setup(host_bottom, host_top)
        _check_methods(type(self.inner), self.definition, self.options.position("layer"))
        for blob in self.inner.blobs:
            self.add_param(blob.data)
        self.inner.blobs[:] = [self._mirror(blob) for blob in self.blobs]

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The user's reshape."""
        with self._host(bottom, top, data_from=(), data_to=()) as (host_bottom, host_top):
            self.inner.reshape(host_bottom, host_top)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The user's forward."""
        with self._host(bottom, top, data_from=(*bottom, *self.blobs), data_to=top) as (host_bottom, host_top):
            self.inner.forward(host_bottom, host_top)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The user's backward."""
        wanted = [blob for blob, wants in zip(bottom, propagate_down, strict=True) if wants]
        values = (*bottom, *top, *self.blobs)
        with self._host(
            bottom, top, data_from=values, data_to=(), diff_from=(*top, *self.blobs), diff_to=(*wanted, *self.blobs)
        ) as (host_bottom, host_top):
            self.inner.backward(host_top, list(propagate_down), host_bottom)

    @contextmanager
    def _host(
        self,
        bottom: Sequence[Blob],
        top: Sequence[Blob],
        data_from: Sequence[Blob],
        data_to: Sequence[Blob],
        diff_from: Sequence[Blob] = (),
        diff_to: Sequence[Blob] = (),
    ) -> Iterator[tuple[list[Blob], list[Blob]]]:
        """Bottoms and tops as blobs with NumPy arrays; only what is named is copied, before and after."""
        mirrors = [self._mirror(blob) for blob in bottom], [self._mirror(blob) for blob in top]
        if self.xp is np:
            yield mirrors
            return
        for blob, mirror in zip((*bottom, *top), (*mirrors[0], *mirrors[1]), strict=True):
            mirror.reshape(blob.shape)
        for blob in data_from:
            self._mirror(blob).data[...] = to_host(blob.data)
        for blob in diff_from:
            self._mirror(blob).diff[...] = to_host(blob.diff)
        yield mirrors
        for blob, mirror in zip(top, mirrors[1], strict=True):
            blob.reshape(mirror.shape)
        for blob in data_to:
            copy_into(blob.data, self._mirror(blob).data)
        for blob in diff_to:
            copy_into(blob.diff, self._mirror(blob).diff)

    def _mirror(self, blob: Blob) -> Blob:
        """The blob itself on the CPU, else its twin in NumPy."""
        if self.xp is np:
            return blob
        return self._mirrors.setdefault(id(blob), Blob(blob.shape, blob.dtype))


def find_class(definition: LayerDef, layer_paths: Sequence[str]) -> type:
    """The class that a Python layer's section names; NetdefError if there is none or it is not allowed."""
    options = PYTHON.read(definition.sections.get("python_param"), definition.where)
    for option in ("module", "layer"):
        if not getattr(options, option):
            raise definition.error(f"python_param: {option} is missing")
    where = options.position("module")
    if options.module == OURS or options.module.startswith(OURS + "."):
        return _find_ours(options, definition)
    module = _import_allowed(options.module, definition, where, layer_paths)
    target = getattr(module, options.layer, None)
    where = options.position("layer")
    if not isinstance(target, type):
        known = [name for name, value in vars(module).items() if isinstance(value, type)]
        hint = did_you_mean(options.layer, known)
        raise definition.error(f'no class "{options.layer}" in {module.__file__}{hint}', at=where)
    if not issubclass(target, pycaffe.Layer):  # whose own are looked for after its setup, which may say more
        _check_methods(target, definition, where)
    return target


def _check_methods(target: type, definition: LayerDef, where: Any) -> None:
    """NetdefError for a class without a layer's methods."""
    missing = [name for name in ("setup", "reshape", "forward") if not callable(getattr(target, name, None))]
    if missing:
        file = sys.modules[target.__module__].__file__
        raise definition.error(
            f'class "{target.__name__}" in {file} is no layer: it has no {", ".join(missing)}', at=where
        )


def _find_ours(options: Options, definition: LayerDef) -> type:
    """One of our classes, in ``pysketch.layers`` or in its own module there."""

    def of_module(classes: Iterable[type[Layer]]) -> dict[str, type[Layer]]:
        ours = (cls for cls in classes if cls.__module__.startswith(f"{OURS}.") and cls is not Python)
        return {cls.__name__: cls for cls in ours if options.module in (OURS, cls.__module__)}

    named = LAYERS.get(options.layer)  # most classes go by their own names: then no others are imported
    classes = of_module([named] if named else [])
    if options.layer not in classes:
        classes = of_module(LAYERS.values())
    known = list(classes)
    if options.layer not in known:
        hint = did_you_mean(options.layer, known)
        raise definition.error(f'no layer "{options.layer}" in {options.module}{hint}', at=options.position("layer"))
    return classes[options.layer]


def _import_allowed(name: str, definition: LayerDef, where: Any, layer_paths: Sequence[str]) -> Any:
    """Import a module that lies in one of the allowed folders, and nowhere else."""
    folders = [str(Path(folder).resolve()) for folder in layer_paths]
    if not all(part.isidentifier() for part in name.split(".")):
        raise definition.error(f'"{name}" is not the name of a Python module', at=where)
    for part, file in _find_files(name, folders):
        if file is None:
            raise definition.error(
                f'the Python module "{name}" is not in {", ".join(folders)}'
                if folders
                else f'the netdef names the Python module "{name}"; to run its code, name its folder with --layers DIR',
                at=where,
            )
        taken = getattr(sys.modules.get(part), "__file__", None) or "Python itself"
        if part in sys.modules and Path(taken).resolve() != Path(file).resolve():
            raise definition.error(f'{file}: the name "{part}" is taken by {taken}; rename the file', at=where)
    with _import_from(folders):
        try:
            return importlib.import_module(name)
        except Exception as error:
            raise definition.error(
                f'the Python module "{name}" cannot be imported: {type(error).__name__}: {error}', at=where
            ) from error


def _find_files(name: str, folders: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """For a.b.c: the files of a, a.b and a.b.c in the folders; None, the last, for one that is not there.

    A folder without an __init__.py is no module: Python would prefer one of that name elsewhere.
    """
    importlib.invalidate_caches()
    search, parts = list(folders), name.split(".")
    for depth in range(1, len(parts) + 1):
        part = ".".join(parts[:depth])
        spec = importlib.machinery.PathFinder.find_spec(part, search)
        yield part, spec.origin if spec else None
        if spec is None:
            return
        search = list(spec.submodule_search_locations or ())


@contextmanager
def _import_from(folders: list[str]) -> Iterator[None]:
    """The folders come first in sys.path, and STAND_INS's names are found if nothing real has them."""
    before = list(sys.path)
    sys.path[:0] = folders
    stand_ins = {name: stand_in(name) for name in STAND_INS if not _is_real(name)}
    others = _modules_in(stand_ins)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        sys.path[:] = before
        for name in _modules_in(stand_ins):
            del sys.modules[name]
        sys.modules.update(others)


def _modules_in(names: Collection[str]) -> dict[str, ModuleType]:
    """What is imported of these names, and of what lies in them."""
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] in names}


def _is_real(name: str) -> bool:
    """Whether such a module is imported, as by a script that lets the name stand for something, or installed."""
    return getattr(sys.modules.get(name), "__file__", None) is not None or _is_installed(name)


def _is_installed(name: str) -> bool:
    """Whether Python finds such a module; a mere folder of that name is none."""
    found = importlib.machinery.PathFinder.find_spec(name)
    return found is not None and found.origin is not None
