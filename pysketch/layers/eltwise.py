"""Eltwise: products, weighted sums and maxima of blobs of one shape, element by element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.device import Array, Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import Choice, Kind, Option, Table


@register
class Eltwise(Layer):
    """PROD: y = prod_k x_k; SUM (default): y = sum_k c_k x_k, c_k = 1 unless coeff is given; MAX: y = max_k x_k.

    Backward: SUM dx_k = c_k dy. MAX dx_k = dy where x_k was taken; of equal ones the second of the first two bottoms,
    else the first, as in Caffe. PROD dx_k = dy prod_(j != k) x_j; with ``stable_prod_grad: false`` it is dy y / x_k,
    cheaper for many bottoms, and not a number where x_k is 0.

    In-place, y in the first bottom's memory, it does what Caffe does: SUM and MAX clear y before they read x_0, which
    so counts for nothing, and backward goes on with the dy that dx_0 has overwritten; in PROD dx_0 is the square of
    the others' product. The net warns of it.
    """

    type = "Eltwise"
    section = "eltwise_param"
    table = Table(
        "EltwiseParameter",
        (
            Option("operation", Choice({"PROD": 0, "SUM": 1, "MAX": 2}), "SUM", help="what is done"),
            Option("coeff", Kind.FLOAT, repeated=True, help="SUM: one factor for each bottom, or none"),
            Option("stable_prod_grad", Kind.BOOL, True, help="PROD: multiply again, rather than divide by x"),
        ),
    )
    bottoms = Count(2, None)
    in_place = True
    pointwise = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Check the coefficients."""
        coeff, options = self.options.coeff, self.options
        if coeff and options.operation != "SUM":
            raise self.error(f"coeff is for SUM, found operation {options.operation}", at=options.position("coeff"))
        if coeff and len(coeff) != len(bottom):
            raise self.error(f"{len(coeff)} coeff for {len(bottom)} bottoms", at=options.position("coeff"))
        self._coeff = coeff or (1.0,) * len(bottom)
        self._taken: Array | None = None  # MAX: the bottom that each element comes from

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The bottoms' one shape."""
        for name, blob in zip(self.definition.bottom, bottom, strict=True):
            if blob.shape != bottom[0].shape:
                first = self.definition.bottom[0]
                raise self.shape_error(
                    f'bottoms must have one shape, found "{first}" {bottom[0].shape} and "{name}" {blob.shape}'
                )
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y, and for MAX which bottom each element comes from."""
        y, x = top[0].data, [blob.data for blob in bottom]
        if bottom[0] is top[0] and self.options.operation != "PROD":
            y[...] = 0 if self.options.operation == "SUM" else np.finfo(y.dtype).min
        if self.options.operation == "SUM":
            self.xp.multiply(x[0], self._coeff[0], out=y)
            for other, c in zip(x[1:], self._coeff[1:], strict=True):
                y += other if c == 1 else c * other
        elif self.options.operation == "PROD":
            self.xp.multiply(x[0], x[1], out=y)
            for other in x[2:]:
                y *= other
        else:
            self._taken = (~(x[0] > x[1])).astype("int32")
            self.xp.maximum(x[0], x[1], out=y)
            for k, other in enumerate(x[2:], 2):
                self._taken[other > y] = k
                self.xp.maximum(y, other, out=y)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx of the bottoms that are asked for."""
        for k, blob in enumerate(bottom):
            if propagate_down[k]:
                slope = self._slope(k, top, bottom)
                dy = slope if blob is top[0] and self.options.operation == "PROD" else top[0].diff
                self.xp.multiply(dy, slope, out=blob.diff)

    def in_place_flaw(self, backward: bool) -> str:
        """The first bottom is lost, or its diff."""
        if self.options.operation != "PROD":
            return "an Eltwise overwrites its first bottom before it has read it"
        return "an Eltwise product has a wrong backward" if backward else ""

    def _slope(self, k: int, top: Sequence[Blob], bottom: Sequence[Blob]) -> Array | float:
        """dy/dx_k."""
        if self.options.operation == "SUM":
            return self._coeff[k]
        if self.options.operation == "MAX":
            return self._taken == k
        if not self.options.stable_prod_grad:
            return top[0].data / bottom[k].data
        others = [blob.data for j, blob in enumerate(bottom) if j != k]
        product = others[0].copy()
        for other in others[1:]:
            product *= other
        return product
