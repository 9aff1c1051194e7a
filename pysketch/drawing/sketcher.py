"""Drawing: a photo's pixels in, a sketch's pixels out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pysketch.device import copy_into, to_host
from pysketch.drawing.net_file import read_net_file
from pysketch.errors import DataError, NetdefError, ShapeError
from pysketch.images import Preprocessing, as_photo, to_pillow
from pysketch.layers import Context, Input
from pysketch.net import BUDGET, Net, Size, Tile, Tiling, whole_image
from pysketch.netdef import DEPLOY, NetDef, Phase

Progress = Callable[[list[Tile]], Iterable[Tile]]
"""Goes through a list of tiles, and may show how far it is."""


class Sketcher:
    """Draws with a net file: ``Sketcher("medium.h5").draw(photo)``.

    The netdef in the file may be a stranger's: it imports no Python but pysketch's own layers.
    context: where and how to work; default: in float32 on the CPU.
    lost_border: (rows, columns) by which a sketch is smaller than its photo; (12, 12) for the paper's nets.
    steps: a net that goes down in strides and comes back to the photo's size wants (rows, columns) that are multiples
    of these; other photos are continued by reflection for it, and the sketch is cut to the photo's size.
    """

    def __init__(self, path: str | os.PathLike[str], context: Context | None = None) -> None:
        netdef, self.preprocessing = read_net_file(path)
        self.net = deploy_net(netdef, self.preprocessing, context, path)
        self._input = self.net.blobs[self.net.inputs[0]]
        self._output = self.net.blobs[self.net.outputs[0]]
        self.lost_border = lost_border(self.net)
        self.steps = steps_of(self.net)

    def __call__(self, image: Any) -> Any:
        """A photo, however it comes (`images.as_photo`) -> its sketch, as large, as a Pillow image in mode "L".

        ``Sketcher("medium.h5")("photo.png").save("sketch.png")``; `draw` in short.
        """
        return to_pillow(self.draw(as_photo(image), size_as_input=True))

    def draw(
        self,
        photo: np.ndarray,
        size_as_input: bool = False,
        tile: int | None = None,
        progress: Progress = iter,
    ) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H', W') uint8 grey: `predict`, clipped and rounded; see there."""
        return self._render(np.uint8, photo, size_as_input, tile, progress)

    def predict(
        self,
        photo: np.ndarray,
        size_as_input: bool = False,
        tile: int | None = None,
        progress: Progress = iter,
    ) -> np.ndarray:
        """The net's output (H', W') float32 on the scale 0 (black) .. 255 (white), not clipped.

        H' and W' are smaller than the photo's by `lost_border`, what unpadded convolutions lose. With
        size_as_input the photo is first continued by reflection at its border, so that the sketch has
        the photo's size.

        tile: draw at most tile x tile pixels of the sketch at a time; the sketch is the same up to float rounding.
        None: all at once if the net's blobs take at most `tiling.BUDGET` bytes, else in the largest tiles that do; a
        net that does not allow tiles draws all at once. progress: is given the list of tiles and goes through
        them, as tqdm does.

        DataError if the photo or the tile (`check_tile`) is too small, NetdefError if a tile is asked for and the net
        does not allow it.
        """
        return self._render(np.float32, photo, size_as_input, tile, progress)

    def check_tile(self, side: int) -> None:
        """DataError for tiles so small that the net would mostly work in vain, NetdefError if it allows none."""
        tiling = Tiling(self.net)
        least = tiling.least_side()
        if side < least:
            rows, columns = (last - first for first, last in (field.seen_range(0, 1) for field in tiling.fields))
            raise DataError(
                f"a tile must be at least {least}x{least} pixels large, found {side}: for each of a sketch the net "
                f"sees {columns}x{rows} of the photo, and would work them out again for every tile"
            )

    def _render(
        self, dtype: type, photo: np.ndarray, size_as_input: bool, tile: int | None, progress: Progress
    ) -> np.ndarray:
        """The prediction in float32, or the drawing in uint8."""
        photo = as_photo(photo)
        rows, cols = self._lines(photo.shape[:2], size_as_input)
        size = len(rows), len(cols)
        out_size = self._output_size(photo.shape[:2], size, size_as_input)
        sketch = np.empty(out_size, dtype)
        middle = photo.shape[:2] if max(self.steps) > 1 else size  # of the picture that X and Y are measured in
        for down, across in progress(self._tiles(size, out_size, tile)):
            pixels = photo[np.ix_(rows[down.seen], cols[across.seen])]
            data = self.preprocessing.apply(pixels, (down.seen.start, across.seen.start), middle)
            self._input.reshape(1, *data.shape)
            copy_into(self._input.data, data[None])
            self.net.forward()
            drawn = to_host(self._output.data[0, 0, down.kept, across.kept])
            sketch[down.made, across.made] = np.rint(np.clip(drawn, 0, 255)) if dtype is np.uint8 else drawn
        return sketch if max(self.steps) == 1 else np.ascontiguousarray(sketch[: photo.shape[0], : photo.shape[1]])

    def _lines(self, size: Size, reflect: bool) -> tuple[np.ndarray, np.ndarray]:
        """Which rows and columns of the photo the net sees, in order: all, or, continued by reflection, some twice."""
        h, w = size
        before = [pixels // 2 if reflect else 0 for pixels in self.lost_border]
        after = [pixels - first if reflect else 0 for pixels, first in zip(self.lost_border, before, strict=True)]
        after = [pixels + -side % step for pixels, side, step in zip(after, size, self.steps, strict=True)]
        if h <= max(before[0], after[0]) or w <= max(before[1], after[1]):
            raise DataError(f"a {w}x{h} photo (width x height) is too small to be continued by reflection")
        rows, cols = (np.pad(np.arange(n), (a, b), mode="reflect") for n, a, b in zip(size, before, after, strict=True))
        return rows, cols

    def _output_size(self, photo_size: Size, size: Size, size_as_input: bool) -> Size:
        """The sketch's (height, width), if the net is given `size`."""
        h, w = photo_size
        self._input.reshape(*self._input.shape[:2], *size)
        try:
            self.net.reshape()
        except ShapeError as error:
            raise DataError(f"a {w}x{h} photo (width x height) is too small for this net: {error}") from None
        out_h, out_w = self._output.shape[2:]
        if size_as_input and max(self.steps) == 1 and (out_h, out_w) != (h, w):
            raise DataError(
                f"this net makes a {out_w}x{out_h} sketch of a {w}x{h} photo (width x height), so it cannot draw "
                "in the photo's size"
            )
        return out_h, out_w

    def _tiles(self, size: Size, out_size: Size, side: int | None) -> list[Tile]:
        """The tiles of at most side x side, or those that `predict` says for None."""
        if side is not None:
            self.check_tile(side)
        try:
            tiling = Tiling(self.net)
        except NetdefError:
            return [whole_image(size, out_size)]
        if side is None and tiling.blob_bytes(size) <= BUDGET:
            return [whole_image(size, out_size)]
        return tiling.cut(size, out_size, side or tiling.largest_side(size, out_size, BUDGET))


def deploy_net(
    netdef: NetDef,
    preprocessing: Preprocessing,
    context: Context | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> Net:
    """The drawing net of a netdef: phase TEST, stage "deploy"; one input, one output of one channel.

    The netdef's Input gives the size the net is first built with; the channels are what the
    preprocessing makes, 5, or 3 without X and Y. weights: the file to take them from; without one they start by chance.
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
    net = Net(netdef, Phase.TEST, context, stages=DEPLOY, weights=weights, input_shapes=sizes, keep=())
    outputs = [(name, net.blobs[name].shape) for name in net.outputs]
    if len(outputs) != 1 or len(outputs[0][1]) != 4 or outputs[0][1][1] != 1:
        raise NetdefError(
            f"{netdef.filename}: drawing needs one output of shape (N, 1, H, W), found "
            + (", ".join(f'"{name}" {shape}' for name, shape in outputs) or "none")
        )
    return net


def lost_border(net: Net) -> Size:
    """(rows, columns) by which what a net of one input and one output makes is smaller than what it is given."""
    sizes = zip(net.blobs[net.inputs[0]].shape[2:], net.blobs[net.outputs[0]].shape[2:], strict=True)
    rows, columns = (before - after for before, after in sizes)
    return rows, columns


def steps_of(net: Net) -> Size:
    """(rows, columns) that a picture's height and width must be multiples of, for a net that draws: see `Sketcher`."""
    if any(lost_border(net)):
        return 1, 1
    try:
        return Tiling(net).grid
    except NetdefError:
        return 1, 1
