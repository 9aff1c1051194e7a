"""The rectified linear unit on arrays, and what else is done to a convolution's blocks in the cache.

On a GPU each is one kernel, on contiguous memory; beside it the NumPy way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pysketch.convolution.blocks import Block
from pysketch.device import Array, Kernel, Workers, are_images, array_module
from pysketch.native import kernels


def rectify(x: Array, slope: float = 0.0, out: Array | None = None, workers: Workers | None = None) -> None:
    """out = x where x > 0, slope * x elsewhere; without out x itself is overwritten.

    workers: who share images (N, C, H, W), where there are compiled kernels.
    """
    out = x if out is None else out
    if workers and are_images(x) and kernels():
        kernels().rectify(workers.team, workers.threads, out, (x,), slope)
        return
    if array_module(x) is not np:
        assert x.flags.c_contiguous and out.flags.c_contiguous
        _RECTIFY((x.size,), x, out, x.size, slope)
    elif slope == 0:
        np.maximum(x, 0, out=out)
    else:
        np.multiply(x, _derivative(x, slope), out=out)


def gate(dy: Array, x: Array, slope: float = 0.0, out: Array | None = None, workers: Workers | None = None) -> None:
    """out = dy where x > 0, slope * dy elsewhere (at the kink x = 0 too, as in Caffe); without out dy is overwritten.

    x: the unit's input; for slopes >= 0 its output serves as well, which has the same sign. workers: as `rectify`.
    """
    out = dy if out is None else out
    if workers and are_images(dy) and kernels():
        kernels().gate(workers.team, workers.threads, out, (dy, x), slope)
        return
    if array_module(dy) is not np:
        assert dy.flags.c_contiguous and x.flags.c_contiguous and out.flags.c_contiguous
        _GATE((x.size,), dy, x, out, x.size, slope)
    else:
        np.multiply(dy, x > 0 if slope == 0 else _derivative(x, slope), out=out)


def _derivative(x: np.ndarray, slope: float) -> np.ndarray:
    return np.where(x > 0, x.dtype.type(1), x.dtype.type(slope))


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


def finish_images(finish: Finish, y: Array, images: slice, positions: slice) -> None:
    """Finish some positions of some images of a whole result y (N, C, H, W), in all channels; positions: y W + x.

    Every image is contiguous.
    """
    target, made = _flat(y)[images, :, positions], finish.made
    if made is not None:
        made = _flat(made)[images, :, positions]
    if array_module(y) is np:
        if finish.bias is not None:
            target += finish.bias[:, None]
        if made is not None:
            gate(target, made, finish.slope or 0.0)
        elif finish.slope is not None:
            rectify(target, finish.slope)
    elif finish.bias is not None or finish.slope is not None:
        n, c, count = target.shape
        rule = finish.slope or 0.0, finish.slope is not None
        steps = [step // y.itemsize for x in (target, target if made is None else made) for step in x.strides[:2]]
        _FINISH((count, c, n), target, finish.bias, made, *rule, n, c, count, *steps)


def _flat(x: Array) -> Array:
    """(N, C, H, W) -> (N, C, H W), a view where the images are contiguous."""
    assert x[0].flags.c_contiguous
    return x.reshape(*x.shape[:2], -1)


FINISHED = r"""
// As NumPy's maximum: what is not a number stays so.
__device__ real rectified(real x, real slope) {
    if (x > 0 || x != x) return x;
    return slope == 0 ? (real)0 : slope * x;
}

// Adds a bias, if there is one, then gates by what a rectifier made, or rectifies, if asked for.
__device__ real finished(real value, const real* bias, const real* made, real slope, bool rectifies) {
    if (bias) value += *bias;
    if (made) return *made > 0 ? value : slope * value;
    return rectifies ? rectified(value, slope) : value;
}
"""
"""What a kernel includes that writes a convolution's results: `Finish`, for one element."""

_SOURCE = (
    FINISHED
    + r"""
extern "C" __global__ void rectify(const real* x, real* out, long long count, real slope) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] = rectified(x[i], slope);
}

extern "C" __global__ void gate(const real* dy, const real* x, real* out, long long count, real slope) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] = x[i] > 0 ? dy[i] : slope * dy[i];
}

extern "C" __global__ void finish(real* y, const real* bias, const real* made, real slope, int rectifies, int images,
                                  int channels, int count, long long y_image, long long y_channel,
                                  long long made_image, long long made_channel) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    for (int n = blockIdx.z; n < images; n += gridDim.z) {
        for (int c = blockIdx.y; c < channels; c += gridDim.y) {
            real* at = y + n * y_image + c * y_channel + i;
            const real* gate_by = made ? made + n * made_image + c * made_channel + i : made;
            *at = finished(*at, bias ? bias + c : bias, gate_by, slope, rectifies);
        }
    }
}
"""
)
_RECTIFY, _GATE, _FINISH = (Kernel(name, _SOURCE) for name in ("rectify", "gate", "finish"))
