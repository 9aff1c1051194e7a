"""InnerProduct: a fully connected layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pysketch.convolution import multiply, parts
from pysketch.device import Array, Blob, array_module
from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import Layer, register
from pysketch.netdef import FILLER, Kind, Option, Table


@register
class InnerProduct(Layer):
    """y = x W^T + b, with all axes of the bottom from `axis` on taken as one: x (M, K), y (M, O).

    W: (O, K), or (K, O) with `transpose`, which changes how weights are stored and nothing else; b: (O,). A bottom of
    shape (N, C, H, W) and axis 1 gives (N, O); axis 2 would give (N, C, O). K is fixed at setup.
    dx = dy W, dW = dy^T x (its transpose, if W is), db = sum of dy over M.
    """

    type = "InnerProduct"
    section = "inner_product_param"
    table = Table(
        "InnerProductParameter",
        (
            Option("num_output", Kind.UINT32, required=True, low=1, help="O"),
            Option("bias_term", Kind.BOOL, True, help="add b?"),
            Option("weight_filler", FILLER),
            Option("bias_filler", FILLER),
            Option("axis", Kind.INT32, 1, help="the first of the axes taken as one; -1: the last one alone"),
            Option("transpose", Kind.BOOL, False, help="are the weights stored as (K, O)?"),
        ),
    )

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Make weights and bias, from the fillers, in this order."""
        options, shape = self.options, bottom[0].shape
        self.axis = canonical_axis(self, options.axis, shape)
        self.mixes_batch = self.axis == 0
        self.length = math.prod(shape[self.axis :])
        sizes = (options.num_output, self.length)
        self.add_filled(options.weight_filler, sizes[::-1] if options.transpose else sizes)
        if options.bias_term:
            self.add_filled(options.bias_filler, (options.num_output,))

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """(..., the axes that make K) -> (..., O)."""
        shape = bottom[0].shape
        if len(shape) <= self.axis or math.prod(shape[self.axis :]) != self.length:
            raise self.shape_error(
                f"expected a bottom with {self.length} elements from axis {self.axis} on, found {shape}"
            )
        top[0].reshape(*shape[: self.axis], self.options.num_output)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = x W^T + b."""
        y = self._rows(top[0].data)
        self._multiply(self._rows(bottom[0].data), self._weights(self.blobs[0].data).T, y)
        if self.options.bias_term:
            y += self.blobs[1].data

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dW, db and dx; each only if asked for."""
        dy = self._rows(top[0].diff)
        if self.param_propagate_down[0]:
            x, dW = self._rows(bottom[0].data), self.blobs[0].diff
            self._multiply(*((x.T, dy) if self.options.transpose else (dy.T, x)), dW, add=True)
        if self.options.bias_term and self.param_propagate_down[1]:
            self.blobs[1].diff[...] += dy.sum(axis=0)
        if propagate_down[0]:
            self._multiply(dy, self._weights(self.blobs[0].data), self._rows(bottom[0].diff))

    def _multiply(self, a: Array, b: Array, out: Array, add: bool = False) -> None:
        """out = a @ b, or += with add; the workers share the columns."""
        xp, columns = array_module(out), out.shape[1]

        def work(part: tuple[int, int], arena: object) -> None:
            piece = slice(*part)
            multiply(a, b[:, piece], out[:, piece], add)

        workers = self.context.workers
        workers.run(work, list(parts(columns, -(-columns // workers.number(xp)))), xp)

    def _weights(self, W: Array) -> Array:
        """W as (O, K)."""
        return W.T if self.options.transpose else W

    def _rows(self, array: Array) -> Array:
        """(M, K) or (M, O), a view."""
        return array.reshape(math.prod(array.shape[: self.axis]), -1)
