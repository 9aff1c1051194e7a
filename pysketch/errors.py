"""The errors that bad input raises: one clear line each, caught by the tools.

A message says where, what, what was expected, what was found, and a hint if there is one::

    netdefs/medium.prototxt:41:3: layer "conv3": unknown field "kernal_size"; did you mean "kernel_size"?
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class PysketchError(Exception):
    """Base of every error that the user's input, files or machine can cause."""


class NetdefError(PysketchError):
    """A netdef or solver file that cannot be read, or a net that cannot be built from it."""


class ShapeError(PysketchError):
    """Blobs whose shapes do not fit a layer."""


class SnapshotError(PysketchError):
    """Weights or a solver state that cannot be read, written, or do not fit the net."""


class DataError(PysketchError):
    """An image, a folder of pairs or a data file that cannot be used."""


class BaselineError(PysketchError):
    """A baseline that is unknown, cannot be used as asked, or whose library is not installed."""


class DeviceError(PysketchError):
    """A device that was asked for and is not there."""


class GradientError(PysketchError):
    """A layer whose backward is not the derivative of its forward."""


class GalleryError(PysketchError):
    """A gallery that cannot be read or written, or does not fit another one or this pysketch."""


class ParallelError(PysketchError):
    """Processes that were started to work together and cannot, or do not agree on what to do."""


class DivergenceError(PysketchError):
    """A training run whose loss or gradients are no longer finite."""


@dataclass(frozen=True)
class Position:
    """A place in a text file; line and column count from 1."""

    filename: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}:{self.column}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The hint '; did you mean "..."?' for the nearest known name, or '' if none is near."""
    import difflib  # for a mistake alone

    known = list(known)
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f'; did you mean "{by_lower[near[0]]}"?' if near else ""


def named(path: Path, message: str) -> str:
    """The message with the file's path before it, unless it begins with that."""
    return message if message.startswith(str(path)) else f"{path}: {message}"


def counted(number: int, noun: str) -> str:
    """The number with its noun: "1 word", "2 words", "0 words"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
