"""Draws a synthetic face in pencil, from its parameters: contours, hatching, soft shade and paper grain.

Ink is optical density: paper under ink d keeps exp(-d) of its brightness. Light, background and noise of the
photo play no part here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pysketch.images.synthetic import clothes, geometry
from pysketch.images.synthetic.face import Face
from pysketch.images.synthetic.hair import Ribbon, back_hair, brow_hairs, curls, front_hair, hairs
from pysketch.images.synthetic.shapes import (
    COLUMNS,
    HEIGHT,
    ROWS,
    WIDTH,
    disc,
    fill,
    glow,
    grain,
    soften,
    strands,
    stroke,
)

_PAPER = 250.0


def draw_sketch(face: Face) -> np.ndarray:
    """The drawing of a face: (250, 200) uint8, 255 is white paper."""
    rng = np.random.default_rng(face.strand_seed)
    tooth = grain(rng, 0.7)
    hatch = _hatching(rng)
    ink = np.zeros((HEIGHT, WIDTH), np.float32)
    for outline in back_hair(face):
        ink += (0.35 + 0.75 * _darkness(face.hair)) * fill(outline) * (0.7 + 0.3 * hatch)
        ink += stroke(outline, 1.1, 0.6, taper=0)
    ink = _draw_body(ink, face, hatch)
    head = fill(geometry.head_outline(face))
    ink = _draw_head(ink, face, head, hatch)
    for side in geometry.SIDES:
        ink = _draw_eye(ink, face, side)
    ink += _nose(face) + _mouth(face, hatch) + _brows(face, rng) + _beard(face, head, rng) + _glasses(face)
    ink = _draw_hair(ink, face, rng)
    ink = np.maximum(ink * (1 + 0.28 * tooth), 0)
    paper = _PAPER + 1.6 * tooth
    return np.clip(paper * (0.1 + 0.9 * np.exp(-1.15 * ink)) + 0.5, 0, 255).astype(np.uint8)


def _darkness(colour: ArrayLike) -> float:
    """0 for white, 1 for black."""
    return 1 - float(np.dot(colour, (0.299, 0.587, 0.114))) / 255


def _hatching(rng: np.random.Generator) -> np.ndarray:
    """Slanted pencil lines all over the sheet, 0..1, a little uneven as by hand."""
    wobble = 0.8 * grain(rng, 9)
    return 0.5 + 0.5 * np.sin(1.25 * (COLUMNS + 0.85 * ROWS) + wobble)


def _draw_body(ink: np.ndarray, face: Face, hatch: np.ndarray) -> np.ndarray:
    neck = fill(clothes.neck_outline(face))
    ink = ink * (1 - neck) + stroke(clothes.neck_outline(face), 1.2, 0.6, taper=0)
    under_chin = soften(fill(np.add(geometry.head_outline(face), (0, 10))), 4) * neck
    ink += (0.25 + 0.2 * _darkness(face.skin)) * under_chin * (0.45 + 0.55 * hatch)
    outline = clothes.clothes_outline(face)
    garment = fill(outline)
    ink = ink * (1 - garment) + stroke(outline, 1.4, 0.8, taper=0)
    cloth = (0.1 + 0.4 * _darkness(face.clothes)) * np.clip((ROWS - 205) / 45, 0, 1)
    ink += cloth * garment * (0.3 + 0.7 * hatch)
    for band in clothes.collar_band(face):
        ink += stroke(band, 1.0, 0.6, taper=0.1)
    for flap in clothes.collar_flaps(face):
        closed = np.concatenate([flap, flap[:1]])
        ink = ink * (1 - 0.85 * fill(flap)) + stroke(closed, 1.2, 0.9, taper=0)
    return ink


def _draw_head(ink: np.ndarray, face: Face, head: np.ndarray, hatch: np.ndarray) -> np.ndarray:
    """Ears, the face's outline, pressed harder towards the chin, and the shade of its relief."""
    for side in geometry.SIDES:
        outline = geometry.ear_outline(face, side)
        ink = ink * (1 - fill(outline)) + stroke(outline, 1.2, 0.75, taper=0)
        ink += stroke(geometry.ear_fold(face, side), 1.5, 0.55)
    outline = geometry.head_outline(face)
    ink = ink * (1 - head) + stroke(outline, 1.5, 0.85, taper=0) * np.clip(0.55 + (ROWS - 120) / 160, 0.5, 1)
    x, wide = face.centre_x, face.head_width
    shade = np.zeros((HEIGHT, WIDTH), np.float32)
    for side in geometry.SIDES:
        eye_x, eye_y = geometry.eye_centre(face, side)
        shade += 0.3 * glow(x + side * 0.98 * wide, face.nose_y - 4, 9, 30)
        shade += 0.2 * glow(x + side * face.jaw * wide, face.mouth_y + 10, 9, 13)
        shade += 0.24 * glow(eye_x - side * 6, eye_y - 6, 8, 5) + 0.08 * glow(eye_x, eye_y + 10, 8, 2.5)
    shade += 0.3 * glow(x, face.mouth_y + face.lower_lip + 4, 9, 2.6)
    shade += 0.26 * glow(x, face.nose_y + 5, 7, 2.6)
    shade += 0.22 * glow(x + 7, face.nose_y - 14, 3, 12)
    tone = 0.02 + 0.22 * max(_darkness(face.skin) - 0.15, 0)
    return ink + head * (shade * (0.35 + 0.65 * hatch) + tone * (0.5 + 0.5 * hatch))


