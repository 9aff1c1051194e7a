"""From a photo's pixels to a net's input, the same for training and drawing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pysketch.errors import DataError
from pysketch.images.pictures import to_luma

PHOTO_TO_SKETCH, SKETCH_TO_PHOTO = DIRECTIONS = "photo_to_sketch", "sketch_to_photo"
"""What a net makes of what."""


@dataclass(frozen=True)
class Preprocessing:
    """(pixel - mean) * scale for R, G, B on the 0..255 scale; then, if xy, the pixel's position * xy_scale.

    The paper's literal input is scale 1, mean 0, xy_scale 1. X and Y are measured in pixels from the
    image's centre, so that a photo drawn whole gives in its middle what its centre crop gives.
    direction: what the net makes of what; one from sketch to photo sees the luma alone, in place of R, G, B.
    """

    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    xy: bool = True
    xy_scale: float = 1.0
    direction: str = PHOTO_TO_SKETCH

    @property
    def drawn(self) -> str:
        """What the net draws: "sketch" or "photo"."""
        return self.direction.rpartition("_")[2]

    @property
    def colours(self) -> int:
        """How many of the channels are pixels: 3 of a photo, 1 of a sketch."""
        return 1 if self.direction == SKETCH_TO_PHOTO else 3

    @property
    def channels(self) -> int:
        """Those of the pixels, and X and Y: 5 by default."""
        return self.colours + 2 * self.xy

    def apply(
        self, pixels: np.ndarray, corner: tuple[int, int] = (0, 0), whole: tuple[int, int] | None = None
    ) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (channels, H, W) float32.

        For a part of a photo: corner, the (row, column) where it begins, and whole, the photo's (height, width).
        """
        h, w = pixels.shape[:2]
        (top, left), (whole_h, whole_w) = corner, whole or (h, w)
        data = np.empty((self.channels, h, w), np.float32)
        colours = data[: self.colours]
        colours[...] = pixels.transpose(2, 0, 1) if len(colours) == 3 else to_luma(pixels)
        colours -= np.asarray(self.mean, np.float32)[:, None, None]
        colours *= np.float32(self.scale)
        if self.xy:
            data[-2] = (np.arange(left, left + w) - centre(whole_w)) * self.xy_scale
            data[-1] = ((np.arange(top, top + h) - centre(whole_h)) * self.xy_scale)[:, None]
        return data

    def undo(self, data: np.ndarray) -> np.ndarray:
        """(channels, H, W) of `apply` -> the (H, W, 3) uint8 pixels, of a sketch (H, W).

        With scale 0 nothing is left of them: the mean.
        """
        colours = data[: self.colours]
        pixels = colours / self.scale if self.scale else np.zeros_like(colours)
        pixels = pixels + np.asarray(self.mean, np.float32)[:, None, None]
        pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        return pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0]

    def to_json(self) -> str:
        """The options as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str = "preprocessing") -> Preprocessing:
        """Read what to_json wrote; DataError says `where` and what is wrong."""
        try:
            values = json.loads(text)
            scale = _number(values, "scale")
            direction = _direction(values)
            return cls(
                scale=scale,
                mean=_mean(values["mean"], (1,) if direction == SKETCH_TO_PHOTO else (1, 3)),
                xy=_flag(values, "xy"),
                xy_scale=_number(values, "xy_scale"),
                direction=direction,
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"{where}: its preprocessing is malformed: {error!r}") from None


def centre(size: int) -> int:
    """The pixel that X or Y is measured from, and that crops are centred on."""
    return (size - 1) // 2


def crop_centre(image: np.ndarray, width: int, height: int, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """The (height, width) part of an (H, W, ...) image whose centre is the image's, moved by (x, y); a view.

    200 x 250 to 155 x 200 starts at (22, 25); 155 x 200 to 143 x 188 at (6, 6): the paper's crops.
    """
    h, w = image.shape[:2]
    top, left = crop_corner(image, width, height, shift)
    if left < 0 or top < 0 or left + width > w or top + height > h:
        moved = f" moved by {shift}" if any(shift) else ""
        raise DataError(f"a {width}x{height} crop{moved} does not fit a {w}x{h} image (width x height)")
    return image[top : top + height, left : left + width]


def crop_corner(image: np.ndarray, width: int, height: int, shift: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """The (row, column) where `crop_centre` begins."""
    h, w = image.shape[:2]
    return centre(h) - centre(height) + shift[1], centre(w) - centre(width) + shift[0]


def relight(photo: np.ndarray, gamma: float, gains: np.ndarray) -> np.ndarray:
    """An (H, W, 3) uint8 photo as in other light: level v of channel c becomes gains[c] * 255 * (v / 255) ** gamma.

    Rounded to whole levels and clipped to 0..255. gamma below 1 lightens shadows most; gains (3,), of R, G, B, that
    differ change the colour of the light.
    """
    levels = np.arange(256)[:, None] / 255
    table = np.clip(np.rint(255 * levels**gamma * gains), 0, 255).astype(np.uint8)
    return table[photo, np.arange(3)]


def in_other_light(photo: np.ndarray, rng: np.random.Generator, light: float, colour: float) -> np.ndarray:
    """`relight` by chance: ln gamma is normal with deviation light; the ln of a channel's gain is the sum of two.

    One, with deviation light, is the same for all channels; one, with deviation colour, is each channel's own.
    """
    gain, *own, gamma = rng.normal(0, [light, colour, colour, colour, light])
    return relight(photo, np.exp(gamma), np.exp(gain + np.array(own)))


def _number(values: dict[str, Any], name: str) -> float:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{name} must be a finite number")
    return float(value)


def _flag(values: dict[str, Any], name: str) -> bool:
    if not isinstance(values[name], bool):
        raise ValueError(f"{name} must be true or false")
    return values[name]


def _direction(values: dict[str, Any]) -> str:
    """Files from before there were two directions do not say it."""
    direction = values.get("direction", PHOTO_TO_SKETCH)
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be {' or '.join(DIRECTIONS)}, found {direction!r}")
    return direction


def _mean(values: Any, counts: tuple[int, ...]) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) not in counts:
        raise ValueError("mean must be a list of one number" + ", or three" * (3 in counts))
    return tuple(_number({"mean": value}, "mean") for value in values)
