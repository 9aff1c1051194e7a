"""Paints the photo of a synthetic face: colours, light, soft shadows, and a little sensor noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from pysketch.images.synthetic import clothes, geometry
from pysketch.images.synthetic.face import Face
from pysketch.images.synthetic.hair import back_hair, brow_hairs, curls, front_hair, hairs
from pysketch.images.synthetic.shapes import (
    COLUMNS,
    HEIGHT,
    ROWS,
    WIDTH,
    disc,
    fill,
    glow,
    grain,
    paint,
    soften,
    strands,
    stroke,
)


def draw_photo(face: Face) -> np.ndarray:
    """The photo of a face: (250, 200, 3) uint8, red, green, blue, 0 to 255."""
    image = _background(face)
    light = _light(face)
    skin = _skin(face, light)
    head = fill(geometry.head_outline(face))
    rng = np.random.default_rng(face.strand_seed)
    _paint_back_hair(image, face, light)
    _paint_body(image, face, skin)
    _paint_ears(image, face, skin)
    paint(image, skin, head)
    _paint_shadows(image, face, head)
    _paint_shine(image, face, head)
    for side in geometry.SIDES:
        _paint_eye(image, face, side)
    _paint_nose(image, face)
    _paint_mouth(image, face, light)
    _paint_brows(image, face, rng)
    _paint_beard(image, face, head, rng)
    _paint_glasses(image, face)
    _paint_hair(image, face, light, head, rng)
    noise = grain(np.random.default_rng(face.noise_seed), 0.6)
    return np.clip(image + face.noise * noise[..., None] + 0.5, 0, 255).astype(np.uint8)


def _colour(colour: ArrayLike, brightness: np.ndarray) -> np.ndarray:
    """An image (HEIGHT, WIDTH, 3) of one colour under the given brightness (HEIGHT, WIDTH)."""
    return brightness[..., None] * np.asarray(colour, dtype=np.float32)


def _lamp(face: Face) -> float:
    """The side of the picture the light comes from, -1 or 1."""
    return math.copysign(1, face.light_angle)


def _background(face: Face) -> np.ndarray:
    share = (ROWS / (HEIGHT - 1) * 0.8 + 0.2 * (COLUMNS / (WIDTH - 1)))[..., None]
    top, bottom = np.float32(face.background_top), np.float32(face.background_bottom)
    return (top + share * (bottom - top)) * (0.93 + 0.1 * glow(100 + face.light_angle, 90, 80, 90)[..., None])


def _light(face: Face) -> np.ndarray:
    """Brightness of the head taken as an egg: Lambert's cosine between normal and lamp, about 0..1."""
    middle = 0.5 * (face.crown_y + face.chin_y)
    across = (COLUMNS - face.centre_x) / (1.22 * face.head_width)
    down = (ROWS - middle) / (0.72 * (face.chin_y - face.crown_y))
    towards = np.sqrt(np.clip(1 - across**2 - down**2, 0.0, 1))
    angle = math.radians(face.light_angle)
    cosine = np.clip(across * math.sin(angle) - 0.35 * down + towards * math.cos(angle), 0, 1.2)
    return 1 - face.light_strength * 0.62 * (1 - cosine)


def _skin(face: Face, light: np.ndarray) -> np.ndarray:
    """Skin in the light; the shade turns warm, as light through skin does."""
    shade = np.clip(1 - light, 0, 1)[..., None]
    return np.float32(face.skin) * (1.03 - shade * np.float32([0.78, 0.82, 0.85]))


def _paint_back_hair(image: np.ndarray, face: Face, light: np.ndarray) -> None:
    for outline in back_hair(face):
        mask = fill(outline)
        paint(image, _colour(face.hair, 0.6 + 0.25 * light), mask)
        if face.hair_style == "bun":
            gloss = glow(face.centre_x + 0.1 * face.light_angle, float(outline[:, 1].mean()) - 5, 6, 4)
            paint(image, np.array(face.hair) * 1.2 + 24, 0.45 * gloss * mask)


def _paint_body(image: np.ndarray, face: Face, skin: np.ndarray) -> None:
    neck = fill(clothes.neck_outline(face))
    paint(image, 0.92 * skin, neck)
    chin = np.add(geometry.head_outline(face), (-0.12 * face.light_angle, 13))
    paint(image, np.array(face.skin) * (0.42, 0.34, 0.3), 0.75 * soften(fill(chin), 5) * neck)
    garment = fill(clothes.clothes_outline(face))
    paint(image, np.zeros(3), 0.35 * soften(garment, 2.5) * (1 - garment))
    lit = 0.0015 * face.light_angle * np.tanh((COLUMNS - 100) / 40)
    paint(image, _colour(face.clothes, 0.9 + 0.1 * np.sin(0.11 * COLUMNS + 0.05 * ROWS) + lit), garment)
    for band in clothes.collar_band(face):
        paint(image, np.array(face.clothes) * 0.6, 0.7 * stroke(band, 1.2, taper=0))
    for flap in clothes.collar_flaps(face):
        mask = fill(flap)
        paint(image, np.zeros(3), 0.35 * soften(mask, 2))
        paint(image, np.minimum(np.array(face.clothes) * 1.15 + 12, 255), mask)