def _draw_eye(ink: np.ndarray, face: Face, side: int) -> np.ndarray:
    upper, lower = geometry.upper_lid(face, side), geometry.lower_lid(face, side)
    x, y = geometry.eye_centre(face, side)
    opening = fill(np.concatenate([upper, lower[::-1]]))
    radius = face.iris_radius
    iris, pupil = disc(x, y - 0.4, radius), disc(x, y - 0.4, 0.45 * radius)
    ring = iris - disc(x, y - 0.4, radius - 1.4)
    gleam = disc(x + 1.6, y - 2, 1.2)
    eye = (0.25 + 0.75 * _darkness(face.iris)) * iris + 1.6 * pupil + 0.8 * ring
    ink = ink * (1 - opening) + opening * (eye * (1 - gleam) + 0.05)
    ink += stroke(upper, 1.4 + 1.2 * face.lashes, 1.2, taper=0.3)
    ink += stroke(lower, 1.0, 0.6, taper=0.35)
    ink += stroke(geometry.upper_lid(face, side, lift=3.2), 1.0, 0.6, taper=0.4)
    if face.lines > 0.35:
        ink += stroke(geometry.lower_lid(face, side, drop=5), 1.0, 0.35 * face.lines, taper=0.5)
        ink += stroke(geometry.smile_fold(face, side), 1.2, 0.5 * face.lines, taper=0.4)
    return ink


def _nose(face: Face) -> np.ndarray:
    ink = stroke(geometry.nose_tip(face), 1.2, 0.6)
    for side in geometry.SIDES:
        ink += stroke(geometry.nostril_wing(face, side), 1.4, 0.85, taper=0.4)
        ink += stroke(geometry.nostril(face, side), 1.9, 1.2, taper=0.4)
        ink += stroke(geometry.nose_side(face, side), 1.2, 0.28 if side > 0 else 0.16, taper=0.5)
    return ink


def _mouth(face: Face, hatch: np.ndarray) -> np.ndarray:
    top, line, bottom = geometry.upper_lip(face), geometry.lip_line(face), geometry.lower_lip(face)
    upper = fill(np.concatenate([top, line[::-1]]))
    lower = fill(np.concatenate([line, bottom[::-1]]))
    gleam = glow(face.centre_x, face.mouth_y + 0.5 * face.lower_lip, 8, 1.8)
    ink = (0.25 + 0.3 * face.lip_redness) * upper * (0.55 + 0.45 * hatch)
    ink += (0.12 + 0.2 * face.lip_redness) * lower * (0.5 + 0.5 * hatch) * (1 - 0.8 * gleam)
    ink += stroke(line, 1.7, 1.2, taper=0.25) + stroke(top, 1.0, 0.45, taper=0.3)
    return ink + stroke(bottom, 1.2, 0.5, taper=0.5)


