"""Outlines of a synthetic face's features, in pixels; the photo and the drawing are both made from these.

`side` is -1 for the left of the picture and 1 for the right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pysketch.images.synthetic.face import Face
from pysketch.images.synthetic.shapes import smooth_curve

SIDES = (-1, 1)


def sided(face: Face, side: int, points: ArrayLike) -> np.ndarray:
    """Points given as distance from the middle line and height, placed on one side of the face."""
    points = np.asarray(points, dtype=float)
    return np.stack([face.centre_x + side * points[:, 0], points[:, 1]], axis=1)


def both_sides(face: Face, points: ArrayLike) -> np.ndarray:
    """Points of the right half, from top to bottom, as one loop around both halves."""
    return np.concatenate([sided(face, 1, points), sided(face, -1, points)[::-1]])


def jaw_points(face: Face) -> list[tuple[float, float]]:
    """Right half of the face's outline from the temple to the chin."""
    wide, chin_y = face.head_width, face.chin_y
    level = 0.55 * face.mouth_y + 0.45 * chin_y - 12
    return [
        (wide, face.eye_y - 14),
        (0.985 * wide, face.eye_y + 14),
        (0.93 * wide, 0.5 * (face.eye_y + 14 + level)),
        (face.jaw * wide, level),
        (0.5 * (face.jaw + face.chin) * wide + 3, chin_y - 14),
        (face.chin * wide, chin_y - 4),
        (face.chin * wide * 0.4, chin_y),
    ]


def head_outline(face: Face) -> np.ndarray:
    """The head from crown to chin, ears left out."""
    wide, crown = face.head_width, face.crown_y
    skull = [(0.2 * wide, crown + 0.5), (0.6 * wide, crown + 10), (0.9 * wide, crown + 33)]
    return smooth_curve(both_sides(face, skull + jaw_points(face)), closed=True)


def ear_outline(face: Face, side: int) -> np.ndarray:
    """One ear."""
    wide, top = face.head_width - 2, face.eye_y - 8
    size = face.ear_size
    loop = [
        (wide - 3, top + 4),
        (wide + 3, top - 2),
        (wide + 8.5, top + 0.14 * size),
        (wide + 8, top + 0.5 * size),
        (wide + 4.5, top + 0.85 * size),
        (wide, top + size),
        (wide - 6, top + 0.8 * size),
    ]
    return smooth_curve(sided(face, side, loop), closed=True)


def ear_fold(face: Face, side: int) -> np.ndarray:
    """The line inside one ear."""
    wide, top, size = face.head_width - 2, face.eye_y - 8, face.ear_size
    return smooth_curve(
        sided(
            face,
            side,
            [
                (wide + 2, top + 3),
                (wide + 5.8, top + 0.2 * size),
                (wide + 5, top + 0.5 * size),
                (wide + 2, top + 0.72 * size),
            ],
        )
    )


def eye_centre(face: Face, side: int) -> tuple[float, float]:
    """(x, y) of one pupil."""
    return face.centre_x + side * face.eye_distance / 2, face.eye_y


def _around_eye(face: Face, side: int, points: ArrayLike) -> np.ndarray:
    """Points with x growing outwards from the pupil, and y downwards from it."""
    x, y = eye_centre(face, side)
    return smooth_curve([(x + side * out, y + down) for out, down in points])


def upper_lid(face: Face, side: int, lift: float = 0.0) -> np.ndarray:
    """From the inner to the outer corner; `lift` raises the middle (for the crease above the lid)."""
    wide, high, slant = face.eye_width, face.eye_open, face.eye_slant
    return _around_eye(
        face,
        side,
        [
            (-wide, 1.8 - 0.5 * lift),
            (-0.5 * wide, -0.72 * high - lift),
            (0.05 * wide, -high - lift),
            (0.6 * wide, -0.66 * high - 0.5 * slant - lift),
            (wide, 0.4 - slant - 0.6 * lift),
        ],
    )


def lower_lid(face: Face, side: int, drop: float = 0.0) -> np.ndarray:
    """From the inner to the outer corner; `drop` lowers the middle (for the line below the eye)."""
    wide, high, slant = face.eye_width, face.eye_open, face.eye_slant
    return _around_eye(
        face,
        side,
        [
            (-wide, 1.8),
            (-0.4 * wide, 0.62 * high + 0.7 + drop),
            (0.3 * wide, 0.7 * high + 0.3 + drop),
            (wide, 0.4 - slant),
        ],
    )


def brow_line(face: Face, side: int) -> np.ndarray:
    """The middle of one brow, from its inner to its outer end."""
    wide, up = face.eye_width, face.brow_gap
    arch, slant = face.brow_arch, face.brow_slant
    return _around_eye(
        face,
        side,
        [
            (-1.15 * wide, 1.5 - up),
            (-0.3 * wide, -up - 0.7 * arch - 0.3 * slant),
            (0.55 * wide, -up - arch - 0.7 * slant),
            (1.5 * wide, 2.5 - up - slant),
        ],
    )


def nostril_wing(face: Face, side: int) -> np.ndarray:
    """The curved edge of one nostril."""
    wide, base = face.nose_width, face.nose_y
    return smooth_curve(
        sided(face, side, [(wide - 2.2, base - 9), (wide, base - 5), (wide - 0.4, base - 1), (wide - 3, base + 0.3)])
    )


