"""Pairs for the tests of baselines: without any order, or smooth, with sketches that depend on their photos."""

from __future__ import annotations

import numpy as np

from pysketch.images.pairs import Pair


def random_pairs(n: int, h: int, w: int, seed: int = 0, high: int = 256) -> list[Pair]:
    """Pairs of random pictures; photos below `high`."""
    rng = np.random.default_rng(seed)
    return [
        Pair(str(i), rng.integers(0, high, (h, w, 3)).astype(np.uint8), rng.integers(0, 256, (h, w)).astype(np.uint8))
        for i in range(n)
    ]


def made_pairs(seed: int, n: int = 6, h: int = 23, w: int = 19) -> list[Pair]:
    """Smooth random photos and sketches that depend on them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:h, :w]
    pairs = []
    for number in range(n):
        a, b, c = rng.uniform(0.1, 0.5, 3)
        wave = np.sin(a * y + c) * np.cos(b * x) + rng.normal(0, 0.05, (h, w))
        photo = 128 + 90 * np.stack([wave, 0.8 * wave, wave**2], axis=-1)
        pairs.append(Pair(str(number), np.uint8(np.clip(photo, 0, 255)), np.uint8(np.clip(200 - 50 * wave, 0, 255))))
    return pairs
