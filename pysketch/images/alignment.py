"""Alignment: a face turned, scaled and moved so that its eyes lie where the nets expect them.

The frame is that of CUFS (Wang and Tang, 2009) and of the paper's first step: 200 pixels wide, 250 high, the
eyes' centres at FRAME_EYES. "Left" and "right" are the picture's. Points are (x, y); the centre of the pixel
in row y and column x is at (x, y).

Two points fix a similarity, four numbers: with q = (u, v) in the frame and p = (x, y) in the picture

    x = a u - b v + c,   y = b u + a v + d;   a + ib = (right - left) / 50 as complex numbers.

What lies outside the picture is continued by its border pixels: a photo's background and a sketch's paper go
on as they were, where white would draw an edge into a photo that the net would then draw.
"""

from __future__ import annotations

import math

import numpy as np

from pysketch.errors import DataError
from pysketch.images.pictures import warp

FRAME_SIZE = (200, 250)
"""The frame's width and height in pixels."""

FRAME_EYES = np.array([[75.0, 125.0], [125.0, 125.0]])
"""The left and the right eye's centre in the frame, (x, y)."""

_CONTINUED, _PAPER = 2.0, 6.0  # pixels of the frame outside a picture, up to which and from which on
_NEAREST = 4.0  # pixels between the eyes: what is smaller is a slip or no face that can be drawn


def frame_to_picture(eyes: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix that takes the frame's (u, v, 1) to the picture's (x, y), FRAME_EYES to `eyes`.

    eyes: (2, 2), the left and the right eye's centre. DataError if they are not finite, in one place or
    nearly (under 4 pixels apart), or in the wrong order for a face turned by less than a right angle.
    """
    (left_x, left_y), (right_x, right_y) = eyes = np.asarray(eyes, np.float64)
    if not np.isfinite(eyes).all():
        raise DataError(f"eyes at {describe(eyes)}: expected finite numbers")
    if math.hypot(right_x - left_x, right_y - left_y) < _NEAREST:
        raise DataError(f"eyes at {describe(eyes)}: expected them at least {_NEAREST:g} pixels apart")
    if right_x <= left_x:
        raise DataError(f"eyes at {describe(eyes)}: expected the eye on the picture's left first")
    distance = FRAME_EYES[1, 0] - FRAME_EYES[0, 0]
    a, b = (right_x - left_x) / distance, (right_y - left_y) / distance
    linear = np.array([[a, -b], [b, a]])
    return np.column_stack([linear, eyes[0] - linear @ FRAME_EYES[0]])


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix of the inverse map."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (N, 2) under the map of a (2, 3) matrix."""
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def align(picture: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """The 200x250 frame around these eyes, of a photo (H, W, 3) or a sketch (H, W), uint8.

    Bicubic, antialiased where the face is larger than in the frame. DataError as frame_to_picture, and if
    an eye lies outside the picture.
    """
    h, w = picture.shape[:2]
    matrix = frame_to_picture(eyes)
    if not ((np.asarray(eyes) >= 0).all() and (np.asarray(eyes) <= (w - 1, h - 1)).all()):
        raise DataError(f"eyes at {describe(eyes)}: outside the {w}x{h} picture (width x height)")
    return warp(picture, matrix, FRAME_SIZE)


def coverage(size: tuple[int, int], eyes: np.ndarray) -> np.ndarray:
    """How much of the frame around these eyes shows a picture of this (width, height): (250, 200) float32.

    1 in the picture and up to 2 of the frame's pixels outside it, 0 from 6 on, linear between.
    """
    matrix = frame_to_picture(eyes)
    u, v = np.arange(FRAME_SIZE[0]), np.arange(FRAME_SIZE[1])[:, None]
    beyond = []
    for (a, b, c), length in zip(matrix, size, strict=True):
        at = a * u + b * v + c
        beyond.append(np.maximum(np.maximum(-0.5 - at, at - (length - 0.5)), 0))
    distance = np.hypot(*beyond) / math.hypot(*matrix[0, :2])
    return ((_PAPER - distance) / (_PAPER - _CONTINUED)).clip(0, 1).astype(np.float32)


def describe(eyes: np.ndarray) -> str:
    """The eyes as text: (x, y) and (x, y)."""
    return " and ".join(f"({x:g}, {y:g})" for x, y in np.asarray(eyes))