def _paint_ears(image: np.ndarray, face: Face, skin: np.ndarray) -> None:
    for side in geometry.SIDES:
        ear = fill(geometry.ear_outline(face, side))
        paint(image, skin * np.float32([0.95, 0.87, 0.85]), ear)
        paint(image, _dark(face, 0.6), 0.6 * soften(stroke(geometry.ear_fold(face, side), 2.5), 0.8) * ear)


def _dark(face: Face, share: float) -> np.ndarray:
    """The skin's colour in shadow: `share` of its brightness, redder than in light."""
    return np.array(face.skin) * share * np.array([1.0, 0.86, 0.8])


def _paint_shadows(image: np.ndarray, face: Face, head: np.ndarray) -> None:
    """Shadows and highlights of the face's relief, all soft."""
    x, lamp = face.centre_x, _lamp(face)
    dark = np.zeros((HEIGHT, WIDTH))
    for side in geometry.SIDES:
        eye_x, eye_y = geometry.eye_centre(face, side)
        away = 1.3 if side != lamp else 0.8
        dark += 0.26 * away * glow(eye_x - side * 5, eye_y - 6, 10, 5.5)
        dark += (0.08 + 0.2 * face.lines) * glow(eye_x - side * 2, eye_y + 10, 8, 2.6)
        dark += 0.22 * face.lines * soften(stroke(geometry.smile_fold(face, side), 2.5), 1.5)
        dark += 0.13 * away * glow(x + side * 0.86 * face.head_width, face.nose_y + 4, 9, 26)
    dark += 0.26 * glow(x - lamp * face.nose_width * 0.75, face.nose_y - 14, 3.6, 13)
    dark += 0.3 * glow(x - 1.5 * lamp, face.nose_y + 5.5, 8, 3)
    dark += 0.28 * glow(x, face.mouth_y + face.lower_lip + 4, 10, 2.8)
    paint(image, _dark(face, 0.5), dark * head)


def _paint_shine(image: np.ndarray, face: Face, head: np.ndarray) -> None:
    """Red cheeks, then the highlights of nose, forehead, chin and the lit cheekbone."""
    x, lamp = face.centre_x, _lamp(face)
    cheeks = sum(glow(x + side * 31, face.nose_y - 3, 11, 9) for side in geometry.SIDES)
    paint(image, np.array(face.skin) * (0.96, 0.72, 0.68), 0.42 * cheeks * head)
    shine = 0.34 * glow(x + 1.2 * lamp, face.nose_y - 22, 2.2, 14)
    shine += 0.3 * glow(x + lamp, face.nose_y - 7, 4, 3.4)
    shine += 0.2 * glow(x + 14 * lamp, face.eye_y - 36, 20, 9) + 0.1 * glow(x, face.chin_y - 12, 9, 5)
    shine += 0.18 * glow(x + lamp * 31, face.nose_y - 13, 9, 6)
    paint(image, np.array(face.skin) * 0.55 + 115, 0.8 * shine * head)


def _paint_eye(image: np.ndarray, face: Face, side: int) -> None:
    upper, lower = geometry.upper_lid(face, side), geometry.lower_lid(face, side)
    x, y = geometry.eye_centre(face, side)
    opening = fill(np.concatenate([upper, lower[::-1]]))
    radius, iris = face.iris_radius, np.array(face.iris)
    paint(image, 0.3 * np.array(face.skin) + (148, 146, 146), opening)
    paint(image, iris * 0.5, disc(x, y - 0.4, radius) * opening)
    paint(image, np.minimum(iris * 1.15, 255), 0.85 * disc(x, y + 0.2, 0.74 * radius) * opening)
    paint(image, (14, 12, 12), disc(x, y - 0.4, 0.42 * radius) * opening)
    under_lid = soften(stroke(np.add(upper, (0, 1.5)), 2.2, taper=0.1), 0.7)
    paint(image, (40, 24, 20), 0.5 * under_lid * opening)
    paint(image, (255, 255, 255), 0.9 * disc(x + 1.7 * _lamp(face), y - 2, 1.15) * opening)
    lash_line = stroke(upper, 1.2 + 1.2 * face.lashes, taper=0.3)
    paint(image, _dark(face, 0.2), (0.6 + 0.4 * face.lashes) * lash_line)
    paint(image, _dark(face, 0.45), 0.6 * stroke(lower, 1.0, taper=0.3))
    paint(image, _dark(face, 0.5), 0.55 * stroke(geometry.upper_lid(face, side, lift=3.2), 1.3))


def _paint_nose(image: np.ndarray, face: Face) -> None:
    for side in geometry.SIDES:
        away = 1.0 if side != _lamp(face) else 0.55
        wing = soften(stroke(geometry.nostril_wing(face, side), 1.8), 0.6)
        paint(image, _dark(face, 0.42), 0.55 * away * wing)
        paint(image, _dark(face, 0.2), 0.85 * soften(stroke(geometry.nostril(face, side), 2.0), 0.5))
        paint(image, _dark(face, 0.55), 0.22 * away * soften(stroke(geometry.nose_side(face, side), 4), 2))
    paint(image, _dark(face, 0.42), 0.5 * soften(stroke(geometry.nose_tip(face), 1.6), 0.8))


