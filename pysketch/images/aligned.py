"""Whether a photo is aligned already, told from its size and its pixels, without any library.

A glance, not a finder: of aligned faces in the studio's light all pass (188 of CUFS, 109 of 112 made ones), of those
upside down one (of the made ones); in any light and of any skin 3 of 4; of faces 15 to 50 pixels or a factor of 1.35
and more away from their places 1 of 7. It takes half a millisecond. Who does not pass is looked at by `eye_finder`,
which takes a tenth of a second to load and 25 ms a photo.
"""

from __future__ import annotations

import numpy as np

from pysketch.images.alignment import FRAME_EYES, FRAME_SIZE
from pysketch.images.pictures import to_luma

_SMALLEST, _LARGEST = (150, 190), (210, 260)  # width and height: from a crop of 155x200 to the frame
_NEAR = 10.0  # pixels between an eye and its place

_BLOCK = 10
_EYES_AND_BETWEEN = np.array(
    [
        [-36, -22, -14, 13, 24],
        [-17, -11, -13, -12, 15],
        [-11, -6, -62, -1, 9],
        [3, 12, 11, 13, 19],
        [7, 17, 18, 17, 23],
    ],
    np.float64,
)
"""ln of the luma in blocks of 10 pixels, rows 100 to 150, columns 50 to 100 with their mirror images; mean of CUFS's 88
training photos and as much of 30 made ones, scaled."""
_ALIKE = 0.5  # correlation


def frame_sized(size: tuple[int, int]) -> bool:
    """Whether (width, height) is about that of the frame or of the nets' crop of it, 155x200."""
    return all(low <= length <= high for low, length, high in zip(_SMALLEST, size, _LARGEST, strict=True))


def eye_places(size: tuple[int, int]) -> np.ndarray:
    """Where the eyes belong in a crop (width, height) of the frame's middle: (2, 2), the left and the right (x, y)."""
    return FRAME_EYES - np.subtract(FRAME_SIZE, size) / 2


def in_place(eyes: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether these eyes are within 10 pixels of their places, in a crop (width, height) of the frame's middle."""
    return bool((np.linalg.norm(eyes - eye_places(size), axis=1) <= _NEAR).all())


def seems_aligned(photo: np.ndarray) -> bool:
    """Whether the photo (H, W, 3) uint8 is of the frame's size and dark and light where eyes and what is between are.

    By the correlation of `_EYES_AND_BETWEEN` with the same blocks of the photo, more than when that stands upside down;
    light from a side cancels out.
    """
    h, w = photo.shape[:2]
    if not frame_sized((w, h)):
        return False
    rows, cols = _EYES_AND_BETWEEN.shape
    top, left = (h - rows * _BLOCK) // 2, w // 2 - cols * _BLOCK
    middle = to_luma(np.ascontiguousarray(photo[top : top + rows * _BLOCK, left : left + 2 * cols * _BLOCK]))
    means = np.log(middle.reshape(rows, _BLOCK, 2 * cols, _BLOCK).mean(axis=(1, 3)) + 8)
    found = means[:, :cols] + means[:, : -cols - 1 : -1]
    found -= found.mean()
    wanted = _EYES_AND_BETWEEN - _EYES_AND_BETWEEN.mean()
    size = np.linalg.norm(found) * np.linalg.norm(wanted)
    alike, turned = (found * wanted).sum(), (found[::-1] * wanted).sum()
    return bool(size > 0 and alike >= _ALIKE * size and alike > turned)
