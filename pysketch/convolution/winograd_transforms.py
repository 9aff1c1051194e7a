"""Winograd's transforms on whole runs of tiles: one kernel each on a GPU, with a NumPy twin to compare with.

Tile t of a batch is (image, ty, tx) = unravel(t, (N, down, across)), in m x m outputs. A run is `count` tiles from the
`start`th on; p = i n + k runs over a tile's transformed rows i and columns k:

    V  (n^2, C, count) = B^T d B      d: the n x n pixels that a tile sees
    U  (n^2, O, C)     = G g G^T      g: a kernel of r x r weights
    M  (n^2, O, count) = U V          by `gemm.multiply`, as n^2 products
    y  = A^T M A                      and, of the weights' gradient,
    dM (n^2, O, count) = A dy A^T,    dU = dM V^T,    dW += G^T dU G

Tiles come last, so that the threads of neighbouring tiles read and write neighbours. The kernels hold a tile in
registers; the matrices (see `winograd`) are constants in their source, so that products with 0 are left out.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pysketch.convolution.rectifier import FINISHED, Finish, gate, rectify
from pysketch.convolution.winograd import TILE, winograd_matrices
from pysketch.device import Array, Kernel, array_module

_NAMES = ("input_tiles", "kernel_tiles", "output_tiles", "diff_tiles", "kernel_gradient")


class Transforms:
    """The transforms of F(m, r), m outputs with r taps. Arrays: C-contiguous, of images each image."""

    def __init__(self, kernel: int) -> None:
        self.kernel = kernel
        self.outputs = TILE + 1 - kernel
        self.matrices = winograd_matrices(self.outputs, kernel)
        AT, G, BT = self.matrices.AT, self.matrices.G, self.matrices.BT
        tables = {"AT": AT, "A": AT.T, "G": G, "GT": G.T, "BT": BT}
        sizes = f"constexpr int n = {TILE}, m = {self.outputs}, r = {kernel};\n"
        source = FINISHED + sizes + "".join(_table(*each) for each in tables.items()) + _SOURCE
        self.kernels = {name: Kernel(name, source, threads=128) for name in _NAMES}

    def tiles(self, out: tuple[int, int]) -> tuple[int, int]:
        """(down, across): the tiles of an output of (H', W')."""
        return -(-out[0] // self.outputs), -(-out[1] // self.outputs)

    def input(self, x: Array, pad: tuple[int, int], start: int, V: Array) -> None:
        """V = B^T d B of the tiles of x (N, C, H, W), padded by zeros."""
        (_, c, *size), (*_, count) = x.shape, V.shape
        grid = self.tiles([size[axis] + 2 * pad[axis] - self.kernel + 1 for axis in (0, 1)])
        if array_module(x) is np:
            V[...] = _on_both_sides(self.matrices.BT, _tiles(x, pad, grid, self.outputs, TILE, start, count))
            return
        assert x[0].flags.c_contiguous
        self.kernels["input_tiles"]((count, c), x, V, c, *size, *pad, *grid, start, count, _step(x))

    def output(self, M: Array, start: int, y: Array, finish: Finish) -> None:
        """y (N, O, H', W') = A^T M A, finished, for the tiles of the run."""
        (_, o, *size), (*_, count), made = y.shape, M.shape, finish.made
        grid = self.tiles(size)
        if array_module(y) is np:
            AT, m = self.matrices.AT.astype(y.dtype), self.outputs
            values = np.einsum("ai,ikot,bk->otab", AT, M.reshape(TILE, TILE, o, count), AT)
            for t in range(count):
                n, ty, tx = np.unravel_index(start + t, (len(y), *grid))
                place = (n, slice(None), slice(ty * m, ty * m + m), slice(tx * m, tx * m + m))
                target = y[place]
                target[...] = values[:, t, : target.shape[1], : target.shape[2]]
                if finish.bias is not None:
                    target += finish.bias[:, None, None]
                if made is not None:
                    gate(target, made[place], finish.slope or 0.0)
                elif finish.slope is not None:
                    rectify(target, finish.slope)
            return
        assert y[0].flags.c_contiguous and (made is None or made[0].flags.c_contiguous)
        rule, steps = (finish.slope or 0.0, finish.slope is not None), (_step(y), 0 if made is None else _step(made))
        self.kernels["output_tiles"]((count, o), M, y, finish.bias, made, *rule, o, *size, *grid, start, count, *steps)

    def diff(self, dy: Array, start: int, dM: Array) -> None:
        """dM = A dy A^T of the tiles of dy (N, O, H', W')."""
        (_, o, *size), (*_, count) = dy.shape, dM.shape
        grid = self.tiles(size)
        if array_module(dy) is np:
            tiles = _tiles(dy, (0, 0), grid, self.outputs, self.outputs, start, count)
            dM[...] = _on_both_sides(self.matrices.AT.T, tiles)
            return
        assert dy[0].flags.c_contiguous
        self.kernels["diff_tiles"]((count, o), dy, dM, o, *size, *grid, start, count, _step(dy))

    def weights(self, W: Array, U: Array, turned: bool = False) -> None:
        """U (n^2, O, C) = G g G^T of the kernels of W (O, C, r, r); turned: (n^2, C, O), of turned kernels."""
        o, c = W.shape[:2]
        if array_module(W) is np:
            kernels = W[:, :, ::-1, ::-1].transpose(1, 0, 2, 3) if turned else W
            U[...] = _on_both_sides(self.matrices.G, kernels)
            return
        assert W.flags.c_contiguous
        self.kernels["kernel_tiles"]((c * o,), W, U, o, c, turned)

    def gradient(self, dU: Array, dW: Array) -> None:
        """dW (O, C, r, r) += G^T dU G."""
        o, c = dW.shape[:2]
        if array_module(dW) is np:
            G = self.matrices.G.astype(dW.dtype)
            dW += np.einsum("iy,ikoc,kx->ocyx", G, dU.reshape(TILE, TILE, o, c), G)
            return
        assert dW.flags.c_contiguous
        self.kernels["kernel_gradient"]((o * c,), dU, dW, o * c)


@cache
def transforms(kernel: int) -> Transforms:
    """The transforms for kernels of r x r weights, r in `winograd.KERNELS`."""
    return Transforms(kernel)


def _tiles(
    x: np.ndarray, pad: tuple[int, int], grid: tuple[int, int], step: int, size: int, start: int, count: int
) -> np.ndarray:
    """(C, count, size, size): the pixels of a run of tiles, `step` apart; zeros outside the images.

    A pad below 0 leaves out so many pixels.
    """
    x = x[:, :, max(0, -pad[0]) :, max(0, -pad[1]) :]
    starts = [max(0, each) for each in pad]
    ends = [max(0, (grid[k] - 1) * step + size - x.shape[2 + k] - starts[k]) for k in (0, 1)]
    padded = np.pad(x, [(0, 0), (0, 0), *zip(starts, ends, strict=True)])
    n, ty, tx = np.unravel_index(start + np.arange(count), (len(x), *grid))
    rows, cols = (t[:, None] * step + np.arange(size) for t in (ty, tx))
    return padded[n[:, None, None], :, rows[:, :, None], cols[:, None, :]].transpose(3, 0, 1, 2)


def _on_both_sides(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """matrix x matrix^T on the last two axes of x (a, b, i, k), which become the first: (n^2, a, b)."""
    matrix = matrix.astype(x.dtype)
    return np.einsum("py,abyx,qx->pqab", matrix, x, matrix).reshape(-1, *x.shape[:2])


def _step(x: Array) -> int:
    """Elements from one image to the next."""
    return x.strides[0] // x.itemsize


def _table(name: str, matrix: np.ndarray) -> str:
    """A type whose at(i, k) is an element of a matrix."""
    rows = ", ".join("{" + ", ".join(repr(float(x)) for x in row) + "}" for row in matrix)
    body = f"const real x[{len(matrix)}][{len(matrix[0])}] = {{{rows}}}; return x[i][k];"
    return f"struct {name} {{ static __device__ __forceinline__ real at(int i, int k) {{ {body} }} }};\n"


_SOURCE = r"""
// sum += factor * x, where the compiler knows the factor: nothing for a factor of 0.
__device__ __forceinline__ void add(real& sum, real factor, real x) {
    if (factor != 0) sum += factor * x;
}