def _paint_mouth(image: np.ndarray, face: Face, light: np.ndarray) -> None:
    top, line, bottom = geometry.upper_lip(face), geometry.lip_line(face), geometry.lower_lip(face)
    red = np.array(face.skin) + 0.6 * face.lip_redness * (np.array([176, 48, 58]) - face.skin)
    upper = soften(fill(np.concatenate([top, line[::-1]])), 0.6)
    lower = soften(fill(np.concatenate([line, bottom[::-1]])), 0.6)
    paint(image, _colour(red * (0.78, 0.7, 0.7), light), 0.9 * upper)
    paint(image, _colour(red * (0.98, 0.86, 0.86), light), 0.85 * lower)
    gleam = glow(face.centre_x + 3 * _lamp(face), face.mouth_y + 0.5 * face.lower_lip, 7, 1.6)
    paint(image, (255, 236, 232), 0.34 * gleam * lower)
    paint(image, _dark(face, 0.22), 0.85 * soften(stroke(line, 1.7, taper=0.15), 0.4))


def _paint_brows(image: np.ndarray, face: Face, rng: np.random.Generator) -> None:
    colour = 0.75 * np.array(face.hair) + 0.25 * _dark(face, 0.35)
    for side in geometry.SIDES:
        shape = stroke(geometry.brow_line(face, side), face.brow_thickness, taper=0.45)
        paint(image, 0.8 * colour, 0.75 * soften(shape, 0.7))
        paint(image, 0.55 * colour, 0.6 * strands(brow_hairs(face, side, rng), 0.8))


def _paint_beard(image: np.ndarray, face: Face, head: np.ndarray, rng: np.random.Generator) -> None:
    region = {"none": None, "moustache": geometry.moustache_outline}.get(face.beard, geometry.beard_outline)
    if region is None:
        return
    strength = {"stubble": 0.3, "moustache": 0.9, "full": 0.88}[face.beard]
    lips = fill(np.concatenate([geometry.upper_lip(face), geometry.lower_lip(face)[::-1]]))
    mask = soften(fill(region(face)), 1.5 if face.beard == "moustache" else 4) * head * (1 - lips)
    speckle = 1 + 0.2 * grain(rng, 0.7)
    paint(image, _colour(np.array(face.hair) * 0.8, speckle), strength * mask * (0.85 + 0.15 * speckle))


def _paint_glasses(image: np.ndarray, face: Face) -> None:
    if face.glasses == "none":
        return
    for side in geometry.SIDES:
        rim = geometry.rim(face, side)
        lens = fill(rim)
        paint(image, np.zeros(3), 0.25 * soften(stroke(np.add(rim, (0, 2)), 2, taper=0), 1.2))
        x, y = geometry.eye_centre(face, side)
        glare = np.clip(1 - np.abs((COLUMNS - x) + 0.7 * (ROWS - y) + 9) / 4, 0, 1)
        paint(image, (255, 255, 255), (0.05 + 0.13 * glare) * lens)
        paint(image, (36, 30, 30), stroke(rim, 2.0, taper=0))
    for wire in geometry.glasses_wires(face):
        paint(image, (36, 30, 30), stroke(wire, 1.8, taper=0))


def _paint_hair(image: np.ndarray, face: Face, light: np.ndarray, head: np.ndarray, rng: np.random.Generator) -> None:
    """A base colour, a band of gloss across it, then single light and dark hairs."""
    ribbons = front_hair(face)
    mask = np.minimum(sum(fill(ribbon.outline()) for ribbon in ribbons), 1)
    paint(image, _dark(face, 0.35), 0.5 * soften(np.roll(mask, 3, axis=0), 3) * head * (1 - mask))
    bright, dark = np.zeros((HEIGHT, WIDTH), np.float32), np.zeros((HEIGHT, WIDTH), np.float32)
    for ribbon in ribbons:
        if face.hair_style == "curly":
            paths, along = curls(ribbon, 420, rng)
        else:
            paths, along = hairs(ribbon, 90, face.hair_wave, rng)
        weight = rng.uniform(0, 1, (len(paths), 1))
        gloss = np.exp(-(((along - 0.38) / 0.17) ** 2))
        bright += strands(paths[::2], 1.3 * weight[::2] ** 2 * (0.35 + gloss))
        dark += strands(paths[1::2], 1.4 * weight[1::2])
    fuzzy = np.maximum(soften(mask, 0.7), np.minimum(0.8 * (bright + dark), 0.8))
    gleam = np.minimum(bright, 1.5)
    tone = (0.55 + 0.5 * light) * (1 - 0.45 * np.minimum(soften(dark, 0.4), 1.2)) * (1 + 0.45 * gleam)
    paint(image, _colour(face.hair, tone) + 26 * gleam[..., None], fuzzy)
