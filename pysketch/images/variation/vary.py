"""Pairs varied by chance, so that a net learned from one studio's photos draws anybody's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pysketch.images.filters import ndimage
from pysketch.images.pairs import Pair
from pysketch.images.pictures import as_jpeg, warp
from pysketch.images.variation.backgrounds import random_background
from pysketch.images.variation.light import cast_shadow, side_light, without_colour
from pysketch.images.variation.parts import Parts
from pysketch.images.variation.recolour import HAIR_COLOURS, monk_tone, sketched_hair, with_hair, with_skin

PAPER = 255
"""The grey level of a sketch where nothing is drawn."""


@dataclass(frozen=True)
class Variation:
    """How far a pair is varied. Shares are of the draws, from 0 to 1; by default nothing is varied.

    background: share with something else behind the person. skin, hair: shares with another tone and colour.
    side_light: deviation of the ln of the light at one side over that of the middle. shadow: share with a shadow cast
    on the person. grey: share without colour. turn: deviation in degrees, zoom: of the ln of the size; photo and sketch
    alike. blur: the largest, in pixels; noise: the largest deviation, in grey levels; jpeg: share of photos that were
    JPEGs.
    """

    background: float = 0.0
    skin: float = 0.0
    hair: float = 0.0
    side_light: float = 0.0
    shadow: float = 0.0
    grey: float = 0.0
    turn: float = 0.0
    zoom: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: float = 0.0

    @property
    def is_off(self) -> bool:
        """Whether nothing is varied."""
        return self == Variation()


def vary(
    pair: Pair, parts: Parts, variation: Variation, rng: np.random.Generator, other: np.ndarray | None = None
) -> Pair:
    """A pair as it might have been: another background, skin, hair, light, place, camera; the same size.

    parts: `find_parts` of the pair. other: another pair's photo, which may lie behind the person. The same
    generator, at the same state, gives the same pair. The black wedges that aligning left lie behind the person, where
    another background covers them; in the sketch they are paper.
    """
    photo, sketch = pair.photo.astype(np.float32), pair.sketch.astype(np.float32)
    sketch[parts.unpainted] = PAPER
    if rng.random() < variation.skin:
        photo = with_skin(photo, parts, monk_tone(rng.uniform(0, 9)) * rng.uniform(0.75, 1.1), rng.uniform(0.9, 1.5))
    if rng.random() < variation.hair:
        colour = HAIR_COLOURS[rng.integers(len(HAIR_COLOURS))] * rng.uniform(0.8, 1.1)
        photo, sketch = with_hair(photo, parts, colour), sketched_hair(sketch, parts, colour)
    size = photo.shape[:2]
    light = side_light(size, rng.uniform(0, 2 * np.pi), rng.normal(0, variation.side_light))
    if rng.random() < variation.shadow:
        light = light * cast_shadow(rng, size)
    photo = np.minimum(photo * light, 255)
    if rng.random() < variation.background and parts.has_screen:
        photo = before(random_background(rng, size, other), photo, parts)
    if rng.random() < variation.grey:
        photo = without_colour(photo)
    photo, sketch = (levels(each) for each in (photo, sketch))
    if variation.turn or variation.zoom:
        matrix = _placement(rng, size, variation.turn, variation.zoom)
        photo, sketch = (warp(each, matrix, size[::-1], antialias=False) for each in (photo, sketch))
    return replace(pair, photo=_photographed(photo, rng, variation), sketch=sketch)


def before(background: np.ndarray, photo: np.ndarray, parts: Parts) -> np.ndarray:
    """The person before a background; what shines blue at the person's edge, the screen's light, is taken off."""
    person = photo.copy()
    near = ndimage().maximum_filter(parts.screen, 5)
    edge = (near > 0) & (parts.screen < 1)
    red, green, blue = (photo[..., channel][edge] for channel in range(3))
    person[..., 2][edge] = blue - near[edge] * np.maximum(blue - np.maximum(red, green), 0)
    person[..., 1][edge] = green - near[edge] * np.maximum(green - 1.1 * red, 0)
    return person + parts.screen[..., None] * (background - person)


def _placement(rng: np.random.Generator, size: tuple[int, int], turn: float, zoom: float) -> np.ndarray:
    """(2, 3): where a pixel of the turned and resized picture comes from; the picture's middle stays."""
    angle, scale = np.radians(rng.normal(0, turn)), np.exp(rng.normal(0, zoom))
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    middle = np.array([size[1] - 1, size[0] - 1]) / 2
    return np.column_stack([linear, middle - linear @ middle])


def _photographed(photo: np.ndarray, rng: np.random.Generator, variation: Variation) -> np.ndarray:
    """The photo as a worse camera would have taken it: half of them out of focus, half grainy."""
    if variation.blur and rng.random() < 0.5:
        sigma = rng.uniform(0, variation.blur)
        photo = levels(ndimage().gaussian_filter(photo.astype(np.float32), (sigma, sigma, 0), truncate=3))
    if variation.noise and rng.random() < 0.5:
        grain = rng.standard_normal(photo.shape, np.float32) * np.float32(rng.uniform(0, variation.noise))
        photo = levels(photo + grain)
    if rng.random() < variation.jpeg:
        photo = as_jpeg(photo, int(rng.integers(30, 96)))
    return photo


def levels(image: np.ndarray) -> np.ndarray:
    """Rounded to whole grey levels, uint8."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
