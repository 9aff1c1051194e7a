"""pycaffe's `caffe.io`: pictures as arrays, the Transformer that makes a net's input of them, arrays as messages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pysketch.caffe.proto import caffe_pb2
from pysketch.images import as_photo, interpolate
from pysketch.weights import fill_blob

LUMA = (0.2125, 0.7154, 0.0721)
"""What red, green and blue weigh in a grey picture: scikit-image's rgb2gray, which pycaffe uses (ITU-R BT.709)."""


def load_image(filename: str | os.PathLike[str], color: bool = True) -> np.ndarray:
    """An image file as (H, W, 3) RGB, or (H, W, 1) grey by `LUMA`, float32 in 0..1; DataError if it cannot be read."""
    pixels = as_photo(filename).astype(np.float32) / np.float32(255)
    return pixels if color else (pixels @ np.array(LUMA, np.float32))[:, :, None]


def resize_image(im: np.ndarray, new_dims: Sequence[int], interp_order: int = 1) -> np.ndarray:
    """An (H, W, K) array in the size new_dims, (height, width), by bilinear interpolation, float32.

    Not antialiased; ValueError for another interp_order than 1.
    """
    if interp_order != 1:
        raise ValueError(f"resize_image interpolates bilinearly (interp_order 1), found {interp_order}")
    return interpolate(im, int(new_dims[1]), int(new_dims[0]))


def oversample(images: Iterable[np.ndarray], crop_dims: Sequence[int]) -> np.ndarray:
    """Ten crops of each (H, W, K) image: its corners, its centre, and all of these mirrored; (10 N, h, w, K) float32.

    crop_dims: (h, w). The order is top left, top right, bottom left, bottom right, centre, the mirrored ones likewise.
    ValueError if an image is smaller than that.
    """
    h, w = (int(length) for length in crop_dims)
    crops = []
    for image in images:
        height, width = image.shape[:2]
        if height < h or width < w:
            raise ValueError(f"crops of {h}x{w} (height x width) do not fit an image of {height}x{width}")
        corners = [(y, x) for y in (0, height - h) for x in (0, width - w)]
        centre = int(height / 2 - h / 2), int(width / 2 - w / 2)
        plain = [image[y : y + h, x : x + w] for y, x in (*corners, centre)]
        crops += [*plain, *(crop[:, ::-1] for crop in plain)]
    return np.array(crops, np.float32)


def blobproto_to_array(blob: Any, return_diff: bool = False) -> np.ndarray:
    """A BlobProto's data, or diff, as float32: a mean image's, a param's.

    Old files have four axes (num, channels, height, width), and those count where they are given. ValueError if there
    are more or fewer values than the shape says; without any shape a single value is a scalar.
    """
    values = (blob.diff or blob.double_diff) if return_diff else (blob.data or blob.double_data)
    axes = ("num", "channels", "height", "width")
    old = any(blob.HasField(axis) for axis in axes)
    shape = tuple(getattr(blob, axis) for axis in axes) if old else tuple(blob.shape.dim)
    array = np.array(values, np.float32)
    if array.size != np.prod(shape, dtype=np.int64) or min(shape, default=0) < 0:
        raise ValueError(f"BlobProto: {array.size} values for the shape {shape}")
    return array.reshape(shape)


def array_to_blobproto(arr: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """A BlobProto that holds an array, and its diff, as float32."""
    blob = caffe_pb2.BlobProto()
    fill_blob(blob, arr, diff)
    return blob


def arraylist_to_blobprotovector_str(arraylist: Iterable[np.ndarray]) -> bytes:
    """Arrays as the bytes of a BlobProtoVector."""
    return caffe_pb2.BlobProtoVector(blobs=map(array_to_blobproto, arraylist)).SerializeToString()


def blobprotovector_str_to_arraylist(str: bytes) -> list[np.ndarray]:
    """The arrays in a BlobProtoVector's bytes; protobuf's DecodeError if it is none."""
    return [blobproto_to_array(blob) for blob in caffe_pb2.BlobProtoVector.FromString(str).blobs]


def array_to_datum(arr: np.ndarray, label: int | None = None) -> Any:
    """An array (K, H, W) as a Datum, as LMDB holds them: uint8 as bytes, all else as floats; ValueError for others."""
    if arr.ndim != 3:
        raise ValueError(f"a Datum holds an array (K, H, W), found one of shape {arr.shape}")
    datum = caffe_pb2.Datum()
    datum.channels, datum.height, datum.width = arr.shape
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(np.float32).ravel())
    if label is not None:
        datum.label = int(label)
    return datum


def datum_to_array(datum: Any) -> np.ndarray:
    """A Datum's array (K, H, W), uint8 or float32; its label is ``datum.label``.

    ValueError for an encoded one (a whole JPEG or PNG file) and for values that its shape does not fit.
    """
    if datum.encoded:
        raise ValueError("the Datum is encoded: its data are an image file's bytes")
    array = np.frombuffer(datum.data, np.uint8).copy() if datum.data else np.array(datum.float_data, np.float32)
    shape = datum.channels, datum.height, datum.width
    if array.size != np.prod(shape, dtype=np.int64) or min(shape) < 0:
        raise ValueError(f"Datum: {array.size} values for the shape {shape}")
    return array.reshape(shape)


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
        order = self.transpose.get(in_)
        if order and x.ndim != len(order):
            hint = "; a grey one needs a last axis: image[:, :, None]" if x.ndim == 2 else ""
            raise ValueError(f"{in_}: expected a picture (H, W, K), found an array of shape {x.shape}{hint}")
        _, height, width = self._item(in_)
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
        x = np.asarray(data).astype(np.float32)
        if in_ not in self.transpose:
            x = x.squeeze()
        elif len(x) == 1 and x.ndim > len(self.transpose[in_]):
            x = x[0]
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
        """What is taken off: a number for each channel, or an array (K, H, W), or (H, W) for all channels.

        Arrays of another height and width are resized to the input's.
        """
        self._check(in_)
        mean, (channels, height, width) = np.asarray(mean, np.float32), self._item(in_)
        if mean.ndim not in (1, 2, 3):
            hint = "; of a BlobProto's array take the first item: mean[0]" if mean.ndim == 4 else ""
            raise ValueError(f"{in_}: a mean of shape {mean.shape}; expected (K,), (H, W) or (K, H, W){hint}")
        if mean.ndim == 1:
            mean = mean[:, None, None]
        elif mean.shape[-2:] != (height, width):
            last = mean[:, :, None] if mean.ndim == 2 else mean.transpose(1, 2, 0)
            mean = resize_image(last, (height, width)).transpose(2, 0, 1)
        if mean.ndim == 3 and len(mean) not in (1, channels):
            raise ValueError(f"{in_}: a mean of {len(mean)} channels for {channels}")
        self.mean[in_] = mean

    def set_input_scale(self, in_: str, scale: float) -> None:
        """What the result is multiplied by, after the mean is off."""
        self._check(in_)
        self.input_scale[in_] = float(scale)

    def _check(self, in_: str) -> None:
        if in_ not in self.inputs:
            raise ValueError(f'"{in_}" is not one of the inputs {", ".join(self.inputs)}')

    def _item(self, in_: str) -> tuple[int, ...]:
        """(K, H, W) of an input."""
        if len(self.inputs[in_]) != 4:
            raise ValueError(f"{in_}: pictures are for inputs (N, K, H, W), this one's shape is {self.inputs[in_]}")
        return self.inputs[in_][1:]
