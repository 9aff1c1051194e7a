"""pycaffe's Classifier: a net that says of pictures which class they show."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from pysketch.caffe import io
from pysketch.caffe.mode import TEST
from pysketch.caffe.nets import Net


class Classifier(Net):
    """``Classifier(model_file, pretrained_file, image_dims=(256, 256), raw_scale=255, channel_swap=(2, 1, 0))``.

    A net in phase TEST with one input (N, K, H, W), `crop_dims` (H, W), and a `transformer` that makes its input of
    pictures: see `io.Transformer` for mean, input_scale, raw_scale and channel_swap. image_dims: the (height, width)
    that pictures are resized to before they are cropped to the input's; default: no more than that.
    """

    def __init__(
        self,
        model_file: str | os.PathLike[str],
        pretrained_file: str | os.PathLike[str],
        image_dims: Sequence[int] | None = None,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = input_transformer(self, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = np.array(self.blobs[self.inputs[0]].shape[2:])
        self.image_dims = tuple(self.crop_dims) if image_dims is None else tuple(image_dims)

    def predict(self, inputs: Sequence[np.ndarray], oversample: bool = True) -> np.ndarray:
        """The first output for each picture (H, W, K), (N, classes).

        oversample: the mean over ten crops of each (`io.oversample`); else of the crop in the middle alone. ValueError
        for no picture, or image_dims smaller than the crops.
        """
        if not len(inputs):
            raise ValueError("predict: expected one picture at least, found none")
        images = [io.resize_image(image, self.image_dims) for image in inputs]
        crops = io.oversample(images, self.crop_dims).reshape(len(images), 10, *self.crop_dims, -1)
        crops = crops if oversample else crops[:, 4:5]
        name = self.inputs[0]
        fed = np.array([self.transformer.preprocess(name, crop) for several in crops for crop in several])
        outputs = self.forward_all(**{name: fed})[self.outputs[0]]
        if not oversample:
            return outputs
        return outputs.reshape(len(images), 10, -1).mean(axis=1)


def input_transformer(
    net: Net,
    mean: np.ndarray | None,
    input_scale: float | None,
    raw_scale: float | None,
    channel_swap: Sequence[int] | None,
) -> io.Transformer:
    """A Transformer for a net's first input, which makes (K, H, W) of (H, W, K)."""
    name = net.inputs[0]
    transformer = io.Transformer({name: net.blobs[name].shape})
    transformer.set_transpose(name, (2, 0, 1))
    if mean is not None:
        transformer.set_mean(name, mean)
    if input_scale is not None:
        transformer.set_input_scale(name, input_scale)
    if raw_scale is not None:
        transformer.set_raw_scale(name, raw_scale)
    if channel_swap is not None:
        transformer.set_channel_swap(name, channel_swap)
    return transformer
