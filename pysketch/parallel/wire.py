"""Values as bytes, for pipes between processes and for messages between machines: JSON, with bytes and arrays in it.

Nothing is pickled: what is read makes texts, numbers, lists, dicts, bytes and arrays, and runs no code.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import numpy as np

_PART = ""  # the only key of what stands in the JSON for bytes or an array; no dict may have it
_LENGTH = 8


def pack(value: Any) -> bytes:
    """A value of JSON in which bytes and arrays may stand, too; tuples become lists.

    TypeError for anything else, an array of objects among it; ValueError for a dict with an empty key.
    """
    parts: list[bytes] = []
    text = json.dumps([_plain(value, parts), [len(part) for part in parts]]).encode()
    return b"".join([len(text).to_bytes(_LENGTH, "big"), text, *parts])


def unpack(content: bytes) -> Any:
    """What `pack` was given. Arrays may be written to."""
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "big")
    text = content[_LENGTH:end].decode()
    sizes = iter(json.loads(text)[1])
    at = end

    def whole(found: dict[str, Any]) -> Any:
        nonlocal at
        if _PART not in found:
            return found
        start, at = at, at + next(sizes)
        part = content[start:at]
        if found[_PART] is None:
            return part
        dtype, shape = found[_PART]
        return np.frombuffer(part, np.dtype(dtype)).reshape(shape).copy()

    return json.loads(text, object_hook=whole)[0]


def write_frame(stream: BinaryIO, content: bytes) -> None:
    """Bytes, with their length before them; OSError if nobody reads any more."""
    stream.write(len(content).to_bytes(_LENGTH, "big"))
    stream.write(content)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next bytes of `write_frame`; None at the stream's end, also where it breaks off."""
    length = stream.read(_LENGTH)
    if len(length) < _LENGTH:
        return None
    content = stream.read(size := int.from_bytes(length, "big"))
    return content if len(content) == size else None


def _plain(value: Any, parts: list[bytes]) -> Any:
    """The value as JSON has it; what is put aside is added to the parts, in the order of the text."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of objects cannot be sent")
        parts.append(value.tobytes())
        return {_PART: [value.dtype.str, value.shape]}
    if isinstance(value, bytes):
        parts.append(value)
        return {_PART: None}
    if isinstance(value, list | tuple):
        return [_plain(each, parts) for each in value]
    if isinstance(value, dict):
        if _PART in value:
            raise ValueError("a dict with an empty key cannot be sent")
        return {key: _plain(each, parts) for key, each in value.items()}
    return value
