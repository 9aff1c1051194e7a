"""What the tests of galleries share: portraits of nobody, galleries of them, what a folder's files hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pysketch.images.pictures import encode_picture
from pysketch.search.describe import Description
from pysketch.search.gallery_file import GalleryFile, Identity, Part, write_gallery
from pysketch.search.portraits import Portrait, columns_of

IDENTITY = Identity("5e" * 32, 3)
OUTLINE, DETAIL = 5, 11


def portrait(k: int, person: str | None = None, pictures: bool = True) -> Portrait:
    """The k-th, always the same: everything in it is found by its bytes, and nowhere else."""
    rng = np.random.default_rng(k)
    picture = rng.integers(0, 256, (9, 8, 3)).astype(np.uint8)
    return Portrait(
        person=person or f"person-{k}",
        path=f"photos/of-{k}.jpg",
        digest=hashlib.sha256(b"%d" % k).digest(),
        eyes=rng.uniform(0, 99, (2, 2)).astype(np.float32),
        outline=rng.integers(-127, 128, OUTLINE).astype(np.int8),
        detail=rng.integers(-127, 128, DETAIL).astype(np.int8),
        sketch=encode_picture(picture[:, :, 0], ".png") if pictures else b"",
        photo=encode_picture(picture, ".jpg") if pictures else b"",
    )


def some_pixels(sketch: np.ndarray) -> Description:
    """In place of `describe`, which takes its time."""
    return Description(*(np.resize(sketch, n).astype(np.int8) for n in (OUTLINE, DETAIL)))


def make_gallery(path: Path, portraits: Sequence[Portrait], identity: Identity = IDENTITY) -> GalleryFile:
    """A gallery of these, written and opened."""
    columns = columns_of(portraits)
    write_gallery(path, identity, [Part(columns, np.arange(len(columns)))])
    return GalleryFile(path)


def held(path: Path) -> dict[str, tuple]:
    """Path -> everything that the gallery holds of each photo."""
    columns = GalleryFile(path).columns
    return {
        columns.path_of(k): (
            columns.name_of(k),
            columns.digests[k].tobytes(),
            columns.eyes[k].tobytes(),
            columns.outlines[k].tobytes(),
            columns.details[k].tobytes(),
            columns.sketches[k],
            columns.photos[k],
        )
        for k in range(len(columns))
    }


def expected(portraits: Sequence[Portrait]) -> dict[str, tuple]:
    """What `held` gives of a gallery of these."""
    return {
        each.path: (
            each.person,
            each.digest,
            each.eyes.tobytes(),
            each.outline.tobytes(),
            each.detail.tobytes(),
            each.sketch,
            each.photo,
        )
        for each in portraits
    }


def traces(folder: Path, portrait: Portrait) -> list[str]:
    """Where in the files of a folder something of a portrait stands: its name, path, digest, numbers, pictures."""
    parts = {
        "name": portrait.person.encode(),
        "path": portrait.path.encode(),
        "digest": portrait.digest,
        "outline": portrait.outline.tobytes(),
        "detail": portrait.detail.tobytes(),
        "sketch": portrait.sketch[33:],  # behind what every PNG begins with
        "photo": portrait.photo[-40:],
    }
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return [f"{name}: {what}" for name, content in contents.items() for what, part in parts.items() if part in content]
