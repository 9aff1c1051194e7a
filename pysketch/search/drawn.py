"""Whether a picture looks like a sketch, grey lines on white paper, or like a photo in colour."""

from __future__ import annotations

import numpy as np

from pysketch.images import ndimage, to_luma
from pysketch.search.views import in_frame

_COLOURED, _TENTH = 24, 0.1  # how far channels differ where paper is white; in how much of a picture in colour
_LOOKED_AT = 500_000  # pixels, about
_COLOUR = 12  # the most that channels differ, in 99 of 100 pixels; JPEG makes a few
_PAPER, _NEAR, _SHARE = 235, 30, 0.4  # how light paper is; what counts as paper; how much of a sketch is
_FACE = slice(90, 210), slice(50, 150)
_BLUR, _LINES, _EVEN = 2.0, 9.0, 4.0


def looks_drawn(picture: np.ndarray) -> bool:
    """Whether an aligned picture, RGB uint8 (250, 200, 3) or its centre, looks like a sketch rather than a photo.

    No colour, mostly white, and in the face grey levels that differ from those around (a quarter by 9 or more), by no
    grain, which is everywhere. Of the CUHK sketches 91 and 100 in 100 do (training, test), and 40 of 40 synthetic ones;
    no photo of these, in colour, grey, or grey with grain, and none that photo.h5 draws; but of photos that are grey
    and much too light, too contrasty or too sharp up to 28 in 100: so ask it of several.
    """
    darkest, lightest = picture.min(axis=2).astype(int), picture.max(axis=2)
    if np.percentile(lightest - darkest, 99) > _COLOUR:
        return False
    grey = in_frame(to_luma(picture)).astype(np.float32)
    paper = np.percentile(grey, 95)
    if paper < _PAPER or (grey > paper - _NEAR).mean() < _SHARE:
        return False
    face = grey[_FACE]
    few, many = np.percentile(np.abs(face - ndimage().gaussian_filter(face, _BLUR)), (25, 75))
    return bool(many >= _LINES and many >= _EVEN * few)


def in_colour(picture: np.ndarray) -> bool:
    """Whether a picture, RGB uint8 (H, W, 3), has colours, as photos have: not one tint, as paper and ink may have.

    Of a large picture every second, third ... pixel is looked at, both ways.
    """
    step = max(1, round((picture.shape[0] * picture.shape[1] / _LOOKED_AT) ** 0.5))
    picture = picture[::step, ::step]
    paper = np.percentile(picture, 95, axis=(0, 1))
    balanced = picture * (255 / np.maximum(paper, 1)).astype(np.float32)
    return bool((np.ptp(balanced, axis=2) > _COLOURED).mean() > _TENTH)
