"""Pooling: the largest, or the mean, of each window of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pysketch.convolution import Fields, ReceptiveField, parts
from pysketch.device import Array, Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.pooling_windows import Windows, first_maxima, pool, unpool
from pysketch.netdef import Choice, Kind, Option, Table

_CACHE = 1 << 20  # bytes of a piece of the image: with what is made of it, it stays in a core's cache


@register
class Pooling(Layer):
    """MAX: y[oy, ox] = the largest x in the window that begins at (oy s - p, ox s - p); AVE: its mean.

    x: (N, C, H, W); y: (N, C, H', W'), H' = (H + 2 p - k) / s + 1, rounded up (`round_mode`: CEIL, Caffe's default,
    or FLOOR), less 1 if the last window would begin at H + p or behind. Caffe looks for that only where there is
    padding; without it such a window, of stride > kernel, would hold nothing.
    global_pooling: one window, the whole image.

    MAX: padding never counts. A second top is the mask: the index iy W + ix, in its channel, of each maximum; of
    equal ones it is the first. dx of an element is the sum of dy over those windows whose (first) maximum it is: at
    ties, where y has no derivative, one of them gets all. Not a number wins over all numbers.
    AVE: y = sum / size, with the padding counted in size, but not what a window has behind it: its height is
    min(oy s - p + k, H + p) - (oy s - p). dx of an element is the sum of dy / size over the windows that it is in.
    STOCHASTIC is not supported.

    Done along x, then along y (see `pooling_windows`); the first maximum of a window is the first row's that has it.
    """

    type = "Pooling"
    section = "pooling_param"
    table = Table(
        "PoolingParameter",
        (
            Option("pool", Choice({"MAX": 0, "AVE": 1, "STOCHASTIC": 2}), "MAX", help="what is taken of a window"),
            Option("kernel_size", Kind.UINT32, 0, help="of the window; or kernel_h and kernel_w"),
            Option("kernel_h", Kind.UINT32, 0),
            Option("kernel_w", Kind.UINT32, 0),
            Option("stride", Kind.UINT32, 1, low=1, help="from window to window; or stride_h and stride_w"),
            Option("stride_h", Kind.UINT32, 1, low=1),
            Option("stride_w", Kind.UINT32, 1, low=1),
            Option("pad", Kind.UINT32, 0, help="around the image; or pad_h and pad_w"),
            Option("pad_h", Kind.UINT32, 0),
            Option("pad_w", Kind.UINT32, 0),
            Option("global_pooling", Kind.BOOL, False, help="one window: the whole image"),
            Option("round_mode", Choice({"CEIL": 0, "FLOOR": 1}), "CEIL", help="of the number of windows"),
            Option(
                "engine", Choice({"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2}), "DEFAULT", help="Caffe's; has no effect here"
            ),
        ),
    )
    tops = Count(1, 2)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read the geometry."""
        options = self.options
        if options.pool == "STOCHASTIC":
            at = options.position("pool")
            raise self.error("not supported: PoolingParameter.pool STOCHASTIC; near: MAX, AVE", at=at)
        if len(top) == 2 and options.pool != "MAX":
            raise self.error("only MAX pooling has a second top, the mask")
        self.kernel = None if options.global_pooling else self._pair("kernel")
        self.stride, self.pad = self._pair("stride"), self._pair("pad")
        if options.global_pooling:
            if any(map(options.given, ("kernel_size", "kernel_h", "kernel_w"))):
                raise self.error("global_pooling takes the whole image; leave the kernel out")
            if self.stride != (1, 1) or self.pad != (0, 0):
                raise self.error("global_pooling needs stride 1 and pad 0")
        elif 0 in self.kernel:
            raise self.error("kernel_size is missing or 0; or give kernel_h and kernel_w")
        elif any(pad >= kernel for pad, kernel in zip(self.pad, self.kernel, strict=True)):
            raise self.error(f"pad {self.pad} must be less than the kernel {self.kernel}")

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """(N, C, H, W) -> (N, C, H', W')."""
        shape = bottom[0].shape
        if len(shape) != 4 or 0 in shape:
            raise self.shape_error(
                f"expected a bottom of shape (N, C, H, W), found {shape}: pooling along 1 or 3 axes is not supported, "
                "this engine is for images"
            )
        size = shape[2:]
        ceil = self.options.round_mode == "CEIL"
        kernel = self.kernel or size
        self.windows = [Windows.along(size[k], kernel[k], self.stride[k], self.pad[k], ceil) for k in (0, 1)]
        out = [windows.count for windows in self.windows]
        if min(out) < 1:
            raise self.shape_error(
                f"kernel {kernel[0]}x{kernel[1]} (height x width) does not fit a {size[0]}x{size[1]} input "
                f"with pad {self.pad[0]}x{self.pad[1]}"
            )
        for blob in top:
            blob.reshape(*shape[:2], *out)

    def receptive_field(self) -> Fields | None:
        """The window; None for one that is the whole image, and for a mask, which counts from the image's corner."""
        if self.kernel is None or len(self.definition.top) == 2:
            return None
        fields = zip(self.kernel, self.stride, self.pad, strict=True)
        vertical, horizontal = (ReceptiveField(s, p, k - 1 - p) for k, s, p in fields)
        return vertical, horizontal

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y, and the mask if there is a second top."""
        rows, cols = self.windows

        def work(x: Array, y: Array, *mask: Array) -> None:
            if not mask:
                y[...] = pool(x, rows, cols, self.options.pool == "AVE")
            else:
                row_maxima, right = first_maxima(x, cols, 2)
                y[...], down = first_maxima(row_maxima, rows, 1)
                mask[0][...] = self._mask(down, right)

        self._run(work, bottom[0].data, *(blob.data for blob in top))

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx."""
        if not propagate_down[0]:
            return
        rows, cols = self.windows

        def work(x: Array, dy: Array, dx: Array) -> None:
            dx[...] = unpool(x, dy, rows, cols, self.options.pool == "AVE")

        self._run(work, bottom[0].data, top[0].diff, bottom[0].diff)

    def _run(self, work: Callable[..., None], *arrays: Array) -> None:
        """Let the workers call work for some channels (n, H, W) of all arrays at a time."""
        channels = [array.reshape(-1, *array.shape[2:]) for array in arrays]
        count, each = len(channels[0]), max(array[0].nbytes for array in channels)
        size = max(1, _CACHE // each) if self.xp is np else count

        def piece(part: tuple[int, int], arena: object) -> None:
            work(*(array[slice(*part)] for array in channels))

        self.context.workers.run(piece, list(parts(count, size)), self.xp)

    def _mask(self, down: Array, right: Array) -> Array:
        """iy W + ix of each maximum, from its row in the window and each row's column."""
        xp, (rows, cols) = self.xp, self.windows
        y = down + (xp.arange(rows.count) * rows.stride - rows.pad)[:, None]
        channel, _, ox = xp.ogrid[: len(down), :1, : cols.count]
        x = right[channel, y, ox] + ox * cols.stride - cols.pad
        return y * cols.size + x

    def _pair(self, name: str) -> tuple[int, int]:
        """(vertical, horizontal) of kernel, stride or pad: one number for both, or the _h and _w forms."""
        both = "kernel_size" if name == "kernel" else name
        options, forms = self.options, (f"{name}_h", f"{name}_w")
        if not any(map(options.given, forms)):
            return getattr(options, both), getattr(options, both)
        if options.given(both) or not all(map(options.given, forms)):
            given = next(form for form in forms if options.given(form))
            raise self.error(f"give either {both}, or both {forms[0]} and {forms[1]}", at=options.position(given))
        return getattr(options, forms[0]), getattr(options, forms[1])
