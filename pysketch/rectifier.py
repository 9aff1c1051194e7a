"""The rectified linear unit on arrays, and what else is done to a convolution's blocks in the cache."""

from __future__ import annotations

from dataclasses import dataclass

from pysketch.backend import Array, array_module
from pysketch.blocks import Block


def rectify(x: Array, slope: float = 0.0, out: Array | None = None) -> None:
    """out = x where x > 0, slope * x elsewhere; without out x itself is overwritten."""
    xp, out = array_module(x), x if out is None else out
    if slope == 0:
        xp.maximum(x, 0, out=out)
    else:
        xp.multiply(x, _derivative(x, slope), out=out)


def gate(dy: Array, x: Array, slope: float = 0.0, out: Array | None = None) -> None:
    """out = dy where x > 0, slope * dy elsewhere (at the kink x = 0 too, as in Caffe); without out dy is overwritten.

    x: the unit's input; for slopes >= 0 its output serves as well, which has the same sign.
    """
    array_module(dy).multiply(dy, x > 0 if slope == 0 else _derivative(x, slope), out=dy if out is None else out)


def _derivative(x: Array, slope: float) -> Array:
    xp = array_module(x)
    return xp.where(x > 0, x.dtype.type(1), x.dtype.type(slope))


@dataclass(frozen=True)
class Finish:
    """What is done to each block of a result while it is still in the cache, instead of passes over the whole.

    bias (C,) is added; then, with a slope, the block is rectified or, if there is `made`, gated: made (N, C, H, W), of
    the result's shape, is what a rectifier of this slope made.
    """

    bias: Array | None = None
    slope: float | None = None
    made: Array | None = None

    def __call__(self, target: Array, block: Block, first: int = 0) -> None:
        """Finish target (channels, rows, cols): a block of the result, channels from `first` on."""
        channels = slice(first, first + len(target))
        if self.bias is not None:
            target += self.bias[channels, None, None]
        if self.made is not None:
            place = slice(block.top, block.bottom), slice(block.left, block.right)
            gate(target, self.made[(block.image, channels, *place)], self.slope or 0.0)
        elif self.slope is not None:
            rectify(target, self.slope)


NOTHING = Finish()
"""Leaves every block as it is."""
