"""pycaffe's `caffe.io`: pictures as arrays, and the Transformer that makes a net's input of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pysketch.images import interpolate, read_photo, read_sketch
from pysketch.weights import blob_array, fill_blob, message_class


def load_image(path: str | os.PathLike[str], color: bool = True) -> np.ndarray:
    """An image file as (H, W, 3) RGB, or (H, W, 1) luma, float32 in 0..1; DataError if it cannot be read."""
    pixels = read_photo(path) if color else read_sketch(path)[:, :, None]
    return pixels.astype(np.float32) / np.float32(255)


def resize_image(image: np.ndarray, new_dims: Sequence[int], interp_order: int = 1) -> np.ndarray:
    """An (H, W, K) array in the size new_dims, (height, width), by bilinear interpolation, float32.

    Not antialiased; ValueError for another interp_order than 1.
    """
    if interp_order != 1:
        raise ValueError(f"resize_image interpolates bilinearly (interp_order 1), found {interp_order}")
    return interpolate(image, int(new_dims[1]), int(new_dims[0]))


def blobproto_to_array(blob: Any, return_diff: bool = False) -> np.ndarray:
    """A BlobProto's data, or diff, as float32: a mean image's, a param's. SnapshotError if its shape does not fit."""
    return blob_array(blob, "BlobProto", return_diff)


def array_to_blobproto(array: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """A BlobProto that holds an array, and its diff, as float32."""
    blob = message_class("BlobProto")()
    fill_blob(blob, array, diff)
    return blob


class Transformer:
    """Makes arrays for a net's inputs from pictures, and pictures from them.

    inputs: input blob -> its shape (N, K, H, W). `preprocess` does, in this order and each only if set: resize to
    (H, W); transpose, as (2, 0, 1) does from H x W x K to K x H x W; swap the channels, as (2, 1, 0) from RGB to BGR;
    multiply by raw_scale (255 for a net of 0..255); take the mean off; multiply by input_scale. `deprocess` undoes it,
    except for the size. Methods raise ValueError for an input or a shape that does not fit.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs = {name: tuple(shape) for name, shape in inputs.items()}
        self.transpose: dict[str, tuple[int, ...]] = {}
        self.channel_swap: dict[str, tuple[int, ...]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, float] = {}

    def preprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """A picture (H', W', K) -> the input's (K, H, W), float32."""
        self._check(in_)
        x = np.asarray(data).astype(np.float32)
        height, width = self.inputs[in_][2:]
        if x.shape[:2] != (height, width):
            x = resize_image(x, (height, width))
        if in_ in self.transpose:
            x = x.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            x = x[list(self.channel_swap[in_])]
        if in_ in self.raw_scale:
            x = x * np.float32(self.raw_scale[in_])
        if in_ in self.mean:
            x = x - self.mean[in_]
        if in_ in self.input_scale:
            x = x * np.float32(self.input_scale[in_])
        return x

    def deprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """An input's (K, H, W) -> the picture (H, W, K), float32."""
        self._check(in_)
        x = np.asarray(data).squeeze().astype(np.float32)
        if in_ in self.input_scale:
            x = x / np.float32(self.input_scale[in_])
        if in_ in self.mean:
            x = x + self.mean[in_]
        if in_ in self.raw_scale:
            x = x / np.float32(self.raw_scale[in_])
        if in_ in self.channel_swap:
            x = x[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            x = x.transpose(np.argsort(self.transpose[in_]))
        return x

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """The order of the picture's axes in the input: (2, 0, 1)."""
        self._check(in_)
        if sorted(order) != list(range(len(self.inputs[in_]) - 1)):
            raise ValueError(f"{in_}: {tuple(order)} is no order of {len(self.inputs[in_]) - 1} axes")
        self.transpose[in_] = tuple(order)

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """The order of the picture's channels in the input: (2, 1, 0) for BGR."""
        self._check(in_)
        if sorted(order) != list(range(self.inputs[in_][1])):
            raise ValueError(f"{in_}: {tuple(order)} is no order of {self.inputs[in_][1]} channels")
        self.channel_swap[in_] = tuple(order)

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """What pixels are multiplied by before the mean is taken off."""
        self._check(in_)
        self.raw_scale[in_] = float(scale)

    def set_mean(self, in_: str, mean: np.ndarray) -> None:
        """What is taken off: a number for each channel, or an array (K, H, W), or (H, W) for all channels."""
        self._check(in_)
        mean, shape = np.asarray(mean, np.float32), self.inputs[in_][1:]
        if mean.ndim == 1:
            if len(mean) not in (1, shape[0]):
                raise ValueError(f"{in_}: a mean of {len(mean)} channels for {shape[0]}")
            mean = mean[:, None, None]
        elif mean.shape not in (shape, shape[1:]):
            raise ValueError(f"{in_}: a mean of shape {mean.shape} for an input of {shape}")
        self.mean[in_] = mean

    def set_input_scale(self, in_: str, scale: float) -> None:
        """What the result is multiplied by, after the mean is off."""
        self._check(in_)
        self.input_scale[in_] = float(scale)

    def _check(self, in_: str) -> None:
        if in_ not in self.inputs:
            raise ValueError(f'"{in_}" is not one of the inputs {", ".join(self.inputs)}')
