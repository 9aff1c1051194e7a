"""The hair of a synthetic face: ribbons between an inner and an outer edge, and the single hairs in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pysketch.images.synthetic.face import Face
from pysketch.images.synthetic.geometry import SIDES, brow_line, sided
from pysketch.images.synthetic.shapes import lengths, smooth_curve

_SAMPLES = 200  # points along a ribbon and along each hair
_COMBED_UP = ("crop", "receding", "bun")


@dataclass(frozen=True)
class Ribbon:
    """A band of hair from the parting (index 0) to the tips. Edges are (_SAMPLES, 2), point facing point."""

    inner: np.ndarray
    outer: np.ndarray
    across: bool  # whether the hairs run from edge to edge instead of along the band

    def outline(self) -> np.ndarray:
        """The band's border: down the inner edge and up the outer one."""
        return np.concatenate([self.inner, self.outer[::-1]])


def front_hair(face: Face) -> list[Ribbon]:
    """The ribbons in front of the head, left, right, and the fringe if there is one."""
    across = face.hair_style in _COMBED_UP
    ribbons = [
        Ribbon(_edge(face, side, _inner_edge(face, side)), _edge(face, side, _outer_edge(face, side)), across)
        for side in SIDES
    ]
    if face.hair_style == "fringe":
        ribbons.append(_fringe(face))
    return ribbons


def back_hair(face: Face) -> list[np.ndarray]:
    """Outlines of the hair behind the head: a bun, or what hangs behind the neck."""
    wide = face.head_width + 0.5 * face.hair_volume
    if face.hair_style == "bun":
        angle = np.linspace(0, 2 * np.pi, 60)
        radius = 13 + 0.4 * face.hair_volume
        top = face.crown_y - 0.35 * face.hair_volume - 0.55 * radius
        return [np.stack([face.centre_x + 1.15 * radius * np.cos(angle), top + radius * np.sin(angle)], 1)]
    bottom = {"long": 262.0, "bob": _bob_end(face) - 3, "fringe": _bob_end(face) - 3}.get(face.hair_style)
    if bottom is None:
        return []
    half = [(0.4 * wide, 80), (wide, 110), (1.08 * wide, 150), (1.02 * wide, bottom - 8), (0.8 * wide, bottom)]
    right, left = sided(face, 1, half), sided(face, -1, half)
    return [smooth_curve(np.concatenate([right, left[::-1]]), closed=True)]


def hairs(ribbon: Ribbon, count: int, wave: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`count` hairs of a ribbon: paths (count, m, 2), and how far along its hair each point lies, (1, m)."""
    stride = max(round(1.4 * _SAMPLES / lengths(ribbon.outer)[-1]), 1)  # points about 1.4 pixels apart
    along = np.linspace(0, 1, _SAMPLES)[::stride]
    lane = (np.arange(count) + rng.uniform(0, 1, count)) / count
    if ribbon.across:
        root = lane * (_SAMPLES - 1)
        along = np.linspace(0, 1, 40)
        lean = np.minimum(root[:, None] + 9 * along, _SAMPLES - 1)
        blend = along[None, :, None] * rng.uniform(0.75, 1.03, (count, 1, 1))
        inner, outer = _at(ribbon.inner, np.broadcast_to(root[:, None], lean.shape)), _at(ribbon.outer, lean)
    else:
        drift = rng.normal(0, 0.05, (count, 1, 1)) * along[None, :, None]
        blend = np.clip(lane[:, None, None] + drift, -0.02, 1.03)
        inner, outer = ribbon.inner[None, ::stride], ribbon.outer[None, ::stride]
    paths = inner + blend * (outer - inner)
    phase = rng.normal(0, 0.7, (count, 1)) + rng.uniform(0, 6)
    sway = (0.35 if ribbon.across else 1.0) * wave * np.sin(phase + 14 * along) * np.minimum(3 * along, 1)
    paths[..., 0] += sway
    return paths, along[None]


def curls(ribbon: Ribbon, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Like `hairs`, but short rings of hair strewn all over the ribbon."""
    turn = np.linspace(0, 1, 30)
    place = rng.uniform(0, _SAMPLES - 1, (count, 1))
    blend = rng.uniform(-0.02, 1.02, (count, 1, 1))
    centre = _at(ribbon.inner, place) * (1 - blend) + _at(ribbon.outer, place) * blend
    angle = rng.uniform(0, 2 * np.pi, (count, 1)) + rng.choice([-1, 1], (count, 1)) * 4.6 * turn
    radius = rng.uniform(2.2, 5.2, (count, 1)) * (1 - 0.45 * turn)
    return centre + radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1), turn[None]


