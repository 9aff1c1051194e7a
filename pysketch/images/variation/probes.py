"""Test photos with one thing changed, the skin's tone or what lies behind the person, to see what a net makes of it.

Unlike what nets learn from (`vary`), nothing is left to chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.pairs import SYNTHETIC, Pair
from pysketch.images.pictures import read_photo, resize
from pysketch.images.variation.names import BACKGROUNDS
from pysketch.images.variation.parts import CHEEKS, Parts, find_parts, oval
from pysketch.images.variation.recolour import MONK_TONES, with_skin
from pysketch.images.variation.vary import before, levels

_PLAIN = {"black": (0, 0, 0), "brown": (101, 67, 33), "grey": (128, 128, 128), "white": (255, 255, 255)}
_BAR, _GRAIN = 12, 8  # pixels across a bar and a grain of noise
_SCREEN = ((120, 205, 245), (90, 170, 215))  # at the upper and the lower edge
_FOREHEAD = (100, 97, 20, 5)
_INNER_FACE = (100, 146, 42, 56)


def with_screen(pairs: Sequence[Pair], source: str) -> list[tuple[Pair, Parts]]:
    """Those pairs whose photo has a blue screen behind the person, and their parts.

    source: where they come from; the synthetic ones are made anew before a screen. DataError if no photo has one.
    """
    if source == SYNTHETIC:
        pairs = synthetic_pairs(background_top=_SCREEN[0], background_bottom=_SCREEN[1])
    found = [(pair, find_parts(pair.photo, pair.sketch)) for pair in pairs]
    found = [(pair, parts) for pair, parts in found if parts.has_screen]
    if not found:
        raise DataError(f"{source}: none of the {len(pairs)} photos has a blue screen, by which the person is found")
    return found


def synthetic_pairs(**changes: Any) -> list[Pair]:
    """The synthetic test pairs, made with other parameters of `synthetic.Face`."""
    return [Pair(*values) for values in synthetic.test_pairs(**changes)]


def synthetic_in_tone(tone: int) -> list[Pair]:
    """The synthetic test pairs, all with skin of one of the ten Monk tones, from 1, light, to 10, dark."""
    return synthetic_pairs(skin=tuple(MONK_TONES[tone - 1].tolist()))


def in_tone(pair: Pair, parts: Parts, tone: int) -> Pair:
    """The pair, the skin in its photo given one of the ten Monk tones by `with_skin`, its shading kept."""
    return replace(pair, photo=levels(with_skin(pair.photo.astype(np.float32), parts, MONK_TONES[tone - 1])))


def before_background(pair: Pair, parts: Parts, picture: np.ndarray) -> Pair:
    """The pair, the screen in its photo replaced by a picture (H, W, 3) uint8, which is resized to the photo's size."""
    height, width = pair.photo.shape[:2]
    behind = picture if picture.shape[:2] == (height, width) else resize(picture, width, height)
    return replace(pair, photo=levels(before(behind.astype(np.float32), pair.photo.astype(np.float32), parts)))


def find_background(name: str) -> np.ndarray:
    """One of BACKGROUNDS, or a picture file: (H, W, 3) uint8. DataError if it is neither."""
    height, width = 250, 200
    if name in _PLAIN:
        return np.full((height, width, 3), _PLAIN[name], np.uint8)
    if name == "stripes":
        bars = np.where(np.arange(width) // _BAR % 2, 255, 0).astype(np.uint8)
        return np.broadcast_to(bars[:, None], (height, width, 3))
    if name == "noise":
        grains = np.random.default_rng(0).integers(0, 256, (-(-height // _GRAIN), width // _GRAIN, 3), np.uint8)
        return grains.repeat(_GRAIN, axis=0).repeat(_GRAIN, axis=1)[:height]
    if not Path(name).is_file():
        raise DataError(f'unknown background "{name}": expected {", ".join(BACKGROUNDS)}, or a picture file')
    return read_photo(name)


def skin_places(shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) bool: the forehead and both cheeks of an aligned face."""
    return np.any([oval(shape, *place) < 1 for place in (_FOREHEAD, *CHEEKS)], axis=0)


def inner_face(shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) bool: an oval from the forehead to the chin of an aligned face, without hair and background."""
    return oval(shape, *_INNER_FACE) < 1
