"""Convolution: filters slid over images; the engines that multiply are in gemm_engine and winograd_engine."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.convolution import Fields, Finish
from pysketch.device import Blob
from pysketch.layers.base import register
from pysketch.layers.base_convolution import BaseConvolution


@register
class Convolution(BaseConvolution):
    """y[n, o] = sum over (c, ky, kx) of W[o, c, ky, kx] x[n, c, oy sy + ky dy - py, ox sx + kx dx - px] + b[o].

    A cross-correlation, as in Caffe. x: (N, C, H, W); W: (O, C / group, kh, kw); b: (O,); y: (N, O, H', W').
    The work is done by an engine: with ``engine: CAFFE`` by `GemmEngine` (im2col and matrix products, for any
    geometry), with ``engine: WINOGRAD`` by `WinogradEngine` (square kernels of 2 to 7 pixels, stride 1, dilation 1:
    several times fewer multiplications, rounding errors of a few 1e-6 in float32). DEFAULT takes the one that costs
    least (see `convolution.engine_choice`), which may also be `StripEngine` or, where there are compiled kernels, one
    of `direct_engine`; on a GPU always the first; the log says which. All work in the workers'
    workspace, 64 MiB by default. Only the gradients that are asked for are computed. Several bottoms share the filters,
    each with its own top. What a net knows to follow, a ReLU in place, it can have done in the same pass:
    `forward_rectified` and `backward_gated`.
    """

    type = "Convolution"
    takes_images = True

    def sizes(self) -> tuple[int, int]:
        """num_output filters over the bottom's channels."""
        return self.options.num_output, self.bottom_channels

    def top_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(H + 2 pad - extent) // stride + 1."""
        return self.window.output_size(size)

    def convolved_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The bottom's."""
        return size

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
            for channels, filters in self.groups():
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
            for channels, filters in self.groups():
                dy, db = y.diff[:, filters], None if b is None else b.diff[filters]
                if self.param_propagate_down[0]:
                    self.engine.backward_weights(x.data[:, channels], dy, W.diff[filters], db)
                elif db is not None:
                    self.engine.backward_bias(dy, db)
                if propagate_down[k]:
                    finish = Finish(None, slope, None if slope is None else x.data[:, channels])
                    self.engine.backward_bottom(W.data[filters], dy, x.diff[:, channels], finish)
