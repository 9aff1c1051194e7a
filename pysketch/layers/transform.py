"""transform_param: what data layers do to a picture on its way into a net, as Caffe's DataTransformer does."""

from __future__ import annotations

import numpy as np

from pysketch.errors import DataError, SnapshotError
from pysketch.layers.base import Layer
from pysketch.netdef import Kind, Option, Phase, Table
from pysketch.weights import read_blob

TRANSFORM = Table(
    "TransformationParameter",
    (
        Option("scale", Kind.FLOAT, 1.0, help="times the pixels after the mean is off"),
        Option("mirror", Kind.BOOL, False, help="phase TRAIN: turn half of the images left-right?"),
        Option("crop_size", Kind.UINT32, 0, help="side of a square cut out; 0: the whole image"),
        Option("mean_value", Kind.FLOAT, repeated=True, help="level taken off: one number, or B, G, R"),
        Option("mean_file", Kind.STRING, "", help="a BlobProto file (.binaryproto), an image to take off"),
        Option("force_color", Kind.BOOL, False, help="Data: give encoded images three channels"),
        Option("force_gray", Kind.BOOL, False, help="Data: give encoded images one channel"),
    ),
)
"""transform_param."""

MOVED = "; it belongs into transform_param { }"
"""What data layers say of its options in their own sections, where the first Caffe had them."""


class Transform:
    """(pixels - mean) * scale of a picture (C, H, W), cropped and mirrored, in the net's dtype.

    crop_size cuts a square out: in phase TRAIN at a random place, in phase TEST of the middle. mirror turns half of the
    pictures of phase TRAIN left-right. The mean is one number, one for each channel (mean_value), or an image as large
    as the picture before it is cropped (mean_file), which is cropped and mirrored along. `layer` has the options in
    `more`; NetdefError if they contradict each other, DataError for a mean_file that cannot be read.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer, self.options = layer, layer.more["transform_param"]
        self.train = layer.phase == Phase.TRAIN
        self.mean: np.ndarray | None = None
        options, at = self.options, self.options.position("mean_file")
        if options.mean_file:
            if options.mean_value:
                raise layer.error("give either mean_file or mean_value, not both", at=at)
            path = layer.find_file(options.mean_file, "mean image", at)
            try:
                mean = read_blob(path)
            except SnapshotError as error:
                raise layer.error(str(error), DataError, at) from None
            self.mean = mean[0] if mean.ndim == 4 and len(mean) == 1 else mean
            if self.mean.ndim != 3:
                message = f"{path}: expected a mean image of shape (C, H, W), found {mean.shape}"
                raise layer.error(message, DataError, at)

    def apply(self, planes: np.ndarray, rng: np.random.Generator, name: str) -> np.ndarray:
        """The picture (C, H, W) of uint8 or float32, by these chance numbers; DataError, with its name, if bad."""
        options, side, (h, w) = self.options, self.options.crop_size, planes.shape[1:]
        mean = self._mean_of(planes, name)
        if side > min(h, w):
            raise self.layer.error(
                f"{name} is {w}x{h} pixels large (width x height), less than crop_size {side}", DataError
            )
        if side:
            top, left = (int(rng.integers(n - side + 1)) if self.train else (n - side) // 2 for n in (h, w))
            place = slice(None), slice(top, top + side), slice(left, left + side)
            planes = planes[place]
            mean = mean[place] if self.mean is not None else mean
        values = (planes.astype(np.float32) - mean) * np.float32(options.scale)
        if options.mirror and self.train and rng.random() < 0.5:
            values = values[:, :, ::-1]
        return values.astype(self.layer.context.dtype, copy=False)

    def stack(self, pictures: list[np.ndarray], names: list[str], hint: str) -> np.ndarray:
        """The pictures (N, C, h, w) of a batch; DataError, with the hint, unless they are of one shape."""
        first = pictures[0].shape
        for (channels, h, w), name in zip((picture.shape for picture in pictures), names, strict=True):
            if channels != first[0]:
                raise self.layer.error(f"{name} has {channels} channels, the first of its batch {first[0]}", DataError)
            if (h, w) != first[1:]:
                raise self.layer.error(
                    f"{name} is {w}x{h} pixels large (width x height), the first of its batch {first[2]}x{first[1]}; "
                    f"give {hint}crop_size, or batch_size 1",
                    DataError,
                )
        return np.stack(pictures)

    def _mean_of(self, planes: np.ndarray, name: str) -> np.ndarray:
        """What is taken off the picture, of a shape that fits it."""
        options, channels = self.options, len(planes)
        if self.mean is None:
            if len(options.mean_value) not in (0, 1, channels):
                message = f"mean_value must be one number or {channels}, found {len(options.mean_value)}"
                raise self.layer.error(message, at=options.position("mean_value"))
            return np.asarray(options.mean_value or (0.0,), np.float32)[:, None, None]
        if self.mean.shape != planes.shape:
            raise self.layer.error(
                f"{options.mean_file} is a mean of shape {self.mean.shape}, (C, H, W), {name} {planes.shape}; "
                "a mean is of the size that images have before they are cropped",
                DataError,
                options.position("mean_file"),
            )
        return self.mean
