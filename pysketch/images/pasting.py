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

_HEAD = (99.5, 118.0, 68.0, 94.0)  # x and y of the head's middle, half its width and height, hair and ears within
_CHIN, _BOTTOM = 172.0, 249.0  # rows: below the first hair may hang and shoulders begin, at the second the frame ends
_SHOULDERS = (60.0, 96.0)  # half widths there
_SOFT = 18.0  # pixels of the frame over which a drawing fades, outwards
_SHARPNESS = 8  # the power of the distance to a face; at 8, between two faces the change takes a fifth of the way


@functools.cache
def head_and_shoulders() -> np.ndarray:
    """The mask (250, 200) uint8 of where most people are in the frame; 0 along its border."""
    width, height = FRAME_SIZE
    y, x = np.mgrid[:height, :width].astype(np.float32)
    from_middle = np.abs(x - _HEAD[0])
    beside_head = (_distance(x, y) - 1) * _HEAD[2]
    down = ((y - _CHIN) / (_BOTTOM - _CHIN)).clip(0, 1)
    half = _SHOULDERS[0] + (_SHOULDERS[1] - _SHOULDERS[0]) * np.sqrt(down)
    beside_body = np.maximum(from_middle - half, _CHIN - y)
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
        drawing = sum w_k drawing_k / sum w_k,  w_k = a_k / d_k^8,

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
        (a, b, c), (d, e, f) = back.astype(np.float32)
        x, y = np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)[:, None]
        weight = part / (_distance(a * x + b * y + c, d * x + e * y + f) + 0.1) ** _SHARPNESS
        np.maximum(alpha[place], part, out=alpha[place])
        drawn[place] += weight * warp(drawing, back, size)
        weights[place] += weight
    result, touched = picture.copy(), weights > 0
    part = alpha[touched, None]
    result[touched] = np.rint((1 - part) * picture[touched] + part * (drawn[touched] / weights[touched])[:, None])
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
