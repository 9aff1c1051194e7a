"""Outlines of a synthetic person's neck and clothes, in pixels."""

from __future__ import annotations

import numpy as np

from pysketch.images.synthetic.face import Face
from pysketch.images.synthetic.geometry import SIDES, both_sides, sided
from pysketch.images.synthetic.shapes import smooth_curve


def neck_outline(face: Face) -> np.ndarray:
    """The neck, from under the jaw down into the shoulders."""
    wide = face.neck * face.head_width
    return smooth_curve(
        both_sides(
            face,
            [(wide, 165), (wide * 0.97, 205), (wide + 1, 218), (wide + 9, 229), (wide + 36, 243), (wide + 45, 262)],
        ),
        closed=True,
    )


def clothes_outline(face: Face) -> np.ndarray:
    """Shoulders with the neck hole of the face's collar."""
    wide = face.neck * face.head_width
    depths = {"crew": (240, 225), "v-neck": (262, 225), "shirt": (254, 220), "turtleneck": (214, 208)}
    depth, top = depths[face.collar]
    if face.collar == "turtleneck":
        hole = [(0, depth + 1), (0.6 * wide, depth - 2), (wide + 2, top), (wide + 4, 222)]
    elif face.collar == "crew":
        hole = [(0, depth), (0.65 * wide, depth - 4), (wide + 5, top)]
    else:
        hole = [(0, depth), (0.5 * wide, depth - 15), (wide + 4, top)]
    hole = smooth_curve(hole)
    shoulder = smooth_curve([hole[-1], (wide + 22, 233), (wide + 46, 241), (wide + 70, 262)])
    return both_sides(face, np.concatenate([hole, shoulder]))


def collar_flaps(face: Face) -> list[np.ndarray]:
    """The two points of a shirt's collar, as outlines; none for other collars."""
    if face.collar != "shirt":
        return []
    wide = face.neck * face.head_width
    flap = [(wide + 2, 213), (wide + 9, 224), (0.72 * wide, 248), (0.1 * wide, 252), (0.6 * wide, 238)]
    return [sided(face, side, flap) for side in SIDES]


def collar_band(face: Face) -> list[np.ndarray]:
    """The line that runs along the neck hole a few pixels below it."""
    wide = face.neck * face.head_width
    half = {
        "crew": [(wide + 10, 227), (0.7 * wide, 241), (0, 246)],
        "shirt": [(1, 252), (0, 256)],
        "v-neck": [(wide + 9, 227), (0.58 * wide, 253), (0.3 * wide, 262)],
        "turtleneck": [(wide + 5, 223), (0.6 * wide, 230), (0, 232)],
    }[face.collar]
    return [smooth_curve(sided(face, side, half)) for side in SIDES]
