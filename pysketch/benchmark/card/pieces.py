"""The pieces of a section: what each is called, the call that measures it, and how one says that it is half done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pysketch.device import out_of_memory
from pysketch.errors import PysketchError

Found = dict[str, Any]
"""What a piece has found; JSON knows all of it."""

Pieces = dict[str, Callable[[], Found]]
"""What a section consists of, by name, in the order in which it is done."""


class Partial(Exception):
    """A piece that found something and failed all the same: `found`, and as text why it is not all."""

    def __init__(self, found: Found, reason: str) -> None:
        super().__init__(reason)
        self.found = found


def reason(error: BaseException) -> str:
    """Why something failed, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, PysketchError | Partial):
        return text
    return out_of_memory(error) or f"{type(error).__name__}: {text}"
