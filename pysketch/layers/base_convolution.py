"""What Convolution and Deconvolution share: options, geometry, params, groups, the choice of the engine."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from pysketch.convolution import ENGINES, KERNELS, Engine, Window, choose_way, device_of, winograd_fits
from pysketch.device import Blob
from pysketch.layers.base import Count, Layer
from pysketch.netdef import FILLER, Choice, Kind, Option, Options, Phase, Table

logger = logging.getLogger(__name__)

_ENGINE = Choice({"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2, "WINOGRAD": 3})

CONVOLUTION = Table(
    "ConvolutionParameter",
    (
        Option("num_output", Kind.UINT32, required=True, low=1, help="channels of the output"),
        Option("bias_term", Kind.BOOL, True, help="add a bias to each channel of the output?"),
        Option("pad", Kind.UINT32, repeated=True, help="zeros around the image: one number, or height width"),
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
        Option("axis", Kind.INT32, 1, help="the channels' axis; only 1, or -3, which is the same"),
        Option("engine", _ENGINE, "DEFAULT", help="CAFFE: im2col and GEMM; WINOGRAD; else the cheaper one"),
        Option("force_nd_im2col", Kind.BOOL, False, help="Caffe's; has no effect here"),
    ),
)


class BaseConvolution(Layer):
    """A convolution, used forwards or backwards: what its subclasses do with it is theirs.

    The convolution leads from `channels` to `filters`, each divided into groups: weights (filters, channels / group,
    kh, kw). Which of the two is the bottom's number of channels, and which is num_output, `sizes` says.
    """

    section = "convolution_param"
    table = CONVOLUTION
    bottoms = tops = Count(1, None)
    as_many_tops_as_bottoms = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Make weights and bias, from the fillers, in this order."""
        options = self.options
        self._check_axes(bottom[0].shape)
        self.window = read_window(self, options)
        self.bottom_channels = bottom[0].shape[1]
        for what, count in (("num_output", options.num_output), ("input channels", self.bottom_channels)):
            if count % options.group or count == 0:
                raise self.shape_error(f"{what} {count} cannot be split into {options.group} groups")
        self.filters, self.channels = self.sizes()
        self.engine = self._choose_engine(self.convolved_size(bottom[0].shape[2:]))
        self.add_filled(options.weight_filler, (self.filters, self.channels // options.group, *self.window.kernel))
        if options.bias_term:
            self.add_filled(options.bias_filler, (options.num_output,))

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """(N, C, H, W) -> (N, num_output, H', W')."""
        channels = self.bottom_channels
        for x, y in zip(bottom, top, strict=True):
            if len(x.shape) != 4 or x.shape[1] != channels:
                raise self.shape_error(f"expected a bottom of shape (N, {channels}, H, W), found {x.shape}")
            out = self.top_size(x.shape[2:])
            if min(out) < 1:
                kernel, pad = self.window.kernel, self.window.pad
                raise self.shape_error(
                    f"kernel {kernel[0]}x{kernel[1]} (height x width, dilation {self.window.dilation[0]}x"
                    f"{self.window.dilation[1]}) does not fit a {x.shape[2]}x{x.shape[3]} input "
                    f"with pad {pad[0]}x{pad[1]}"
                )
            y.reshape(x.shape[0], self.options.num_output, *out)

    def _check_axes(self, shape: tuple[int, ...]) -> None:
        """An image has two axes behind the channels'; Caffe convolves along any number."""
        if len(shape) != 4:
            hint = "; near: Reshape to (N, C, 1, L) with kernel_h: 1" if len(shape) == 3 else ""
            raise self.shape_error(
                f"expected a bottom of shape (N, C, H, W), found {shape}: a {self.type} along 1 or 3 axes is not "
                f"supported, this engine is for images{hint}"
            )
        if self.options.axis % 4 != 1 or not -4 <= self.options.axis < 4:
            raise self.error(
                f"axis {self.options.axis} is not supported: this engine is for images (N, C, H, W), their channels "
                "along axis 1",
                at=self.options.position("axis"),
            )

    def sizes(self) -> tuple[int, int]:
        """(filters, channels) of the convolution."""
        raise NotImplementedError(f"{type(self).__name__} has no sizes")

    def top_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(H', W') of the top for a bottom of this size; < 1: no fit."""
        raise NotImplementedError(f"{type(self).__name__} has no top_size")

    def convolved_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of what the convolution's filters are slid over, for a bottom of this size."""
        raise NotImplementedError(f"{type(self).__name__} has no convolved_size")

    def groups(self) -> Iterator[tuple[slice, slice]]:
        """Each group's channels and filters."""
        group = self.options.group
        c, o = self.channels // group, self.filters // group
        for g in range(group):
            yield slice(g * c, (g + 1) * c), slice(g * o, (g + 1) * o)

    def _choose_engine(self, size: tuple[int, int]) -> Engine:
        """The engine that the netdef names, or the one that costs least if images of this size are convolved."""
        window, options, group = self.window, self.options, self.options.group
        if options.engine == "WINOGRAD" and not winograd_fits(window):
            raise self.error(
                f"engine WINOGRAD needs a square kernel of {KERNELS[0]} to {KERNELS[-1]} pixels, stride 1 and "
                f"dilation 1; found kernel {window.kernel}, stride {window.stride}, dilation {window.dilation}",
                at=options.position("engine"),
            )
        sizes = self.channels // group, self.filters // group
        device = device_of(self.xp)
        self.way = choose_way(options.engine, window, *sizes, size, device)
        # one group's kernels are kept at a time, so that keeping them serves a layer of one group
        keep_kernels = self.phase == Phase.TEST and group == 1
        engine = ENGINES[self.way, device](window, self.context.workers, keep_kernels)
        logger.info("Layer %s: convolution engine %s", self.name, self.said_of_engine(engine))
        return engine

    def said_of_engine(self, engine: Engine) -> str:
        """What the log says of it: its name."""
        return engine.name


def read_window(layer: Layer, options: Options) -> Window:
    """The geometry that a layer's options give."""
    kernel = _pair(layer, options, "kernel_size", "kernel_h", "kernel_w", None)
    stride = _pair(layer, options, "stride", "stride_h", "stride_w", 1)
    pad = _pair(layer, options, "pad", "pad_h", "pad_w", 0)
    dilation = _pair(layer, options, "dilation", None, None, 1)
    return Window(kernel, stride, pad, dilation)


def _pair(
    layer: Layer, options: Options, both: str, first: str | None, second: str | None, default: int | None
) -> tuple[int, int]:
    """(vertical, horizontal) from `both` (one or two numbers) or from its _h and _w forms."""
    values = getattr(options, both)
    if first is not None and (options.given(first) or options.given(second)):
        if values:
            raise layer.error(f"give either {both} or {first} and {second}, not both", at=options.position(first))
        values = tuple(getattr(options, name) if options.given(name) else default for name in (first, second))
        if None in values or (default != 0 and 0 in values):
            raise layer.error(f"{first} and {second} must both be given and positive", at=options.position(first))
        return values
    if len(values) > 2:
        raise layer.error(
            f"{both} is given {len(values)} times; expected one number, or height and width",
            at=options.position(both),
        )
    if not values:
        if default is None:
            raise layer.error(f"{both} is missing; or give {first} and {second}")
        return default, default
    return values[0], values[-1]
