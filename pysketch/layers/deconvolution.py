"""Deconvolution: a convolution's backward pass as a layer, which enlarges images."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pysketch.convolution import Engine, Fields, Finish, ReceptiveField, stamp, stamped, unstamp
from pysketch.device import Blob
from pysketch.layers.base import register
from pysketch.layers.base_convolution import BaseConvolution


@register
class Deconvolution(BaseConvolution):
    """y[n, o, s iy + d ky - p] += W[i, o, ky] x[n, i, iy], over all i, iy, ky (and likewise along x), + b[o].

    The transpose of Convolution with the same options (Zeiler et al., CVPR 2010, gave it the name): every pixel stamps
    the kernel onto the output, stride s apart; what falls outside, p pixels all around, is cut off.
    x: (N, I, H, W); W: (I, O / group, kh, kw); b: (O,); y: (N, O, H', W'), H' = s (H - 1) + d (k - 1) + 1 - 2 p.
    With ``weight_filler { type: "bilinear" }``, group = num_output = I, kernel 2 s - s % 2, pad ceil((s - 1) / 2), it
    is bilinear interpolation.

    Let C be the convolution from y's space to x's with weights W (its filters are our inputs): y = C^T x + b. Then
    dx = C dy, and dW is what C's own backward adds for an input dy and an output diff x, as
    <dy, C^T x> = <C dy, x> is linear in W in the same way. So forward is the engine's backward to the bottom, etc.

    Where each channel is a group and stamps lie side by side (s = k, p = 0, d = 1), as in enlarging by repeating,
    every output has one term, y[n, c, s iy + ky] = W[c, ky] x[n, c, iy], and no engine is needed (see
    `convolution.stamping`).
    """

    type = "Deconvolution"
    takes_images = True

    def sizes(self) -> tuple[int, int]:
        """The convolution leads from num_output channels to the bottom's."""
        return self.bottom_channels, self.options.num_output

    def top_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Stride (H - 1) + extent - 2 pad."""
        window = self.window
        return tuple(window.stride[k] * (size[k] - 1) + window.extent(k) - 2 * window.pad[k] for k in (0, 1))

    def convolved_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The convolution leads from the top to the bottom."""
        return self.top_size(size)

    def receptive_field(self) -> Fields:
        """Outputs o = s i + d k - p, k from 0 to the kernel's end, see i from (o + p + 1 - extent) / s to (o + p) / s.

        Said to reach further where that is needed for every tile of the bottom to make its outputs: where the kernel's
        extent is below the stride, or is all but cut off.
        """
        return self._axis_field(0), self._axis_field(1)

    @property
    def is_side_by_side(self) -> bool:
        """Whether each channel is a group whose stamps neither overlap nor leave gaps."""
        window, group = self.window, self.options.group
        plain = window.kernel == window.stride and window.pad == (0, 0) and window.dilation == (1, 1)
        return plain and group == self.filters == self.channels

    def said_of_engine(self, engine: Engine) -> str:
        """Its name; but stamps that lie side by side need none."""
        return "none, stamps lie side by side" if self.is_side_by_side else super().said_of_engine(engine)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = C^T x + b."""
        W, b = self.blobs[0].data, self.blobs[1].data if self.options.bias_term else None
        for x, y in zip(bottom, top, strict=True):
            if self.is_side_by_side:
                stamp(x.data, W, b, y.data, self.context.workers)
                continue
            for channels, filters in self.groups():
                finish = Finish(None if b is None else b[channels])
                self.engine.backward_bottom(W[filters], x.data[:, filters], y.data[:, channels], finish)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dW, db and dx; each only if asked for."""
        W = self.blobs[0]
        for k, (x, y) in enumerate(zip(bottom, top, strict=True)):
            if self.options.bias_term and self.param_propagate_down[1]:
                self.engine.backward_bias(y.diff, self.blobs[1].diff)
            if self.is_side_by_side:
                self._backward_side_by_side(x, y, propagate_down[k])
                continue
            for channels, filters in self.groups():
                dy = y.diff[:, channels]
                if self.param_propagate_down[0]:
                    self.engine.backward_weights(dy, x.data[:, filters], W.diff[filters])
                if propagate_down[k]:
                    self.engine.forward(dy, W.data[filters], x.diff[:, filters])

    def _backward_side_by_side(self, x: Blob, y: Blob, propagate_down: bool) -> None:
        """dW[c, k] += sum over n, i of dy[n, c, s i + k] x[n, c, i]; dx[n, c, i] = sum over k of W[c, k] dy."""
        W = self.blobs[0]
        if propagate_down:
            unstamp(y.diff, W.data, x.diff, self.context.workers)
        if self.param_propagate_down[0]:
            for part, _, (ky, kx) in stamped(y.diff, W.data):
                W.diff[:, 0, ky, kx] += self.xp.einsum("nchw,nchw->c", part, x.data)

    def _axis_field(self, axis: int) -> ReceptiveField:
        s, p, extent = self.window.stride[axis], self.window.pad[axis], self.window.extent(axis)
        before = max(extent - 1 - p, s - 1)
        after = max(p, 2 * p + s - extent)
        return ReceptiveField(Fraction(1, s), Fraction(before, s), Fraction(after, s))