def brow_hairs(face: Face, side: int, rng: np.random.Generator) -> np.ndarray:
    """Short hairs (k, m, 2) along one brow, fanning upwards and outwards."""
    line = brow_line(face, side)
    root = line[:: max(len(line) // 36, 1), None] + rng.normal(0, 0.35, (1, 1, 2))
    reach = np.linspace(-0.5, 0.7, 12)[None, :, None] * rng.uniform(0.7, 1.3, (len(root), 1, 1))
    swell = np.sin(np.linspace(0.4, np.pi - 0.15, len(root)))[:, None, None]
    return root + face.brow_thickness * swell * reach * np.array([side * 0.9, -0.75])


def _at(edge: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Points of an edge at fractional indices; position (k, m) gives (k, m, 2)."""
    low = np.minimum(position.astype(int), _SAMPLES - 2)
    share = (position - low)[..., None]
    return edge[low] * (1 - share) + edge[low + 1] * share


def _edge(face: Face, side: int, points: ArrayLike) -> np.ndarray:
    """_SAMPLES points at equal distances along the smooth curve through the points of one side."""
    curve = smooth_curve(sided(face, side, points))
    along = lengths(curve)
    at = np.linspace(0, along[-1], _SAMPLES)
    return np.stack([np.interp(at, along, curve[:, 0]), np.interp(at, along, curve[:, 1])], axis=1)


def _bob_end(face: Face) -> float:
    return face.chin_y - 10


def _inner_edge(face: Face, side: int) -> list[tuple[float, float]]:
    """The hairline on one side, from the parting to the tips, as (distance from the middle line, height)."""
    wide, top, style = face.head_width, face.hairline_y, face.hair_style
    start = side * face.parting
    if style == "receding":
        return [
            (0.62 * wide, face.crown_y + 11),
            (0.8 * wide, face.crown_y + 34),
            (0.88 * wide, face.eye_y - 22),
            (0.95 * wide, face.eye_y + 8),
        ]
    sweep = {
        "crop": (0, 3),
        "bun": (0, 3),
        "curly": (1, 6),
        "side part": (3, 13) if start < 0 else (0, 3),
        "long": (5, 18),
        "bob": (3, 14),
        "fringe": (3, 12),
    }[style]
    hairline = [
        (start * wide, top),
        ((0.62 * start + 0.31) * wide, top + sweep[0]),
        ((0.25 * start + 0.64) * wide, top + 3 + sweep[1]),
        (0.91 * wide, face.eye_y - 20),
    ]
    if style == "long":
        return [
            *hairline,
            (0.99 * wide, face.eye_y + 14),
            (0.97 * wide, face.eye_y + 55),
            (0.8 * wide, 226),
            (0.78 * wide, 265),
        ]
    if style in ("bob", "fringe"):
        return [
            *hairline,
            (0.98 * wide, face.eye_y + 14),
            (0.95 * wide, face.eye_y + 45),
            (0.72 * wide, _bob_end(face)),
        ]
    return [*hairline, (0.96 * wide, face.eye_y - 4), (0.97 * wide, face.eye_y + 8)]


def _outer_edge(face: Face, side: int) -> list[tuple[float, float]]:
    """The hair's silhouette on one side, in the same terms as the hairline."""
    style, wide = face.hair_style, face.head_width
    volume = face.hair_volume * {"curly": 1.7, "bun": 0.5, "crop": 0.75, "receding": 0.35}.get(style, 1.0)
    start = np.arcsin(np.clip(0.8 * side * face.parting, -1, 1)) if style != "receding" else 0.9
    angle = np.linspace(start, np.pi / 2, 9)
    level = face.eye_y - 22
    x = (wide + 0.55 * volume) * np.abs(np.sin(angle)) ** 0.9 * np.sign(np.sin(angle))
    y = level - (level - face.crown_y + volume) * np.cos(angle) ** 0.85
    arc = list(zip(x, y, strict=True))
    if style == "long":
        return [
            *arc,
            (1.03 * wide + 0.75 * volume, face.eye_y + 20),
            (1.1 * wide + 0.8 * volume, 185),
            (1.22 * wide + 0.8 * volume, 228),
            (1.2 * wide + 0.8 * volume, 265),
        ]
    if style in ("bob", "fringe"):
        return [
            *arc,
            (1.06 * wide + 0.7 * volume, face.eye_y + 18),
            (1.12 * wide + 0.7 * volume, face.eye_y + 48),
            (0.98 * wide, _bob_end(face) + 6),
        ]
    if style == "curly":
        arc = [(px + 1.6 * np.sin(9 * i), py + 1.6 * np.cos(7 * i)) for i, (px, py) in enumerate(arc)]
        return [*arc, (wide + 0.55 * volume, face.eye_y - 4), (1.03 * wide, face.eye_y + 14)]
    return [*arc, (1.03 * wide + 0.1 * volume, face.eye_y - 8), (1.0 * wide, face.eye_y + 9)]


def _fringe(face: Face) -> Ribbon:
    """Hair from the crown straight down over the forehead; its hairs run from edge to edge."""
    wide, low = face.head_width, face.eye_y - face.brow_gap - 5
    lower = [
        (-0.93 * wide, low + 13),
        (-0.6 * wide, low + 1),
        (0, low - 2),
        (0.6 * wide, low + 1),
        (0.93 * wide, low + 13),
    ]
    rise = face.crown_y - 0.4 * face.hair_volume
    upper = [
        (-0.9 * wide, rise + 44),
        (-0.5 * wide, rise + 14),
        (0, rise + 5),
        (0.5 * wide, rise + 14),
        (0.9 * wide, rise + 44),
    ]
    return Ribbon(_edge(face, 1, lower), _edge(face, 1, upper), across=True)
