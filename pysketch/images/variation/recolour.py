"""Other tones of skin and other colours of hair, with the shading that is there."""

from __future__ import annotations

import numpy as np

from pysketch.images.filters import ndimage
from pysketch.images.variation.light import LUMA
from pysketch.images.variation.parts import Parts

MONK_TONES = np.array(
    [
        *((246, 237, 228), (243, 231, 219), (247, 234, 208), (234, 218, 186), (215, 189, 150)),
        *((160, 126, 86), (130, 92, 67), (96, 65, 52), (58, 49, 42), (41, 36, 32)),
    ],
    np.float32,
)
"""The ten tones of the Monk Skin Tone Scale (E. Monk, 2019; published by Google, 2022), R, G, B, light to dark."""

HAIR_COLOURS = np.array(
    [
        *((30, 26, 24), (70, 46, 32), (110, 72, 44), (140, 70, 36), (190, 150, 96)),
        *((222, 196, 150), (150, 148, 146), (205, 203, 200), (240, 238, 234)),
    ],
    np.float32,
)
"""Black, browns, red, blonds, greys and white: R, G, B of hair that is lit as the darkest skin's face is."""


def monk_tone(place: float) -> np.ndarray:
    """The tone at a place from 0 (light) to 9 (dark), between two tones where it is no whole number."""
    return np.array([np.interp(place, np.arange(10), MONK_TONES[:, channel]) for channel in range(3)], np.float32)


def with_skin(photo: np.ndarray, parts: Parts, tone: np.ndarray, contrast: float = 1.0) -> np.ndarray:
    """An (H, W, 3) photo, float32 on the 0..255 scale, whose face has another tone: see `monk_tone`.

    A pixel v of skin whose face has the tone t becomes tone (v / t)^contrast: shading is kept, and with a contrast
    above 1 stronger, as on dark skin. What is brighter than t, a highlight, stays as bright on top of that, by 0.6.
    Lips and eyes grow darker with the skin, the lips nearly as much, the eyes a little.
    """
    darker = min(1.0, float(tone @ LUMA) / max(1.0, float(parts.tone @ LUMA)))
    photo = photo * (1 - parts.lips * (0.75 - 0.75 * darker) - parts.eyes * (0.25 - 0.25 * darker))[..., None]
    where = parts.skin > 0
    old, own = photo[where], np.maximum(parts.tone, 1)
    shaded = tone * np.minimum(old / own, 1) ** np.float32(contrast)
    highlight = np.maximum(old - own, 0) @ LUMA
    new = shaded + highlight[:, None] * np.float32(0.6)
    photo[where] = old + parts.skin[where][:, None] * (new - old)
    return photo


def with_hair(photo: np.ndarray, parts: Parts, colour: np.ndarray) -> np.ndarray:
    """An (H, W, 3) photo, float32 on the 0..255 scale, with hair of another colour: see `HAIR_COLOURS`.

    A pixel whose luma is l times the hair's median becomes colour (0.55 + 0.45 l), at most 1.5 times the colour.
    """
    where = parts.hair > 0
    old, mask = photo[where], parts.hair[where]
    if not where.any():
        return photo
    luma = old @ LUMA
    light = luma / max(1.0, float(np.median(luma[mask >= mask.max() / 2])))
    new = colour * np.minimum(0.55 + 0.45 * light, 1.5)[:, None]
    photo = photo.copy()
    photo[where] = old + mask[:, None] * (np.minimum(new, 255) - old)
    return photo


def sketched_hair(sketch: np.ndarray, parts: Parts, colour: np.ndarray) -> np.ndarray:
    """An (H, W) sketch, float32 on the 0..255 scale, whose hair is drawn as lightly as hair of this colour would be.

    The tone of hair that is white loses two thirds of its darkness, single strokes a third; black hair stays.
    """
    lightness = np.clip((float(colour @ LUMA) / 255 - 0.15) / 0.7, 0, 1)
    hair = ndimage().gaussian_filter(ndimage().maximum_filter(parts.hair, 5), 1.5)
    tone = ndimage().gaussian_filter(sketch, 2.0)
    strokes = sketch - tone
    lighter = 255 - (255 - tone) * (1 - 0.67 * lightness) + strokes * (1 - 0.33 * lightness)
    return sketch + hair * (np.minimum(lighter, 255) - sketch)