// The n x n elements half Matrix^T, `step` apart.
template <class Matrix, int K>
__device__ __forceinline__ void write_tile(const real (&half)[n][K], real* to, long long step) {
#pragma unroll
    for (int p = 0; p < n; ++p) {
#pragma unroll
        for (int q = 0; q < n; ++q, to += step) {
            real sum = 0;
#pragma unroll
            for (int k = 0; k < K; ++k) add(sum, Matrix::at(q, k), half[p][k]);
            *to = sum;
        }
    }
}

// half = Matrix M of the n x n elements M, `step` apart.
template <class Matrix, int A>
__device__ __forceinline__ void read_tile(const real* from, long long step, real (&half)[A][n]) {
#pragma unroll
    for (int p = 0; p < n; ++p) {
#pragma unroll
        for (int q = 0; q < n; ++q, from += step) {
            real value = *from;
#pragma unroll
            for (int a = 0; a < A; ++a) add(half[a][q], Matrix::at(a, p), value);
        }
    }
}

// half = Matrix d of the K x K pixels d of a channel at (top, left), 0 outside.
template <class Matrix, int K>
__device__ __forceinline__ void read_pixels(const real* channel, int height, int width, int top, int left,
                                            real (&half)[n][K]) {
#pragma unroll
    for (int k = 0; k < K; ++k) {
#pragma unroll
        for (int j = 0; j < K; ++j) {
            bool inside = 0 <= top + j && top + j < height && 0 <= left + k && left + k < width;
            real pixel = inside ? channel[(top + j) * width + left + k] : (real)0;
#pragma unroll
            for (int p = 0; p < n; ++p) add(half[p][k], Matrix::at(p, j), pixel);
        }
    }
}

