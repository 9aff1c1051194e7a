"""What passes between browser and page: pictures as data URLs, eyes as lists of numbers, sentences as plain text."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from pysketch.errors import DataError
from pysketch.images import encode_picture
from pysketch.page.studio import MOST_FACES

_PLAIN_PIXELS = 2_000_000  # a colour picture of more is sent as JPEG, which takes a tenth of PNG's time and bytes
_STARTS = {b"\x89PNG\r\n": "png", b"\xff\xd8\xff": "jpeg"}
_DATA = re.compile(r"data:image/[\w.+-]+;base64,([A-Za-z0-9+/]+={0,2})")
_MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")


def to_url(picture: np.ndarray | bytes) -> str:
    """A picture, uint8, as a data URL of a PNG file, or of a JPEG file if it is large and coloured.

    Of a PNG or JPEG file's bytes: of that very file.
    """
    if isinstance(picture, np.ndarray):
        large = picture.ndim == 3 and picture.size > 3 * _PLAIN_PIXELS
        picture = encode_picture(picture, ".jpg" if large else ".png")
    kind = next(kind for start, kind in _STARTS.items() if picture.startswith(start))
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def is_sent_as_it_is(content: bytes) -> bool:
    """Whether `to_url` takes a file's bytes; browsers show these kinds."""
    return content.startswith(tuple(_STARTS))


def from_url(url: str) -> bytes:
    """The file in a data URL of a picture; DataError for any other address: nothing is fetched."""
    match = _DATA.fullmatch(url)
    if not match:
        raise DataError("expected a picture in the page, found something else; take the picture again")
    try:
        return base64.b64decode(match[1])
    except binascii.Error:
        raise DataError("the picture did not arrive whole; take it again") from None


def to_eyes(value: Any) -> list[np.ndarray]:
    """The eyes of each face out of a browser's nested lists: (2, 2) float64 each; DataError for anything else."""
    try:
        faces = np.atleast_1d(np.array(value, np.float64))
    except (ValueError, TypeError):
        faces = np.empty(0)
    if faces.shape != (len(faces), 2, 2) or not 1 <= len(faces) <= MOST_FACES or not np.isfinite(faces).all():
        raise DataError("expected the eyes of a face, found none; take the picture again")
    return list(faces)


def from_eyes(faces: Sequence[np.ndarray]) -> list[list[list[float]]]:
    """The same as nested lists, to a tenth of a pixel."""
    return [np.round(eyes, 1).tolist() for eyes in faces]


def plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line, whatever is in it."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
