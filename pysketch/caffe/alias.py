"""A package by another name: while that name stands for it, its modules are found by the other name, too."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType


class Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """``import caffe.io`` gives `pysketch.caffe.io`, the module itself, while sys.modules["caffe"] is pysketch.caffe.

    Without this Python would find the file and run it once more, as another module with classes of its own. Only
    modules of the package that are imported already are found.
    """

    def __init__(self, name: str, package: ModuleType) -> None:
        self.name = name
        self.package = package
        self._specs: dict[str, importlib.machinery.ModuleSpec | None] = {}

    def install(self) -> None:
        """Be asked before Python's own finders."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for a module of the package by its other name; None for all else."""
        if not fullname.startswith(f"{self.name}.") or sys.modules.get(self.name) is not self.package:
            return None
        module = sys.modules.get(self._own_name(fullname))
        return (
            importlib.machinery.ModuleSpec(fullname, self, is_package=hasattr(module, "__path__")) if module else None
        )

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The package's own module."""
        module = sys.modules[self._own_name(spec.name)]
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; its own spec is put back."""
        assert module.__spec__ is not None
        module.__spec__ = self._specs.pop(module.__spec__.name)

    def _own_name(self, fullname: str) -> str:
        return self.package.__name__ + fullname[len(self.name) :]
