"""Convolution: filters slid over images; the engines that multiply are in gemm_engine and winograd_engine."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from pysketch.blob import Blob
from pysketch.engine_choice import prefers_winograd, unfolds_outputs, winograd_fits
from pysketch.fillers import FILLER, check_filler, fill
from pysketch.gemm_engine import GemmEngine, ThinGemmEngine
from pysketch.im2col import Window
from pysketch.layer import Count, Layer, register
from pysketch.netdef import Phase
from pysketch.options import Choice, Kind, Option, Options, Table
from pysketch.receptive_field import Fields
from pysketch.rectifier import Finish
from pysketch.unfolding import add_sums
from pysketch.winograd import KERNELS
from pysketch.winograd_batched import BatchedWinogradEngine
from pysketch.winograd_engine import WinogradEngine

logger = logging.getLogger(__name__)

Engine = GemmEngine | ThinGemmEngine | WinogradEngine | BatchedWinogradEngine

_ENGINE = Choice({"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2, "WINOGRAD": 3})

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
        Option("engine", _ENGINE, "DEFAULT", help="CAFFE: im2col and GEMM; WINOGRAD; else the cheaper one"),
    ),
    unsupported=("force_nd_im2col",),
)


@register
class Convolution(Layer):
    """y[n, o] = sum over (c, ky, kx) of W[o, c, ky, kx] x[n, c, oy sy + ky dy - py, ox sx + kx dx - px] + b[o].

    A cross-correlation, as in Caffe. x: (N, C, H, W); W: (O, C / group, kh, kw); b: (O,); y: (N, O, H', W').
    The work is done by an engine: with ``engine: CAFFE`` by `GemmEngine` (im2col and matrix products, for any
    geometry), with ``engine: WINOGRAD`` by `WinogradEngine` (square kernels of 2 to 7 pixels, stride 1, dilation 1:
    several times fewer multiplications, rounding errors of a few 1e-6 in float32). DEFAULT takes the one
    that costs less (see `engine_choice`), on a GPU always the first; the log says which. Both work in the workers'
    workspace, 64 MiB by default. Only the gradients that are asked for are computed.
    Several bottoms share the filters, each with its own top. What a net knows to follow, a ReLU in place, it can
    have done in the same pass: `forward_rectified` and `backward_gated`.
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
        self.engine = self._choose_engine(bottom[0].shape)
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

    def receptive_field(self) -> Fields:
        """The window's."""
        return self.window.receptive_field(0), self.window.receptive_field(1)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = W * x + b."""
        self.forward_rectified(bottom, top, None)

    def forward_rectified(self, bottom: Sequence[Blob], top: Sequence[Blob], slope: float | None) -> None:
        """y = W * x + b and, with a slope, y or slope * y where y <= 0: a ReLU in place."""
        W, b = self.blobs[0].data, self.blobs[1].data if self.options.bias_term else None
        for x, y in zip(bottom, top, strict=True):
            for channels, filters in self._groups():
                finish = Finish(None if b is None else b[filters], slope)
                self.engine.forward(x.data[:, channels], W[filters], y.data[:, filters], finish)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dW, db and dx; each only if asked for."""
        self.backward_gated(top, propagate_down, bottom, None)

    def backward_gated(
        self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob], slope: float | None
    ) -> None:
        """As backward; with a slope, dx is that of the ReLU in place that made the bottom from its own bottom."""
        W = self.blobs[0]
        b = self.blobs[1] if self.options.bias_term and self.param_propagate_down[1] else None
        for k, (x, y) in enumerate(zip(bottom, top, strict=True)):
            for channels, filters in self._groups():
                dy, db = y.diff[:, filters], None if b is None else b.diff[filters]
                if self.param_propagate_down[0]:
                    self.engine.backward_weights(x.data[:, channels], dy, W.diff[filters], db)
                elif db is not None:
                    add_sums(self.context.workers, dy, db)
                if propagate_down[k]:
                    finish = Finish(None, slope, None if slope is None else x.data[:, channels])
                    self.engine.backward_bottom(W.data[filters], dy, x.diff[:, channels], finish)

    def _groups(self) -> Iterator[tuple[slice, slice]]:
        """Each group's input channels and filters."""
        group = self.options.group
        c, o = self.blobs[0].shape[1], self.options.num_output // group
        for g in range(group):
            yield slice(g * c, (g + 1) * c), slice(g * o, (g + 1) * o)

    def _choose_engine(self, shape: tuple[int, ...]) -> Engine:
        """The engine that the netdef names, or the one that costs less for a bottom of this shape."""
        window, options, group = self.window, self.options, self.options.group
        name = {"CUDNN": "DEFAULT"}.get(options.engine, options.engine)
        if name == "WINOGRAD" and not winograd_fits(window):
            raise self.error(
                f"engine WINOGRAD needs a square kernel of {KERNELS[0]} to {KERNELS[-1]} pixels, stride 1 and "
                f"dilation 1; found kernel {window.kernel}, stride {window.stride}, dilation {window.dilation}",
                at=options.position("engine"),
            )
        sizes = shape[1] // group, options.num_output // group
        if name == "DEFAULT":
            on_cpu = self.xp is np  # on a GPU nothing has been measured yet
            fast = on_cpu and prefers_winograd(window, *sizes, window.output_size(shape[2:]))
            name = "WINOGRAD" if fast else "CAFFE"
        logger.info("Layer %s: convolution engine %s", self.name, name)
        workers = self.context.workers
        if name == "WINOGRAD" and self.xp is not np:
            return BatchedWinogradEngine(window.kernel[0], window.pad, workers)
        if name == "WINOGRAD":
            # one group's kernels are kept at a time, so that keeping them serves a layer of one group
            return WinogradEngine(window.kernel[0], window.pad, workers, self.phase == Phase.TEST and group == 1)
        return (ThinGemmEngine if unfolds_outputs(window, *sizes) else GemmEngine)(window, workers)

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
