"""Light from a side, and a shadow cast on part of the face."""

from __future__ import annotations

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""The shares of R, G and B in luma (BT.601)."""


def ramp(size: tuple[int, int], angle: float) -> np.ndarray:
    """(H, W) numbers from -1 at one side to 1 at the other, in the direction `angle` (radians)."""
    height, width = size
    rows, columns = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    cosine, sine = np.cos(angle), np.sin(angle)
    return (cosine * columns + sine * rows) / (abs(cosine) + abs(sine))


def side_light(size: tuple[int, int], angle: float, strength: float) -> np.ndarray:
    """(H, W, 1) factors exp(strength x), x from -1 to 1 across the picture in the direction `angle` (radians)."""
    return np.exp(np.float32(strength) * ramp(size, angle))[..., None]


def cast_shadow(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 1) factors: 1 in the light, 0.3 to 0.75 behind an edge, straight or round, sharp or soft, by chance.

    The edge goes through the middle two thirds of the picture, where the face is.
    """
    height, width = size
    rows = np.arange(height, dtype=np.float32)[:, None] / height - rng.uniform(0.3, 0.7)
    columns = np.arange(width, dtype=np.float32) / width - rng.uniform(0.3, 0.7)
    angle, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.01, 0.08)
    if rng.random() < 0.5:
        distance = np.cos(angle) * columns + np.sin(angle) * rows
    else:
        radius = rng.uniform(0.15, 0.5)
        distance = radius - np.hypot(columns + radius * np.cos(angle), rows + radius * np.sin(angle))
    dark = 1 / (1 + np.exp(-np.clip(distance / np.float32(soft), -20, 20)))
    return (1 - np.float32(rng.uniform(0.25, 0.7)) * dark)[..., None].astype(np.float32)


def without_colour(photo: np.ndarray) -> np.ndarray:
    """An (H, W, 3) photo in its own luma."""
    return np.repeat((photo @ LUMA)[..., None], 3, axis=2)
