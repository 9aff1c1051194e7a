"""pycaffe's Detector: a net that classifies windows of pictures, as R-CNN does (Girshick and others, CVPR 2014)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pysketch.caffe import io
from pysketch.caffe.classifier import input_transformer
from pysketch.caffe.mode import TEST
from pysketch.caffe.nets import Net

Window = Sequence[float]
"""ymin, xmin, ymax, xmax in pixels of a picture."""


class Detector(Net):
    """``Detector(model_file, pretrained_file, mean=..., raw_scale=255, channel_swap=(2, 1, 0), context_pad=16)``.

    A net in phase TEST with one input (N, K, H, W). mean, input_scale, raw_scale, channel_swap: of its `transformer`,
    see `io.Transformer`. context_pad: how many pixels at each side of the input show what lies around the window; what
    lies outside the picture is the mean.
    """

    def __init__(
        self,
        model_file: str | os.PathLike[str],
        pretrained_file: str | os.PathLike[str],
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = input_transformer(self, mean, input_scale, raw_scale, channel_swap)
        self.context_pad = context_pad or 0
        _, channels, *size = self.blobs[self.inputs[0]].shape
        if 2 * self.context_pad >= min(size):
            raise ValueError(f"context_pad {self.context_pad} leaves nothing of an input of {size[0]}x{size[1]}")
        zeros = np.zeros((channels, *size), np.float32)
        self.crop_mean = self.transformer.deprocess(self.inputs[0], zeros)

    def detect_windows(self, images_windows: Iterable[tuple[Any, Iterable[Window]]]) -> list[dict[str, Any]]:
        """For (image file, windows) each: {"window", "prediction", "filename"} of each window, in their order.

        A prediction is the first output for the window's content, resized to the net's input.
        """
        detections, fed = [], []
        for filename, windows in images_windows:
            image = io.load_image(filename)
            for window in windows:
                detections.append({"window": window, "filename": filename})
                fed.append(self.transformer.preprocess(self.inputs[0], self.crop(image, window)))
        if not fed:
            return []
        outputs = self.forward_all(**{self.inputs[0]: np.array(fed)})[self.outputs[0]]
        for detection, output in zip(detections, outputs, strict=True):
            detection["prediction"] = output.squeeze()
        return detections

    def crop(self, im: np.ndarray, window: Window) -> np.ndarray:
        """A window of a picture (H, W, K), with context_pad pixels of what lies around it in the net's input.

        ValueError for a window without a pixel in the picture.
        """
        height, width = im.shape[:2]
        top, left, bottom, right = (float(edge) for edge in window)
        if self.context_pad:
            return self._crop_with_context(im, (top, left, bottom, right))
        crop = im[max(0, int(top)) : max(0, int(bottom)), max(0, int(left)) : max(0, int(right))]
        if not crop.size:
            raise ValueError(f"the window {tuple(window)} has no pixel of a picture of {height}x{width}")
        return crop

    def _crop_with_context(self, im: np.ndarray, window: tuple[float, float, float, float]) -> np.ndarray:
        """The window enlarged about its centre, so that itself fills the input but for context_pad at each side.

        pycaffe's numbers, which count a window's last row and column as its own.
        """
        made = self.crop_mean.copy()
        sources, targets = [], []
        for low, high, length, side in zip(window[:2], window[2:], im.shape[:2], made.shape[:2], strict=True):
            half = (high - low + 1) / 2
            reach = half * side / (side - 2 * self.context_pad)
            first, last = round(low + half - reach), round(low + half + reach)
            scale = side / (last - first + 1)
            start, stop = max(first, 0), min(last, length)
            if stop <= start:
                raise ValueError(f"the window {window} has no pixel of a picture of {im.shape[0]}x{im.shape[1]}")
            begin = min(round(max(0, -first) * scale), side - 1)
            size = min(max(1, round((stop - start + 1) * scale)), side - begin)
            sources.append(slice(start, stop))
            targets.append(slice(begin, begin + size))
        size = [target.stop - target.start for target in targets]
        made[tuple(targets)] = io.resize_image(im[tuple(sources)], size)
        return made
