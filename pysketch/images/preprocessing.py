"""From a photo's pixels to a net's input, the same for training and drawing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pysketch.errors import DataError


@dataclass(frozen=True)
class Preprocessing:
    """(pixel - mean) * scale for R, G, B on the 0..255 scale; then, if xy, the pixel's position * xy_scale.

    The paper's literal input is scale 1, mean 0, xy_scale 1. X and Y are measured in pixels from the
    image's centre, so that a photo drawn whole gives in its middle what its centre crop gives.
    """

    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    xy: bool = True
    xy_scale: float = 1.0

    @property
    def channels(self) -> int:
        """5 with X and Y, else 3."""
        return 5 if self.xy else 3

    def apply(
        self, pixels: np.ndarray, corner: tuple[int, int] = (0, 0), whole: tuple[int, int] | None = None
    ) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (channels, H, W) float32.

        For a part of a photo: corner, the (row, column) where it begins, and whole, the photo's (height, width).
        """
        h, w = pixels.shape[:2]
        (top, left), (whole_h, whole_w) = corner, whole or (h, w)
        data = np.empty((self.channels, h, w), np.float32)
        data[:3] = pixels.transpose(2, 0, 1)
        data[:3] -= np.asarray(self.mean, np.float32)[:, None, None]
        data[:3] *= np.float32(self.scale)
        if self.xy:
            data[3] = (np.arange(left, left + w) - centre(whole_w)) * self.xy_scale
            data[4] = ((np.arange(top, top + h) - centre(whole_h)) * self.xy_scale)[:, None]
        return data

    def undo(self, data: np.ndarray) -> np.ndarray:
        """(channels, H, W) of `apply` -> the (H, W, 3) uint8 pixels; with scale 0 nothing is left of them: the mean."""
        pixels = data[:3] / self.scale if self.scale else np.zeros_like(data[:3])
        pixels = pixels + np.asarray(self.mean, np.float32)[:, None, None]
        return np.clip(np.rint(pixels), 0, 255).astype(np.uint8).transpose(1, 2, 0)

    def to_json(self) -> str:
        """The options as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str = "preprocessing") -> Preprocessing:
        """Read what to_json wrote; DataError says `where` and what is wrong."""
        try:
            values = json.loads(text)
            return cls(
                scale=_number(values, "scale"),
                mean=_mean(values["mean"]),
                xy=_flag(values, "xy"),
                xy_scale=_number(values, "xy_scale"),
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


def _mean(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) not in (1, 3):
        raise ValueError("mean must be a list of one number, or three")
    return tuple(_number({"mean": value}, "mean") for value in values)
