"""A room's door: its names, each imported from its file when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any


class Door(ModuleType):
    """A package that imports what it exports when it is asked for; `open_door` makes one of a room's `__init__.py`.

    It differs from a module-level `__getattr__` (PEP 562) in one thing: a file that is imported does not take the place
    of an exported name that is spelled as the file, such as the function `describe` of the file `describe`.
    """

    _files: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        """The exported name, an attribute from now on."""
        if name not in self._files:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        file = self._files[name]
        module = import_module(f"{self.__name__}.{file or name}")
        value = getattr(module, name) if file else module
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """As a module's, but for a file, which Python sets when it has imported it, in the place of a name."""
        file = self.__dict__.get("_files", {}).get(name)
        if not file or not isinstance(value, ModuleType) or value.__name__ != f"{self.__name__}.{name}":
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        """What is exported, imported or not, with what else there is."""
        return sorted({*super().__dir__(), *self._files})


def open_door(room: str, names: Mapping[str, Sequence[str]], rooms: Sequence[str] = ()) -> list[str]:
    """Let the package `room` export these names, file -> names, each when it is asked for; returns all for `__all__`.

    What stands under "" are modules that are exported themselves. rooms: packages in it that are there when they are
    asked for, and not exported. The idea and the table are those of Scientific Python's SPEC 1, lazy loading.
    """
    door = sys.modules[room]
    exported = {name: file for file, of_file in names.items() for name in of_file}
    door.__class__ = Door
    door._files = exported | dict.fromkeys(rooms, "")
    return sorted(exported)
