"""The parameters of a synthetic face, and a random draw of them. Nobody's likeness: all are invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""

HAIR_STYLES = ("crop", "side part", "receding", "curly", "long", "bob", "fringe", "bun")
BEARDS = ("none", "stubble", "moustache", "full")
GLASSES = ("none", "round", "square")
COLLARS = ("crew", "v-neck", "shirt", "turtleneck")

_SKINS = np.array([(248, 220, 200), (234, 194, 164), (210, 160, 124), (162, 112, 80), (112, 74, 54)])
_HAIRS = np.array([(26, 22, 24), (52, 34, 26), (92, 58, 36), (132, 62, 34), (190, 148, 92), (160, 158, 156)])
_IRISES = np.array([(52, 32, 22), (88, 54, 30), (100, 86, 46), (70, 104, 72), (74, 112, 148), (104, 120, 130)])
_CLOTHES = np.array(
    [
        (38, 48, 74),
        (112, 40, 46),
        (54, 82, 66),
        (210, 202, 188),
        (66, 66, 70),
        (92, 118, 150),
        (176, 128, 70),
        (120, 88, 124),
    ]
)
_BACKGROUNDS = np.array(
    [(150, 176, 200), (196, 190, 178), (168, 182, 160), (190, 172, 176), (140, 148, 164), (206, 206, 206)]
)


@dataclass(frozen=True)
class Face:
    """One invented person, their clothes, and how the photo is taken. Colours are RGB, 0 to 255."""

    centre_x: float  # x of the face's middle line, pixels
    head_width: float  # half the width of the head at the temples, pixels
    crown_y: float  # top of the skull, under the hair, pixels
    chin_y: float  # lowest point of the chin, pixels
    jaw: float  # width at the mouth's height, share of head_width
    chin: float  # width a little above the chin, share of head_width
    neck: float  # half the width of the neck, share of head_width
    ear_size: float  # height of the ears, pixels
    skin: Colour  # skin colour in full light
    lines: float  # strength of the folds beside the mouth and under the eyes, 0..1
    eye_y: float  # height of the pupils, pixels
    eye_distance: float  # between the pupils, pixels
    eye_width: float  # half the width of an eye, pixels
    eye_open: float  # height of the upper lid above the pupil, pixels
    eye_slant: float  # how far the outer corner lies above the inner one, pixels
    iris: Colour  # iris colour
    iris_radius: float  # pixels
    lashes: float  # strength of the line of the upper lid, 0..1
    brow_gap: float  # from the pupil up to the brow, pixels
    brow_thickness: float  # pixels
    brow_arch: float  # how far the middle of the brow rises above its ends, pixels
    brow_slant: float  # how far the outer end lies above the inner one, pixels
    nose_y: float  # base of the nose, pixels
    nose_width: float  # half the width at the nostrils, pixels
    nose_bridge: float  # half the width between the eyes, pixels
    mouth_y: float  # height of the line between the lips, pixels
    mouth_width: float  # half the width of the mouth, pixels
    upper_lip: float  # thickness, pixels
    lower_lip: float  # thickness, pixels
    smile: float  # how far the corners rise above the middle, pixels
    lip_redness: float  # share of red mixed into the lips' skin colour, 0..1
    hair_style: str  # one of HAIR_STYLES
    hair: Colour  # hair colour
    hair_volume: float  # how far the hair stands off the skull at the top, pixels
    hairline_y: float  # where the hair starts at the parting, pixels
    parting: float  # x of the parting from the middle, share of head_width, -1..1
    hair_wave: float  # sideways wave of the strands, pixels
    strand_seed: int  # seed of where the single hairs and pencil strokes lie
    beard: str  # one of BEARDS
    glasses: str  # one of GLASSES
    collar: str  # one of COLLARS
    clothes: Colour  # colour of the clothes
    light_angle: float  # degrees from straight ahead; positive lights the right of the picture
    light_strength: float  # contrast between lit and shaded sides, 0..1
    background_top: Colour  # background colour at the upper edge
    background_bottom: Colour  # background colour at the lower edge
    noise: float  # standard deviation of the sensor noise, grey levels
    noise_seed: int  # seed of the sensor noise


def random_face(seed: int) -> Face:
    """A Face drawn from np.random.default_rng(seed): the same seed always gives the same person."""
    rng = np.random.default_rng(seed)
    ruggedness = rng.uniform()  # ties jaw, brows, hair style and beard together
    tone = rng.uniform()
    return Face(
        **_head(rng, ruggedness, tone),
        **_eyes(rng, ruggedness, tone),
        **_nose_and_mouth(rng, ruggedness),
        **_hair(rng, ruggedness, tone),
        **_scene(rng),
    )


def _head(rng: np.random.Generator, ruggedness: float, tone: float) -> dict[str, Any]:
    return {
        "centre_x": rng.normal(100, 0.8),
        "head_width": rng.uniform(51, 59),
        "crown_y": rng.uniform(42, 54),
        "chin_y": rng.uniform(199, 211) + 4 * ruggedness,
        "jaw": rng.uniform(0.74, 0.84) + 0.09 * ruggedness,
        "chin": rng.uniform(0.24, 0.36) + 0.1 * ruggedness,
        "neck": rng.uniform(0.56, 0.62) + 0.16 * ruggedness,
        "ear_size": rng.uniform(27, 35),
        "skin": _mix(_SKINS, tone, rng, 5),
        "lines": rng.uniform() ** 1.5,
    }


def _eyes(rng: np.random.Generator, ruggedness: float, tone: float) -> dict[str, Any]:
    choice = rng.integers(len(_IRISES) if tone < 0.45 else 2)
    return {
        "eye_y": rng.uniform(123.5, 126.5),
        "eye_distance": rng.uniform(47.5, 52.5),
        "eye_width": rng.uniform(10, 12.5),
        "eye_open": rng.uniform(3.9, 6.2),
        "eye_slant": rng.uniform(-0.8, 2.4),
        "iris": _shade(_IRISES[choice], rng, 8),
        "iris_radius": rng.uniform(4.7, 5.4),
        "lashes": rng.uniform(0.3, 0.6) + 0.4 * (1 - ruggedness),
        "brow_gap": rng.uniform(14, 18.5) - 2 * ruggedness,
        "brow_thickness": rng.uniform(2.4, 3.8) + 1.8 * ruggedness,
        "brow_arch": rng.uniform(0.5, 4),
        "brow_slant": rng.uniform(-1.5, 2.5),
    }


def _nose_and_mouth(rng: np.random.Generator, ruggedness: float) -> dict[str, Any]:
    return {
        "nose_y": rng.uniform(154, 163),
        "nose_width": rng.uniform(9, 12.5) + 1.5 * ruggedness,
        "nose_bridge": rng.uniform(4.5, 7),
        "mouth_y": rng.uniform(176, 182),
        "mouth_width": rng.uniform(17, 23.5),
        "upper_lip": rng.uniform(3.2, 6) - 1.2 * ruggedness,
        "lower_lip": rng.uniform(5, 8.5) - 1.2 * ruggedness,
        "smile": rng.uniform(-0.8, 3.2),
        "lip_redness": rng.uniform(0.3, 0.6) + 0.3 * (1 - ruggedness),
    }


def _hair(rng: np.random.Generator, ruggedness: float, tone: float) -> dict[str, Any]:
    rugged = ruggedness > 0.5
    style = rng.choice(HAIR_STYLES[:4] if rugged else HAIR_STYLES[1:2] + HAIR_STYLES[3:])
    shares = [0.16, 0.2, 0.22, 0.14, 0.18, 0.1] if tone < 0.5 else [0.6, 0.25, 0.05, 0, 0, 0.1]
    return {
        "hair_style": str(style),
        "hair": _shade(_HAIRS[rng.choice(len(_HAIRS), p=shares)], rng, 7),
        "hair_volume": rng.uniform(7, 15),
        "hairline_y": rng.uniform(74, 88),
        "parting": _sign(rng) * rng.uniform(0.1, 0.55),
        "hair_wave": rng.uniform(0.3, 3.0),
        "strand_seed": int(rng.integers(2**31)),
        "beard": str(rng.choice(BEARDS, p=[0.4, 0.25, 0.1, 0.25])) if rugged else "none",
        "glasses": str(rng.choice(GLASSES, p=[0.72, 0.14, 0.14])),
    }


def _scene(rng: np.random.Generator) -> dict[str, Any]:
    background = _shade(_BACKGROUNDS[rng.integers(len(_BACKGROUNDS))], rng, 12)
    return {
        "collar": str(rng.choice(COLLARS)),
        "clothes": _shade(_CLOTHES[rng.integers(len(_CLOTHES))], rng, 10),
        "light_angle": _sign(rng) * rng.uniform(12, 48),
        "light_strength": rng.uniform(0.45, 0.9),
        "background_top": background,
        "background_bottom": tuple(value * rng.uniform(0.68, 0.92) for value in background),
        "noise": rng.uniform(1.0, 2.4),
        "noise_seed": int(rng.integers(2**31)),
    }


def _sign(rng: np.random.Generator) -> int:
    return -1 if rng.uniform() < 0.5 else 1


def _mix(palette: np.ndarray, share: float, rng: np.random.Generator, spread: float) -> Colour:
    """The palette's colour at a share 0..1 of its length, between two neighbours, slightly varied."""
    at = share * (len(palette) - 1)
    low = min(int(at), len(palette) - 2)
    return _shade(palette[low] + (at - low) * (palette[low + 1] - palette[low]), rng, spread)


def _shade(colour: np.ndarray, rng: np.random.Generator, spread: float) -> Colour:
    """The colour varied at random by up to `spread` grey levels, mostly in brightness."""
    varied = colour + rng.uniform(-spread, spread) + rng.uniform(-spread, spread, 3) / 3
    return tuple(float(value) for value in np.clip(varied, 0, 255))
