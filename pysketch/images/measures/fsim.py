"""FSIM: how alike two pictures' features are."""

from __future__ import annotations

import numpy as np

from pysketch.images.filters import ndimage
from pysketch.images.measures.phase_congruency import phase_congruency

_T1, _T2 = 0.85, 160
_SIDE = 256
_SCHARR = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]]) / 16


def fsim(prediction: np.ndarray, sketch: np.ndarray) -> float:
    """The feature similarity index (Zhang, Zhang, Mou and Zhang, IEEE TIP 20(8), 2011): 1 for equal pictures.

    prediction, sketch: (H, W) grey levels 0..255. With the phase congruency P and the gradient magnitude G (Scharr's)
    of both, S_P = (2 P1 P2 + T1) / (P1^2 + P2^2 + T1), S_G = (2 G1 G2 + T2) / (G1^2 + G2^2 + T2), and their product is
    averaged with the weights max(P1, P2) (equations 4 to 8). T1 = 0.85, T2 = 160. Larger pictures are first reduced
    to about 256 pixels at the shorter side.
    Agrees with the authors' published code.

    What misleads: everything counts by how clear a feature is in either picture, so smooth tone hardly counts; among
    sketches of faces all scores lie close together (a blurred one of the same person has .72), and experiments
    with people found it to be a weak judge of sketches (see `scoot`).
    """
    step = max(1, round(min(sketch.shape) / _SIDE))
    pictures = [_reduced(each.astype(np.float64), step) for each in (prediction, sketch)]
    p1, p2 = (phase_congruency(each) for each in pictures)
    g1, g2 = (_gradient(each) for each in pictures)
    weight = np.maximum(p1, p2)
    alike = (2 * p1 * p2 + _T1) / (p1**2 + p2**2 + _T1) * (2 * g1 * g2 + _T2) / (g1**2 + g2**2 + _T2)
    return float((alike * weight).sum() / weight.sum()) if weight.any() else float(alike.mean())


def _reduced(image: np.ndarray, step: int) -> np.ndarray:
    """Every step-th pixel of the means over step x step pixels, black outside."""
    if step == 1:
        return image
    origin = -1 if step % 2 == 0 else 0  # MATLAB's middle of an even window
    return ndimage().uniform_filter(image, step, mode="constant", origin=origin)[::step, ::step]


def _gradient(image: np.ndarray) -> np.ndarray:
    """The magnitude by Scharr's masks, black outside."""
    across, down = (ndimage().convolve(image, mask, mode="constant") for mask in (_SCHARR, _SCHARR.T))
    return np.hypot(across, down)
