"""Shipped files by name: "medium" is a trained net, a netdef or a solver file, whichever is asked for."""

from __future__ import annotations

import os
from pathlib import Path

from pysketch.errors import NetdefError, PysketchError, SnapshotError, did_you_mean
from pysketch.shipped.folders import folder


def find_net(text: str) -> str:
    """The path of a trained net: the text, or of "medium" netdefs/pretrained/medium.h5.

    A path that exists is a path, whatever its name; so is what has a suffix or a slash. SnapshotError for any other
    word that names no shipped net.
    """
    return _find(text, folder("netdefs") / "pretrained", ".h5", "net", SnapshotError)


def net_of_digest(digest: str) -> str | None:
    """The name of the shipped net whose file has this SHA-256, in hexadecimal digits; None if it is another's."""
    import hashlib  # which who names a net need not wait for

    for path in sorted((folder("netdefs") / "pretrained").glob("*.h5")):
        if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            return path.stem
    return None


def find_netdef(text: str) -> str:
    """The path of a netdef, of "medium" netdefs/medium.prototxt; else as `find_net`, with NetdefError."""
    return _find(text, folder("netdefs"), ".prototxt", "netdef", NetdefError)


def find_solver(text: str) -> str:
    """The path of a solver file, of "medium" solver/medium_solver.txt; else as `find_net`, with NetdefError."""
    return _find(text, folder("solver"), "_solver.txt", "solver file", NetdefError)


def _find(text: str, place: Path, ending: str, kind: str, error: type[PysketchError]) -> str:
    path = Path(text)
    if not text or path.name != text or path.suffix or os.path.isfile(text):
        return text
    names = sorted(each.name.removesuffix(ending) for each in place.glob(f"*{ending}"))
    if text in names:
        return str(place / f"{text}{ending}")
    if os.path.exists(text):
        return text
    hint = did_you_mean(text, names)
    if kind == "net":
        hint = _trained(text) or hint
    raise error(f"{text}: no such file, nor a shipped {kind} ({', '.join(names)}){hint}")


def _trained(text: str) -> str:
    """Where a training of this name left its net, or will: the prefix of the shipped solver files is snapshots/NAME."""
    path = f"snapshots/{text}.h5"
    if os.path.isfile(path):
        return f"; did you mean {path}, which training has written?"
    solver = folder("solver") / f"{text}_solver.txt"
    return f"; training by the solver file {text} writes {path}" if os.path.isfile(solver) else ""
