"""Small galleries of made people, for tests that look for somebody."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pysketch.images import synthetic
from pysketch.search import matching
from pysketch.search.describe import DESCRIPTION, describe
from pysketch.search.gallery_file import Identity, Part, write_gallery
from pysketch.search.portraits import Portrait, columns_of

NET = hashlib.sha256(b"a net").hexdigest()


@cache
def people(number: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, photo, the artist's sketch) of so many made people; the photo is a tinted sketch, which is quicker."""
    sketches = [synthetic.draw_sketch(synthetic.random_face(900000 + k)) for k in range(number)]
    return [(f"test-{k:03d}", np.stack([each, each, 255 - each], -1), each) for k, each in enumerate(sketches)]


def drawn(sketch: np.ndarray, seed: int) -> np.ndarray:
    """What a net would draw, if it drew as the artist does but not quite."""
    noise = np.random.default_rng(seed).normal(0, 20, sketch.shape)
    return np.clip(sketch * 0.8 + 40 + noise, 0, 255).astype(np.uint8)


def picture(array: np.ndarray, kind: str = "PNG") -> bytes:
    """The bytes of a picture file."""
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind)
    return stream.getvalue()


@cache
def portrait(k: int, copy: int) -> Portrait:
    """The k-th made person, in one of several photos."""
    name, photo, sketch = people(3)[k]
    file, seen = f"photos/{name}_{copy}.png", drawn(sketch, 3 * copy + k)
    eyes, digest = np.full((2, 2), np.nan, np.float32), hashlib.sha256(file.encode()).digest()
    return Portrait(name, file, digest, eyes, *describe(seen), picture(seen), picture(photo, "JPEG"))


def write_people(path: Path, sketches: bool = True, photos: bool = True, copies: int = 1) -> Path:
    """A gallery of three made people at this path, each with so many photos, which differ by their noise."""
    path.write_bytes(_gallery(sketches, photos, copies))
    return path


@cache
def _gallery(sketches: bool, photos: bool, copies: int) -> bytes:
    portraits = [portrait(k, copy) for copy in range(copies) for k in range(3)]
    if not sketches:
        portraits = [replace(each, sketch=b"") for each in portraits]
    if not photos:
        portraits = [replace(each, photo=b"") for each in portraits]
    columns = columns_of(portraits)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gallery.h5"
        write_gallery(path, Identity(NET, DESCRIPTION), [Part(columns, np.arange(len(columns)))])
        return path.read_bytes()


def few_transforms(patch: pytest.MonkeyPatch) -> None:
    """Let a query be moved to few places and not turned: a ninth of the work."""
    patch.setattr(matching, "TURNS", (0.0,))
    patch.setattr(matching, "SIZES", (1.0,))
