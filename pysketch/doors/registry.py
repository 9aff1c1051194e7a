"""Classes that are asked for by a name, each in a file of its own that is imported when it is."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")


class Registry(dict[str, Value]):
    """Name -> class, of the files of a package, which put their classes in when they are imported.

    Whoever asks for a name makes the file imported that is called so, whatever the case and the underscores:
    "ArgMax" is in arg_max.py. If there is none, and if all are gone through, every file is.
    """

    def __init__(self, package: str) -> None:
        super().__init__()
        self._package = package
        self._files: dict[str, str] | None = None  # plain name -> module; those that are not imported yet

    def __missing__(self, name: str) -> Value:
        """The class of that name; KeyError if no file has it."""
        if name in self:
            return self[name]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        """Whether a file has a class of that name."""
        if not super().__contains__(name):
            if isinstance(name, str) and _plain(name) in self._closed():
                self._open(_plain(name))
            if not super().__contains__(name):
                self._open_all()
        return super().__contains__(name)

    def get(self, name: str, default: Value | None = None) -> Value | None:
        """The class of that name, or the default."""
        return super().get(name, default) if name in self else default

    def __iter__(self) -> Iterator[str]:
        """All names, of all files."""
        self._open_all()
        return super().__iter__()

    def __len__(self) -> int:
        """How many there are in all files."""
        self._open_all()
        return super().__len__()

    def keys(self) -> KeysView[str]:
        """All names, of all files."""
        self._open_all()
        return super().keys()

    def values(self) -> ValuesView[Value]:
        """All classes, of all files."""
        self._open_all()
        return super().values()

    def items(self) -> ItemsView[str, Value]:
        """All names with their classes, of all files."""
        self._open_all()
        return super().items()

    def _closed(self) -> dict[str, str]:
        """The files that have not been asked for, by their plain names."""
        if self._files is None:
            folders = find_spec(self._package).submodule_search_locations
            found = sorted(file.stem for folder in folders for file in Path(folder).glob("*.py"))
            self._files = {_plain(name): f"{self._package}.{name}" for name in found if name != "__init__"}
        return self._files

    def _open(self, plain: str) -> None:
        import_module(self._closed().pop(plain))

    def _open_all(self) -> None:
        """Import every file; the order of the names is the alphabet's, whatever was asked for before."""
        if self._closed():
            for plain in list(self._closed()):
                if plain in self._closed():  # no file that was imported meanwhile has asked for it
                    self._open(plain)
            named = sorted(super().items())
            super().clear()
            super().update(named)


def _plain(name: str) -> str:
    """Without what differs between a class's name and its file's: ArgMax, arg_max -> argmax."""
    return name.replace("_", "").lower()
