"""Made pairs: for training, for tests, and any number of further ones, each of another person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from pysketch.images.synthetic.face import random_face
from pysketch.images.synthetic.photo import draw_photo
from pysketch.images.synthetic.sketch import draw_sketch

_FIRST_TRAINING_SEED = 1000
_FIRST_TEST_SEED = 900000  # far enough for any number of training persons
_FIRST_FURTHER_SEED = 2000000


def face_pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The photo (250, 200, 3) and the drawing (250, 200) of random_face(seed), uint8, 0 to 255."""
    face = random_face(seed)
    return draw_photo(face), draw_sketch(face)


def training_pairs(n: int = 88) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """A list of n (name, photo, sketch), the same forever; CUFS has 88 students to train on."""
    return _pairs("train", _FIRST_TRAINING_SEED, n, {})


def test_pairs(n: int = 24, **changes: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """A list of n (name, photo, sketch) of other persons than the training pairs show.

    changes: parameters of `Face` that all of them are given in place of their own, such as `skin`.
    """
    return _pairs("test", _FIRST_TEST_SEED, n, changes)


def further_pairs(n: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """n (name, photo, sketch), made one after the other, of persons who are in neither of the two lists."""
    for k in range(n):
        yield f"face-{k:03d}", *face_pair(_FIRST_FURTHER_SEED + k)


def _pairs(prefix: str, first: int, n: int, changes: dict[str, Any]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    faces = [replace(random_face(first + i), **changes) for i in range(n)]
    return [(f"{prefix}-{i:03d}", draw_photo(face), draw_sketch(face)) for i, face in enumerate(faces)]