def _brows(face: Face, rng: np.random.Generator) -> np.ndarray:
    """Short hairs over a light tone."""
    ink = np.zeros((HEIGHT, WIDTH), np.float32)
    depth = 0.45 + 0.75 * _darkness(face.hair)
    for side in geometry.SIDES:
        line = geometry.brow_line(face, side)
        ink += 0.45 * depth * soften(stroke(line, face.brow_thickness, taper=0.45), 0.5)
        ink += 0.55 * depth * strands(brow_hairs(face, side, rng), 1.0)
    return ink


def _beard(face: Face, head: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if face.beard == "none":
        return np.zeros((HEIGHT, WIDTH), np.float32)
    region = geometry.moustache_outline if face.beard == "moustache" else geometry.beard_outline
    lips = fill(np.concatenate([geometry.upper_lip(face), geometry.lower_lip(face)[::-1]]))
    mask = soften(fill(region(face)), 1.2) * head * (1 - lips)
    roots = np.stack([rng.uniform(40, 160, 2600), rng.uniform(140, 216, 2600)], axis=1)
    size = 0.8 if face.beard == "stubble" else 3.2
    lean = (roots[:, :1] - face.centre_x) / 70
    fall = np.concatenate([lean, np.ones_like(lean)], axis=1)
    step = fall[:, None] * np.linspace(0, size, 6)[None, :, None]
    depth = 0.3 + 0.7 * _darkness(face.hair)
    strength = {"stubble": 0.9, "moustache": 0.9, "full": 0.75}[face.beard]
    tone = {"stubble": 0.1, "moustache": 0.4, "full": 0.3}[face.beard]
    return mask * depth * (tone + strength * strands(roots[:, None] + step, 0.9))


def _glasses(face: Face) -> np.ndarray:
    ink = np.zeros((HEIGHT, WIDTH), np.float32)
    if face.glasses != "none":
        for side in geometry.SIDES:
            ink += stroke(geometry.rim(face, side), 1.7, 1.2, taper=0)
        for wire in geometry.glasses_wires(face):
            ink += stroke(wire, 1.5, 1.1, taper=0)
    return ink


def _draw_hair(ink: np.ndarray, face: Face, rng: np.random.Generator) -> np.ndarray:
    """Left and right are covered together, so that no seam shows at the parting; a fringe lies over both."""
    left, right, *fringe = front_hair(face)
    for layer in ([left, right], fringe):
        mask = soften(np.minimum(sum((fill(ribbon.outline()) for ribbon in layer), ink * 0), 1), 0.6)
        ink = ink * (1 - mask) + mask * (0.1 + 0.6 * _darkness(face.hair) ** 2)
        for ribbon in layer:
            ink += _strokes_of_hair(face, ribbon, rng)
    return ink


def _strokes_of_hair(face: Face, ribbon: Ribbon, rng: np.random.Generator) -> np.ndarray:
    """Single hairs with a band left bright for the gloss, and the edges of the ribbon."""
    depth = _darkness(face.hair)
    if face.hair_style == "curly":
        paths, along = curls(ribbon, 420, rng)
    else:
        paths, along = hairs(ribbon, 90, face.hair_wave, rng)
    gloss = np.exp(-(((along - 0.38) / 0.16) ** 2))
    press = rng.uniform(0.1, 1, (len(paths), 1)) ** 1.5 * (1 - 0.75 * gloss) * np.minimum(8 * (1 - along), 1)
    ink = (0.15 + 1.0 * depth) * strands(paths, press)
    if face.hair_style != "curly":
        ink += stroke(ribbon.outer, 1.2, 0.4 + 0.4 * depth, taper=0.1)
        ink += stroke(ribbon.inner, 1.0, 0.2 + 0.2 * depth, taper=0.2)
    return ink
