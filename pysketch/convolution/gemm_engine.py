"""Convolution as im2col and matrix products, forward and backward: any geometry.

With col the unfolded patches of one image (C kh kw rows, H' W' columns; see `unfolding`):

    y = W col,    dW += dy col^T,    dx = col2im(W^T dy)

At stride 1 a convolution is also the transpose of one with turned kernels. So there is a choice which side is
unfolded: a layer with many channels and few filters (the last one of a drawing net has one filter) moves far less
memory if its outputs are. `GemmEngine` unfolds the inputs, `ThinGemmEngine` the outputs.

Either is given the three products, as a CPU or as a GPU likes them: `unfolding` or `unfolding_batched`.

Shapes: x, dx (N, C, H, W); W, dW (O, C, kh, kw); b, db (O,); y, dy (N, O, H', W'); every image C-contiguous.
"""

from __future__ import annotations

from types import ModuleType

from pysketch.convolution import unfolding
from pysketch.convolution.im2col import Window
from pysketch.convolution.rectifier import NOTHING, Finish
from pysketch.device import Array, Workers, array_module


class GemmEngine:
    """Unfolds the inputs. `name` is what the netdef, the log and the benchmark call the engine."""

    name = "CAFFE"

    def __init__(self, window: Window, workers: Workers, products: ModuleType = unfolding) -> None:
        self.window = window
        self.workers = workers
        self.products = products

    def forward(self, x: Array, W: Array, y: Array, finish: Finish = NOTHING) -> None:
        """y = W col, overwritten and finished."""
        self.products.gather(self.window, self.workers, x, W, y, finish)

    def backward_weights(self, x: Array, dy: Array, dW: Array, db: Array | None = None) -> None:
        """dW += dy col^T and, if it is given, db += the sums of dy."""
        self.products.outer(self.window, self.workers, x, dy, dW)
        self.backward_bias(dy, db)

    def backward_bias(self, dy: Array, db: Array | None) -> None:
        """db += the sums of dy, if it is given."""
        self.products.add_sums(self.workers, dy, db)

    def backward_bottom(self, W: Array, dy: Array, dx: Array, finish: Finish = NOTHING) -> None:
        """dx = col2im(W^T dy), overwritten and finished."""
        self.products.scatter(self.window, self.workers, W, dy, dx, finish)


class ThinGemmEngine(GemmEngine):
    """Unfolds the outputs: for stride 1 and pad below the kernel's extent, where it pays if O < C.

    Forward, y = col2im(W'^T x) with W' the kernels turned by half a circle, (C, O, kh, kw), and padded by
    extent - 1 - pad, and so on: the convolution is the transpose of this `window`'s.
    """

    def __init__(self, window: Window, workers: Workers, products: ModuleType = unfolding) -> None:
        pad = tuple(window.extent(axis) - 1 - window.pad[axis] for axis in (0, 1))
        super().__init__(Window(window.kernel, (1, 1), pad, window.dilation), workers, products)

    @staticmethod
    def fits(window: Window) -> bool:
        """True if the outputs can be unfolded."""
        return window.stride == (1, 1) and all(window.pad[axis] < window.extent(axis) for axis in (0, 1))

    def forward(self, x: Array, W: Array, y: Array, finish: Finish = NOTHING) -> None:
        """As `GemmEngine.forward`."""
        self.products.scatter(self.window, self.workers, _turned(W), x, y, finish)

    def backward_weights(self, x: Array, dy: Array, dW: Array, db: Array | None = None) -> None:
        """As `GemmEngine.backward_weights`."""
        turned = array_module(dW).zeros((dW.shape[1], dW.shape[0], *dW.shape[2:]), dW.dtype)
        self.products.outer(self.window, self.workers, dy, x, turned)
        dW += _turned(turned)
        self.backward_bias(dy, db)

    def backward_bottom(self, W: Array, dy: Array, dx: Array, finish: Finish = NOTHING) -> None:
        """As `GemmEngine.backward_bottom`."""
        self.products.gather(self.window, self.workers, dy, _turned(W), dx, finish)


def _turned(W: Array) -> Array:
    """(O, C, kh, kw) -> (C, O, kh, kw), each kernel turned by half a circle; a view."""
    return W.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
