"""What may lie behind a person: plain and graded colours, smooth noise, leaves and bars, stripes, another photo.

Each is an (H, W, 3) float32 picture on the 0..255 scale, drawn by the generator that is given.
"""

from __future__ import annotations

import numpy as np

from pysketch.images.filters import ndimage
from pysketch.images.pictures import draw_polygons, resize
from pysketch.images.variation.light import ramp

KINDS = ("plain", "noise", "shapes", "stripes", "photo")
_ODDS = np.array([0.25, 0.25, 0.25, 0.1, 0.15])
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_OVAL = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_BAR = np.array([(-3.0, -0.3), (3.0, -0.3), (3.0, 0.3), (-3.0, 0.3)])


def random_background(rng: np.random.Generator, size: tuple[int, int], other: np.ndarray | None) -> np.ndarray:
    """One of `KINDS` of size (height, width); other: the photo of the kind that needs one, (H, W, 3) uint8."""
    kinds = len(KINDS) - (other is None)
    kind = rng.choice(KINDS[:kinds], p=_ODDS[:kinds] / _ODDS[:kinds].sum())
    make = {"plain": _plain, "noise": _noise, "shapes": _shapes, "stripes": _stripes}
    return _photo(rng, size, other) if kind == "photo" else make[kind](rng, size)


def _plain(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A colour that changes from one side to the other, a little or a lot."""
    one, other = _colour(rng), _colour(rng)
    other = one + (other - one) * rng.random()
    share = (ramp(size, rng.uniform(0, 2 * np.pi))[..., None] + 1) / 2
    return (one + (other - one) * share).astype(np.float32)


def _noise(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Smooth noise of several scales, from blots as large as a head to grains of a few pixels."""
    height, width = size
    total = np.zeros((height, width, 3), np.float32)
    colours = rng.random() < 0.5
    for cells in (3, 6, 12, 25, 60):
        grid = rng.uniform(0, 255, (cells, max(2, cells * width // height), 3 if colours else 1))
        grid = np.broadcast_to(grid, (*grid.shape[:2], 3)).astype(np.uint8)
        total += rng.exponential() * (resize(grid, width, height).astype(np.float32) - 127.5)
    total *= rng.uniform(25, 80) / max(1.0, float(total.std()))
    return np.clip(total + _colour(rng), 0, 255)


def _shapes(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Overlapping leaves (ovals) and bars over a plain ground, sharp or out of focus."""
    height, width = size
    ground = _plain(rng, size).astype(np.uint8)
    number = int(np.exp(rng.uniform(np.log(5), np.log(60))))
    reach = rng.uniform(0.05, 0.5) * height
    palette = [_colour(rng) for _ in range(rng.integers(2, 6))]
    polygons = []
    for _ in range(number):
        centre, angle = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0, 2 * np.pi)
        outline = (_OVAL if rng.random() < 0.5 else _BAR) * rng.uniform(0.2, 1, 2) * reach
        turned = outline @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        polygons.append((turned + centre, palette[rng.integers(len(palette))] * rng.uniform(0.7, 1.2)))
    return _out_of_focus(rng, draw_polygons(ground, polygons).astype(np.float32), 4.0)


def _stripes(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Stripes of two colours and one width, like a curtain, a fence or a blind, sharp or out of focus."""
    height, width = size
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    across = np.arange(width) * np.cos(angle) + (np.arange(height) * np.sin(angle))[:, None]
    first = (across / period + rng.random()) % 1 < rng.uniform(0.2, 0.8)
    picture = np.where(first[..., None], _colour(rng), _colour(rng)).astype(np.float32)
    return _out_of_focus(rng, picture, 4.0)


def _photo(rng: np.random.Generator, size: tuple[int, int], other: np.ndarray) -> np.ndarray:
    """Another photo, mirrored or not, larger, darker, out of focus."""
    height, width = size
    picture = other[:, ::-1] if rng.random() < 0.5 else other
    zoom = rng.uniform(1, 2.5)
    h, w = max(1, int(picture.shape[0] / zoom)), max(1, int(picture.shape[1] / zoom))
    top, left = rng.integers(picture.shape[0] - h + 1), rng.integers(picture.shape[1] - w + 1)
    picture = resize(picture[top : top + h, left : left + w], width, height).astype(np.float32)
    return _out_of_focus(rng, picture * rng.uniform(0.4, 1.1), 6.0).clip(0, 255)


def _out_of_focus(rng: np.random.Generator, picture: np.ndarray, most: float) -> np.ndarray:
    """Half of the pictures blurred by up to `most` pixels."""
    if rng.random() < 0.5:
        return picture
    return ndimage().gaussian_filter(picture, (*(rng.uniform(0.5, most),) * 2, 0), truncate=2.5)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A grey or strong colour; two thirds of them dark, as hair is hardest to tell from those."""
    grey = 255 * rng.random() ** 2
    return np.clip(grey + rng.uniform(0, 1) * (rng.uniform(0, 255, 3) - grey), 0, 255)
