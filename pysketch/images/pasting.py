"""Pasting: aligned drawings back in the photo, each faded into it around head and shoulders.

A mask says, for each pixel of the frame, how much of the drawing is seen: 0 nothing of it, 255 nothing else. By default
it is `head_and_shoulders`, the same for all; whoever knows a person's own outline gives that instead.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from pysketch.images.alignment import FRAME_SIZE, frame_to_picture, inverse, moved
from pysketch.images.pictures import warp

_HEAD = (99.5, 118.0, 73.0, 94.0)  # x and y of the head's middle, half its width and height, hair and ears within
_SHOULDERS, _WIDEST = 175.0, 96.0  # the row where shoulders begin, and half their width at the frame's lower border
_SOFT = 18.0  # pixels of the frame over which a drawing fades, outwards


@functools.cache
def head_and_shoulders() -> np.ndarray:
    """The mask (250, 200) uint8 of where most people are in the frame; 0 along its border."""
    width, height = FRAME_SIZE
    y, x = np.mgrid[:height, :width].astype(np.float32)
    middle_x, middle_y, across, _ = _HEAD
    beside_head = (_distance(x, y) - 1) * across
    half = across + (_WIDEST - across) * ((y - _SHOULDERS) / (height - _SHOULDERS)).clip(0, 1)
    beside_body = np.where(y < middle_y, np.inf, np.abs(x - middle_x) - half)  # long hair hangs between the two
    to_border = np.minimum.reduce([x, width - 1 - x, y, height - 1 - y])
    beside = np.maximum(np.minimum(beside_head, beside_body), _SOFT - to_border)
    part = (1 - beside / _SOFT).clip(0, 1)
    mask = np.rint(255 * part * part * (3 - 2 * part)).astype(np.uint8)
    mask.flags.writeable = False
    return mask


def paste(
    picture: np.ndarray,
    drawings: Sequence[np.ndarray],
    faces: Sequence[np.ndarray],
    masks: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """The picture (H, W, 3) with aligned drawings (250, 200), uint8, at the places of the faces with these eyes.

    masks: one for each, (250, 200) uint8; default: `head_and_shoulders`. With a_k a mask's value at a pixel, 0 to 1,
    and d_k how far from the middle of its head the pixel lies, in heads (and 1/10, so that it is not 0),

        result = (1 - a) picture + a drawing,   a = max a_k,
        drawing = sum w_k drawing_k / sum w_k,  w_k = (a_k / d_k^2)^4,

    so that of faces side by side each pixel is the nearer one's, and is covered no more than once. Where all a_k are 0
    nothing changes.
    """
    masks = masks if masks is not None else [head_and_shoulders()] * len(faces)
    alpha, drawn, weights = (np.zeros(picture.shape[:2], np.float32) for _ in range(3))
    for drawing, eyes, mask in zip(drawings, faces, masks, strict=True):
        place, back = _place(picture.shape[:2], eyes)
        size = place[1].stop - place[1].start, place[0].stop - place[0].start
        if min(size) <= 0:
            continue
        part = warp(mask, back, size).astype(np.float32) / 255
        x, y = np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)[:, None]
        weight = part / (_distance(*(a * x + b * y + c for a, b, c in back.astype(np.float32))) + 0.1) ** 2
        weight *= weight
        weight *= weight
        np.maximum(alpha[place], part, out=alpha[place])
        drawn[place] += weight * warp(drawing, back, size)
        weights[place] += weight
    result, touched = picture.copy(), weights > 0
    part, level = alpha[touched], drawn[touched] / weights[touched]
    for channel in range(3):
        under = picture[touched, channel]
        result[touched, channel] = np.rint((1 - part) * under + part * level)
    return result


def _place(shape: tuple[int, ...], eyes: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
    """Rows and columns of a picture (H, W) that a frame covers, and the matrix from there to the frame."""
    matrix = frame_to_picture(eyes)
    width, height = FRAME_SIZE
    corners = moved(matrix, [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)])
    left, top = np.floor(corners.min(axis=0)).astype(int).clip(0).tolist()
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, shape[::-1]).tolist()
    back = inverse(matrix)
    back[:, 2] += back[:, :2] @ (left, top)
    return (slice(top, bottom), slice(left, right)), back


def _distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far a place of the frame is from the middle of the head; 1 at the head's outline."""
    middle_x, middle_y, across, down = _HEAD
    return np.hypot((x - middle_x) / across, (y - middle_y) / down)