extern "C" __global__ void input_tiles(const real* x, real* V, int channels, int height, int width, int pad_h,
                                       int pad_w, int down, int across, int start, int count, long long x_image) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    int t = start + i, image = t / (down * across);
    int top = t / across % down * m - pad_h, left = t % across * m - pad_w;
    for (int c = blockIdx.y; c < channels; c += gridDim.y) {
        real half[n][n] = {};
        read_pixels<BT>(x + image * x_image + (long long)c * height * width, height, width, top, left, half);
        write_tile<BT>(half, V + (long long)c * count + i, (long long)channels * count);
    }
}

extern "C" __global__ void diff_tiles(const real* dy, real* dM, int channels, int height, int width, int down,
                                      int across, int start, int count, long long dy_image) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    int t = start + i, image = t / (down * across), top = t / across % down * m, left = t % across * m;
    for (int c = blockIdx.y; c < channels; c += gridDim.y) {
        real half[n][m] = {};
        read_pixels<A>(dy + image * dy_image + (long long)c * height * width, height, width, top, left, half);
        write_tile<A>(half, dM + (long long)c * count + i, (long long)channels * count);
    }
}

extern "C" __global__ void output_tiles(const real* M, real* y, const real* bias, const real* made, real slope,
                                        int rectifies, int channels, int height, int width, int down, int across,
                                        int start, int count, long long y_image, long long made_image) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    int t = start + i, image = t / (down * across), top = t / across % down * m, left = t % across * m;
    for (int c = blockIdx.y; c < channels; c += gridDim.y) {
        real half[m][n] = {};
        read_tile<AT>(M + (long long)c * count + i, (long long)channels * count, half);
#pragma unroll
        for (int a = 0; a < m; ++a) {
#pragma unroll
            for (int b = 0; b < m; ++b) {
                if (top + a >= height || left + b >= width) continue;
                real sum = 0;
#pragma unroll
                for (int q = 0; q < n; ++q) add(sum, AT::at(b, q), half[a][q]);
                long long at = ((long long)c * height + top + a) * width + left + b;
                const real* gate_by = made ? made + image * made_image + at : made;
                y[image * y_image + at] = finished(sum, bias ? bias + c : bias, gate_by, slope, rectifies);
            }
        }
    }
}

// Turned: U (n n, channels, filters), of kernels turned by half a circle.
extern "C" __global__ void kernel_tiles(const real* W, real* U, int filters, int channels, int turned) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, count = filters * channels;
    if (i >= count) return;
    const real* from = W + (long long)(turned ? i % filters * channels + i / filters : i) * (r * r);
    real half[n][r] = {};
#pragma unroll
    for (int j = 0; j < r; ++j) {
#pragma unroll
        for (int k = 0; k < r; ++k) {
            real weight = from[turned ? r * r - 1 - j * r - k : j * r + k];
#pragma unroll
            for (int p = 0; p < n; ++p) add(half[p][k], G::at(p, j), weight);
        }
    }
    write_tile<G>(half, U + i, count);
}

extern "C" __global__ void kernel_gradient(const real* dU, real* dW, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    real half[r][n] = {};
    read_tile<GT>(dU + i, count, half);
    real* to = dW + (long long)i * (r * r);
#pragma unroll
    for (int j = 0; j < r; ++j) {
#pragma unroll
        for (int k = 0; k < r; ++k, ++to) {
            real sum = 0;
#pragma unroll
            for (int q = 0; q < n; ++q) add(sum, GT::at(k, q), half[j][q]);
            *to += sum;
        }
    }
}
"""