def nostril(face: Face, side: int) -> np.ndarray:
    """The dark opening of one nostril."""
    wide, base = face.nose_width, face.nose_y
    return smooth_curve(
        sided(face, side, [(0.26 * wide, base + 0.8), (0.48 * wide, base - 0.9), (0.72 * wide, base + 0.2)])
    )


def nose_tip(face: Face) -> np.ndarray:
    """The line below the tip, from left to right."""
    wide, base = face.nose_width, face.nose_y
    return smooth_curve(
        [
            (face.centre_x + share * wide, base + down)
            for share, down in ((-0.34, 1.2), (-0.1, 2.8), (0.1, 2.8), (0.34, 1.2))
        ]
    )


def nose_side(face: Face, side: int) -> np.ndarray:
    """From the inner end of the brow down beside the bridge."""
    bridge = face.nose_bridge
    return smooth_curve(
        sided(
            face,
            side,
            [
                (bridge + 4.5, face.eye_y - face.brow_gap + 4),
                (bridge + 0.3, face.eye_y - 4),
                (bridge - 0.6, face.eye_y + 8),
                (0.62 * face.nose_width, face.nose_y - 12),
            ],
        )
    )


def lip_line(face: Face) -> np.ndarray:
    """Between the lips, from left to right."""
    return _across_mouth(face, [(1, -face.smile), (0.5, 0.2), (0.15, 1.0), (0, 0.3)])


def upper_lip(face: Face) -> np.ndarray:
    """Upper edge of the upper lip, from left to right."""
    up = face.upper_lip
    return _across_mouth(face, [(1, -face.smile), (0.55, -0.72 * up), (0.17, -up), (0, -0.72 * up)])


def lower_lip(face: Face) -> np.ndarray:
    """Lower edge of the lower lip, from left to right."""
    down = face.lower_lip
    return _across_mouth(face, [(1, -face.smile), (0.62, 0.62 * down), (0.25, 0.97 * down), (0, down)])


def _across_mouth(face: Face, half: ArrayLike) -> np.ndarray:
    """A smooth curve through the half's points (share of mouth_width, pixels down) and their mirror image."""
    points = [(share * face.mouth_width, face.mouth_y + down) for share, down in half]
    return smooth_curve(np.concatenate([sided(face, -1, points), sided(face, 1, points[:-1])[::-1]]))


def smile_fold(face: Face, side: int) -> np.ndarray:
    """From beside the nostril down to beside the mouth."""
    return smooth_curve(
        sided(
            face,
            side,
            [
                (face.nose_width + 2.5, face.nose_y - 4),
                (face.nose_width + 8, face.nose_y + 6),
                (face.mouth_width + 5, face.mouth_y - 3),
            ],
        )
    )


def rim(face: Face, side: int) -> np.ndarray:
    """One rim of the glasses, as a closed curve."""
    x, y = eye_centre(face, side)
    angle = np.linspace(0, 2 * np.pi, 80)
    power = {"round": 1.0, "square": 0.45}[face.glasses]
    wide, high = {"round": (17.0, 15.5), "square": (18.5, 13.0)}[face.glasses]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack(
        [
            x + side * 0.8 + wide * np.sign(cosine) * np.abs(cosine) ** power,
            y + 1.5 + high * np.sign(sine) * np.abs(sine) ** power,
        ],
        axis=1,
    )


def glasses_wires(face: Face) -> list[np.ndarray]:
    """The bridge between the rims, and the two arms back to the ears."""
    reach = {"round": 17.0, "square": 18.5}[face.glasses]
    inner, outer = face.eye_distance / 2 - reach + 0.8, face.eye_distance / 2 + reach + 0.8
    bridge = smooth_curve(
        [
            (face.centre_x - inner, face.eye_y - 1),
            (face.centre_x, face.eye_y - 3.5),
            (face.centre_x + inner, face.eye_y - 1),
        ]
    )
    arm = [(outer, face.eye_y - 2), (face.head_width + 1, face.eye_y - 4)]
    return [bridge, *(sided(face, side, arm) for side in SIDES)]


def beard_outline(face: Face) -> np.ndarray:
    """The bearded region: its loop lies outside the jaw, where the head clips it, and above the upper lip."""
    wide = face.head_width
    inside = [
        (0.98 * wide, face.eye_y + 8),
        (0.84 * wide, face.eye_y + 32),
        (0.66 * wide, face.nose_y + 8),
        (face.mouth_width + 8, face.nose_y + 10),
        (0.55 * face.nose_width, face.nose_y + 6.5),
        (0, face.nose_y + 8),
    ]
    outside = [(1.1 * wide, face.eye_y + 8), (1.1 * wide, face.chin_y), (0.5 * wide, face.chin_y + 8)]
    top = smooth_curve(inside)
    return both_sides(face, np.concatenate([top[::-1], outside]))


def moustache_outline(face: Face) -> np.ndarray:
    """The region of a moustache, around the upper lip."""
    wide, top = face.mouth_width, face.nose_y + 4
    return smooth_curve(
        both_sides(
            face,
            [
                (0, top + 1),
                (0.5 * wide, top + 2),
                (wide + 2, face.mouth_y - 2),
                (wide + 3, face.mouth_y + 3),
                (0.6 * wide, face.mouth_y - 1.5),
                (0.1 * wide, face.mouth_y - face.upper_lip * 0.6),
            ],
        ),
        closed=True,
    )
