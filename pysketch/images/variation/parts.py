"""What an aligned studio photo shows where: the screen behind the person, the skin, the hair, the face's own tone.

The studio of the student set has a blue screen, so that a person's outline is known from colour alone: the pixels
whose chromaticity is the screen's and that hang together with the upper border. The black wedges that aligning leaves
count as screen too. Face parts are found by place, since an aligned face is where `alignment` puts it, and by the
face's own tone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pysketch.images.filters import ndimage
from pysketch.images.variation.light import LUMA

_FRAME = (200, 250)  # width and height that places below are meant for; others are stretched
CHEEKS = ((70, 152, 11, 8), (130, 152, 11, 8))
"""x, y and half axes of both, for `oval`; so are all places below."""
_EYES = ((75, 125, 14, 7), (125, 125, 14, 7))
_LIPS = (100, 178, 21, 9)
_HEAD = (100, 148, 70, 106)
_SMALL = 60  # pixels: a wedge has more, a hole in the screen or an island in it less
_EDGE = 0.8  # pixels, of the soft edge

_CLOSE = 0.05  # chromaticity, of R and of B, around the screen's
_DARKEST = 0.45  # luma of the screen's darkest part over its median
_BLUE = 15  # grey levels by which the screen is bluer than red


@dataclass(frozen=True)
class Parts:
    """Soft masks (H, W), float32 in 0..1, of one pair, and its face's tone, R, G, B on the 0..255 scale.

    screen: what lies behind the person. Without a screen nobody knows where the person ends: all masks are 0. skin:
    face and neck, without lips and eyes, which have masks of their own. hair: of the head. unpainted: (H, W) bool, the
    black wedges in the sketch.
    """

    screen: np.ndarray
    skin: np.ndarray
    lips: np.ndarray
    eyes: np.ndarray
    hair: np.ndarray
    tone: np.ndarray
    unpainted: np.ndarray

    @property
    def has_screen(self) -> bool:
        """Whether a screen was found behind the person."""
        return bool(self.screen.any())


def find_parts(photo: np.ndarray, sketch: np.ndarray) -> Parts:
    """The parts of an aligned pair: photo (H, W, 3) uint8 RGB, sketch (H, W) uint8."""
    pixels = photo.astype(np.float32)
    luma = pixels @ LUMA
    behind, unpainted = find_screen(photo), find_wedges(sketch, 5)
    inside = [oval(photo.shape, *cheek) < 1 for cheek in CHEEKS]
    tone = np.median(pixels[inside[0] | inside[1]], axis=0)
    if not behind.any():
        nothing = np.zeros(luma.shape, np.float32)
        return Parts(nothing, nothing, nothing, nothing, nothing, tone, unpainted)
    brightness = luma / max(1.0, float(tone @ LUMA))
    person = ~behind
    head = oval(photo.shape, *_HEAD) < 1
    skin = person & head & (brightness > 0.5) & (_chroma_distance(pixels, tone) < 0.11)
    skin = ndimage().binary_opening(skin, iterations=1)
    eyes = np.any([oval(photo.shape, *eye) < 1 for eye in _EYES], axis=0)
    lips = oval(photo.shape, *_LIPS) < 1
    crown = _find_hair(person & ~eyes, brightness)
    strands = ndimage().binary_dilation(crown, iterations=3) & person & ~skin & (brightness < 0.7)
    hair = _soft(crown | strands) * _fading(len(photo))
    face = _soft(skin | eyes | lips, 1.5)
    soft_lips, soft_eyes = _soft(lips, 2.5) * face, _soft(eyes, 2) * face
    skin = np.clip(face - soft_lips - soft_eyes, 0, 1)
    return Parts(_soft(behind), skin, soft_lips, soft_eyes, hair, tone, unpainted)


def find_screen(photo: np.ndarray) -> np.ndarray:
    """What of an (H, W, 3) uint8 RGB photo lies behind the person: (H, W) bool; nothing without a blue screen.

    The screen's chromaticity is the median of the blue pixels along the upper border.
    """
    pixels = photo.astype(np.float32)
    height, width = photo.shape[:2]
    wedges = find_wedges(photo.max(axis=2))
    blue = (pixels[..., 2] > pixels[..., 0] + _BLUE) & ~wedges
    border = np.zeros((height, width), bool)
    border[: height // 5] = True
    border[: height // 2, : width // 20] = border[: height // 2, -(width // 20) :] = True
    seeds = border & blue
    if seeds.sum() < border.sum() / 10:
        return np.zeros((height, width), bool)
    colour = np.median(pixels[seeds], axis=0)
    brightness = (pixels @ LUMA) / float(colour @ LUMA)
    near = blue & (_chroma_distance(pixels, colour) < _CLOSE) & (brightness > _DARKEST)
    labels, _ = ndimage().label(near | wedges)
    found = np.isin(labels, np.unique(labels[border & (near | wedges)])) & (labels > 0)
    found = _without_small(found | wedges)
    return ~_without_small(~found)


def find_wedges(grey: np.ndarray, edge: int = 2) -> np.ndarray:
    """The black corners and bars that aligning leaves at the border of an (H, W) uint8 picture: (H, W) bool.

    edge: pixels around them that are theirs too, blurred and framed.
    """
    black = ndimage().binary_opening(np.pad(grey <= 10, 3, mode="edge"), iterations=2)[3:-3, 3:-3]
    labels, count = ndimage().label(black)
    if not count:
        return black
    sizes = np.bincount(labels.ravel())
    at_border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    wanted = [label for label in at_border if label and sizes[label] > _SMALL]
    wedges = np.isin(labels, wanted)
    return ndimage().binary_dilation(wedges, iterations=edge) if wanted else wedges


def _find_hair(person: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """The dark part of the person that hangs together with the crown; below the chin it may be a dark jacket."""
    height, width = person.shape
    dark = person & (brightness < 0.5)
    dark[height * 17 // 20 :] = False
    labels, count = ndimage().label(ndimage().binary_opening(dark))
    if not count:
        return np.zeros_like(dark)
    crown = labels[: height * 2 // 5, width // 4 : -(width // 4)]
    sizes = np.bincount(crown.ravel(), minlength=count + 1)
    sizes[0] = 0
    return dark & (labels == sizes.argmax()) if sizes.any() else np.zeros_like(dark)


def _fading(height: int) -> np.ndarray:
    """(H, 1): 1 down to the chin, then falling to 0 at the shoulders."""
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    return np.clip((0.85 - rows) / 0.1, 0, 1)


def _chroma_distance(pixels: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """How far the shares of R and B in R + G + B are from a colour's, the larger of both."""
    total, own = pixels.sum(axis=2) + 3, float(colour.sum()) + 3
    red = np.abs(pixels[..., 0] / total - colour[0] / own)
    return np.maximum(red, np.abs(pixels[..., 2] / total - colour[2] / own))


def oval(shape: tuple[int, ...], x: float, y: float, across: float, down: float) -> np.ndarray:
    """(H, W): below 1 inside the oval around (x, y) of `_FRAME` with these half axes."""
    height, width = shape[:2]
    rows = (np.arange(height, dtype=np.float32) * (_FRAME[1] / height) - y) / down
    columns = (np.arange(width, dtype=np.float32) * (_FRAME[0] / width) - x) / across
    return rows[:, None] ** 2 + columns**2


def _without_small(mask: np.ndarray) -> np.ndarray:
    """The mask without pieces of a few pixels."""
    labels, count = ndimage().label(mask)
    keep = np.bincount(labels.ravel(), minlength=count + 1) > _SMALL
    keep[0] = False
    return keep[labels]


def _soft(mask: np.ndarray, edge: float = _EDGE) -> np.ndarray:
    return ndimage().gaussian_filter(mask.astype(np.float32), edge)
