"""Drawing: a photo's pixels in, a sketch's pixels out."""

from __future__ import annotations

import os

import numpy as np

from pysketch.backend import CPU, Device, copy_into, to_host
from pysketch.errors import DataError, NetdefError, ShapeError
from pysketch.layers.input import Input
from pysketch.net import Net
from pysketch.net_file import read_net_file
from pysketch.netdef import NetDef, Phase
from pysketch.preprocessing import Preprocessing
from pysketch.workers import Workers

DEPLOY = ("deploy",)


class Sketcher:
    """Draws with a net file: ``Sketcher("medium.h5").draw(photo)``.

    The netdef in the file may be a stranger's: it imports no Python but pysketch's own layers.
    lost_border: (rows, columns) by which a sketch is smaller than its photo; (12, 12) for the paper's nets.
    """

    def __init__(self, path: str | os.PathLike[str], device: Device = CPU, workers: Workers | None = None) -> None:
        netdef, self.preprocessing = read_net_file(path)
        self.net = deploy_net(netdef, self.preprocessing, device, workers)
        self.net.copy_from(path)
        self._input = self.net.blobs[self.net.inputs[0]]
        self._output = self.net.blobs[self.net.outputs[0]]
        sizes = zip(self._input.shape[2:], self._output.shape[2:], strict=True)
        self.lost_border = tuple(before - after for before, after in sizes)

    def draw(self, photo: np.ndarray, size_as_input: bool = False) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H', W') uint8 grey: see `predict` for the sizes."""
        return np.rint(np.clip(self.predict(photo, size_as_input), 0, 255)).astype(np.uint8)

    def predict(self, photo: np.ndarray, size_as_input: bool = False) -> np.ndarray:
        """The net's output (H', W') float32 on the scale 0 (black) .. 255 (white), not clipped.

        H' and W' are smaller than the photo's by `lost_border`, what unpadded convolutions lose. With
        size_as_input the photo is first continued by reflection at its border, so that the sketch has
        the photo's size. DataError if the photo is too small.
        """
        h, w = photo.shape[:2]
        if size_as_input:
            photo = self._reflected(photo)
        data = self.preprocessing.apply(photo)
        self._input.reshape(1, *data.shape)
        copy_into(self._input.data, data[None])
        try:
            self.net.forward()
        except ShapeError as error:
            raise DataError(f"a {w}x{h} photo (width x height) is too small for this net: {error}") from None
        sketch = to_host(self._output.data)[0, 0].copy()
        if size_as_input and sketch.shape != (h, w):
            raise DataError(
                f"this net makes a {sketch.shape[1]}x{sketch.shape[0]} sketch of a {w}x{h} photo (width x "
                "height), so it cannot draw in the photo's size"
            )
        return sketch

    def _reflected(self, photo: np.ndarray) -> np.ndarray:
        h, w = photo.shape[:2]
        before = [pixels // 2 for pixels in self.lost_border]
        after = [pixels - first for pixels, first in zip(self.lost_border, before, strict=True)]
        if h <= max(before[0], after[0]) or w <= max(before[1], after[1]):
            raise DataError(f"a {w}x{h} photo (width x height) is too small to be continued by reflection")
        pad = [*zip(before, after, strict=True), (0, 0)]
        return np.pad(photo, pad, mode="reflect")


def deploy_net(
    netdef: NetDef, preprocessing: Preprocessing, device: Device = CPU, workers: Workers | None = None
) -> Net:
    """The drawing net of a netdef: phase TEST, stage "deploy"; one input, one output of one channel.

    The netdef's Input gives the size the net is first built with; the channels are what the
    preprocessing makes, 5, or 3 without X and Y.
    """
    layers = netdef.select(netdef.resolve_state(Phase.TEST, stages=DEPLOY)).layers
    inputs = [layer for layer in layers if layer.type == "Input"]
    if len(inputs) != 1 or len(inputs[0].top) != 1:
        raise NetdefError(
            f'{netdef.filename}: drawing needs one Input layer with one top in phase TEST, stage "deploy"; '
            f"found {len(inputs)} such layers"
        )
    shapes = Input.read_options(inputs[0]).shape
    if len(shapes) != 1 or len(shapes[0].dim) != 4:
        raise inputs[0].error("drawing needs an input shape of four dims: N, channels, height, width")
    shape = (1, preprocessing.channels, *shapes[0].dim[2:])
    sizes = {inputs[0].top[0]: shape}
    net = Net(netdef, Phase.TEST, stages=DEPLOY, device=device, input_shapes=sizes, workers=workers, keep=())
    outputs = [(name, net.blobs[name].shape) for name in net.outputs]
    if len(outputs) != 1 or len(outputs[0][1]) != 4 or outputs[0][1][1] != 1:
        raise NetdefError(
            f"{netdef.filename}: drawing needs one output of shape (N, 1, H, W), found "
            + (", ".join(f'"{name}" {shape}' for name, shape in outputs) or "none")
        )
    return net
