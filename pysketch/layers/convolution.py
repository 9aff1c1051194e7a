"""Convolution as im2col and matrix products, forward and backward, in a bounded workspace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pysketch.backend import Array, array_module
from pysketch.blob import Blob
from pysketch.fillers import FILLER, fill
from pysketch.im2col import Tile, Window, col2im, im2col
from pysketch.layer import ENGINE, Count, Layer, register
from pysketch.netdef import check_filler
from pysketch.options import Kind, Option, Options, Table

CONVOLUTION = Table(
    "ConvolutionParameter",
    (
        Option("num_output", Kind.UINT32, required=True, low=1, help="number of filters"),
        Option("bias_term", Kind.BOOL, True, help="add a bias to each filter's output?"),
        Option("pad", Kind.UINT32, repeated=True, help="zeros around the input: one number, or height width"),
        Option("kernel_size", Kind.UINT32, repeated=True, low=1, help="one number, or height width"),
        Option("stride", Kind.UINT32, repeated=True, low=1, help="one number, or height width"),
        Option("dilation", Kind.UINT32, repeated=True, low=1, help="one number, or height width"),
        Option("pad_h", Kind.UINT32, 0),
        Option("pad_w", Kind.UINT32, 0),
        Option("kernel_h", Kind.UINT32, 0),
        Option("kernel_w", Kind.UINT32, 0),
        Option("stride_h", Kind.UINT32, 0),
        Option("stride_w", Kind.UINT32, 0),
        Option("group", Kind.UINT32, 1, low=1, help="channels are split into so many independent groups"),
        Option("weight_filler", FILLER),
        Option("bias_filler", FILLER),
        Option("axis", Kind.INT32, 1, low=1, high=1, help="the channels' axis; only 1"),
        Option("engine", ENGINE, "DEFAULT", help="Caffe's; all are im2col and GEMM here"),
    ),
    unsupported=("force_nd_im2col",),
)


@register
class Convolution(Layer):
    """y[n, o] = sum over (c, ky, kx) of W[o, c, ky, kx] x[n, c, oy sy + ky dy - py, ox sx + kx dx - px] + b[o].

    A cross-correlation, as in Caffe. x: (N, C, H, W); W: (O, C / group, kh, kw); b: (O,); y: (N, O, H', W').
    With col the unfolded patches of one image (C kh kw rows, H' W' columns), per image and group:

        y = W col + b,    dW += dy col^T,    db += sum of dy,    dx = col2im(W^T dy)

    The columns are made for a tile of the output at a time, so that at most the net's workspace
    (64 MiB by default) holds columns, however large the image or the batch. A 1x1 kernel at stride 1
    without padding needs none: x itself is col. Only the gradients that are asked for are computed.
    Several bottoms share the filters, each with its own top.
    """

    type = "Convolution"
    section = "convolution_param"
    table = CONVOLUTION
    bottoms = tops = Count(1, None)
    as_many_tops_as_bottoms = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Make weights and bias, from the fillers, in this order."""
        options = self.options
        self.window = self._read_window(options)
        if len(bottom[0].shape) != 4:
            raise self.shape_error(f"expected a bottom of shape (N, C, H, W), found {bottom[0].shape}")
        channels = bottom[0].shape[1]
        for what, count in (("num_output", options.num_output), ("input channels", channels)):
            if count % options.group or count == 0:
                raise self.shape_error(f"{what} {count} cannot be split into {options.group} groups")
        shape = (options.num_output, channels // options.group, *self.window.kernel)
        self._add_filled(options.weight_filler, shape)
        if options.bias_term:
            self._add_filled(options.bias_filler, (options.num_output,))

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """(N, C, H, W) -> (N, num_output, H', W')."""
        channels = self.blobs[0].shape[1] * self.options.group
        for x, y in zip(bottom, top, strict=True):
            if len(x.shape) != 4 or x.shape[1] != channels:
                raise self.shape_error(f"expected a bottom of shape (N, {channels}, H, W), found {x.shape}")
            out = self.window.output_size(x.shape[2:])
            if min(out) < 1:
                kernel, pad = self.window.kernel, self.window.pad
                raise self.shape_error(
                    f"kernel {kernel[0]}x{kernel[1]} (height x width, dilation {self.window.dilation[0]}x"
                    f"{self.window.dilation[1]}) does not fit a {x.shape[2]}x{x.shape[3]} input "
                    f"with pad {pad[0]}x{pad[1]}"
                )
            y.reshape(x.shape[0], self.options.num_output, *out)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = W col + b, tile by tile, each product written straight into y."""
        W = self._grouped_weights(self.blobs[0].data)  # (group, O/g, K)
        for x_blob, y_blob in zip(bottom, top, strict=True):
            for x, y in zip(self._padded(x_blob.data), y_blob.data, strict=True):
                y = self._by_group(y)
                for g, tile, col in self._columns(x, y):
                    self._product(W[g], col, y[g], tile)
            if self.options.bias_term:
                y_blob.data[...] += self.blobs[1].data[:, None, None]

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dW += dy col^T, db += sum dy, dx = col2im(W^T dy); each only if asked for."""
        for k, (x_blob, y_blob) in enumerate(zip(bottom, top, strict=True)):
            if self.options.bias_term and self.param_propagate_down[1]:
                self.blobs[1].diff[...] += y_blob.diff.sum(axis=(0, 2, 3))
            if self.param_propagate_down[0]:
                self._backward_weights(x_blob, y_blob)
            if propagate_down[k]:
                self._backward_bottom(x_blob, y_blob)

    def _backward_weights(self, x_blob: Blob, y_blob: Blob) -> None:
        dW = self._grouped_weights(self.blobs[0].diff)
        for x, dy in zip(self._padded(x_blob.data), y_blob.diff, strict=True):
            dy = self._by_group(dy)
            for g, tile, col in self._columns(x, dy):
                dW[g] += _tile_of(dy[g], tile) @ col.T

    def _backward_bottom(self, x_blob: Blob, y_blob: Blob) -> None:
        xp, (pad_h, pad_w) = self.xp, self.window.pad
        W = self._grouped_weights(self.blobs[0].data)
        _, c, h, w = x_blob.shape
        padded = xp.empty((c, h + 2 * pad_h, w + 2 * pad_w), x_blob.dtype) if pad_h or pad_w else None
        for dx, dy in zip(x_blob.diff, y_blob.diff, strict=True):
            dy = self._by_group(dy)
            if self._is_pointwise:
                for g, channels in enumerate(self._by_group(dx)):
                    xp.matmul(W[g].T, _rows(dy[g]), out=_rows(channels))
                continue
            target = dx if padded is None else padded
            target[...] = 0
            for g, channels in enumerate(self._by_group(target)):
                for tile in self._tiles(dy):
                    col = self._lend_columns(tile, dx.dtype)
                    xp.matmul(W[g].T, _tile_of(dy[g], tile), out=_rows(col, 3))
                    col2im(col, self.window, tile, channels)
            if padded is not None:
                dx[...] = padded[:, pad_h : pad_h + h, pad_w : pad_w + w]

    def _columns(self, x: Array, y: Array) -> Iterator[tuple[int, Tile, Array]]:
        """(group, tile, columns (K, positions)) for one padded image and its grouped output."""
        for g, channels in enumerate(self._by_group(x)):
            if self._is_pointwise:
                yield g, Tile(0, y.shape[2], 0, y.shape[3]), _rows(channels)
                continue
            for tile in self._tiles(y):
                col = self._lend_columns(tile, x.dtype)
                im2col(channels, self.window, tile, col)
                yield g, tile, _rows(col, 3)

    def _product(self, W: Array, col: Array, y: Array, tile: Tile) -> None:
        """y[:, tile] = W col, without a temporary where the tile is whole rows."""
        if tile.size[1] == y.shape[2]:
            self.xp.matmul(W, col, out=_tile_of(y, tile))
        else:
            y[:, tile.top : tile.bottom, tile.left : tile.right] = (W @ col).reshape(-1, *tile.size)

    def _tiles(self, y: Array) -> Iterator[Tile]:
        per_column = self.blobs[0].count // self.options.num_output * y.dtype.itemsize
        return self.context.workspace.tiles(y.shape[2:], per_column)

    def _lend_columns(self, tile: Tile, dtype: np.dtype) -> Array:
        shape = (self.blobs[0].shape[1], *self.window.kernel, *tile.size)
        return self.context.workspace.lend(shape, dtype, self.xp)

    @property
    def _is_pointwise(self) -> bool:
        return self.window == Window((1, 1))

    def _padded(self, x: Array) -> Iterator[Array]:
        """The images of a batch one by one, with their zeros around them; each is valid until the next."""
        (pad_h, pad_w), (_, c, h, w) = self.window.pad, x.shape
        if not (pad_h or pad_w):
            yield from x
            return
        padded = array_module(x).zeros((c, h + 2 * pad_h, w + 2 * pad_w), x.dtype)
        for image in x:
            padded[:, pad_h : pad_h + h, pad_w : pad_w + w] = image
            yield padded

    def _by_group(self, image: Array) -> Array:
        """(C, H, W) -> (group, C / group, H, W)."""
        return image.reshape(self.options.group, -1, *image.shape[1:])

    def _grouped_weights(self, W: Array) -> Array:
        """(O, C / group, kh, kw) -> (group, O / group, K)."""
        group = self.options.group
        return W.reshape(group, self.options.num_output // group, -1)

    def _add_filled(self, filler: Options, shape: tuple[int, ...]) -> None:
        check_filler(filler, self.definition.where)
        self.add_param(fill(filler, shape, self.context.filler_rng))

    def _read_window(self, options: Options) -> Window:
        kernel = self._pair(options, "kernel_size", "kernel_h", "kernel_w", None)
        stride = self._pair(options, "stride", "stride_h", "stride_w", 1)
        pad = self._pair(options, "pad", "pad_h", "pad_w", 0)
        dilation = self._pair(options, "dilation", None, None, 1)
        return Window(kernel, stride, pad, dilation)

    def _pair(
        self, options: Options, both: str, first: str | None, second: str | None, default: int | None
    ) -> tuple[int, int]:
        """(vertical, horizontal) from `both` (one or two numbers) or from its _h and _w forms."""
        values = getattr(options, both)
        if first is not None and (options.given(first) or options.given(second)):
            if values:
                raise self.error(f"give either {both} or {first} and {second}, not both", at=options.position(first))
            values = tuple(getattr(options, name) if options.given(name) else default for name in (first, second))
            if None in values or (default != 0 and 0 in values):
                raise self.error(f"{first} and {second} must both be given and positive", at=options.position(first))
            return values
        if len(values) > 2:
            raise self.error(
                f"{both} is given {len(values)} times; expected one number, or height and width",
                at=options.position(both),
            )
        if not values:
            if default is None:
                raise self.error(f"{both} is missing; or give {first} and {second}")
            return default, default
        return values[0], values[-1]


def _rows(x: Array, lead: int = 1) -> Array:
    """x as a matrix: the first `lead` axes become rows, the others columns; a view."""
    return x.reshape(int(np.prod(x.shape[:lead])), -1)


def _tile_of(y: Array, tile: Tile) -> Array:
    """(O, H', W') -> (O, positions of the tile): a view where the tile is whole rows, else a copy."""
    if tile.size[1] == y.shape[2]:
        return _rows(y)[:, tile.top * y.shape[2] : tile.bottom * y.shape[2]]
    return _rows(y[:, tile.top : tile.bottom, tile.left : tile.right])
