"""The paper's joint loss: draw like the artist, and unlike the artist's drawings of other people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.convolution import multiply
from pysketch.device import Array, Blob, Kernel, array_module
from pysketch.layers.axes import check_items
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import Kind, Option, Table


@register
class GenerativeDiscriminativeLoss(Layer):
    r"""L = L_gen + alpha L_discrim (equations 1 to 3 of the paper, ICMR 2015), with its hand-derived gradient.

    Bottoms: the predictions f and the artist's sketches S, both (N, ...), pixels on the 0..255 scale.
    Tops, all scalars: L; optionally L_gen; optionally L_discrim (both with loss_weight 0 unless set).
    With d_ij = ||S_i - f_j||^2, summed over pixels::

        L_gen     = (1/N) sum_i d_ii                                                        (2)
        L_discrim = 1/(N(N-1)) sum_i sum_{j != i} log(1 + exp(-d_ij / lambda))              (3)

    L_discrim is 0 for N = 1: there are no pairs.

    Derivation (Algorithm 1, line 9: every output collects the terms of every pair it is in). Let
    sigma(z) = 1/(1 + exp(-z)) and s_ij = sigma(-d_ij / lambda) for i != j, s_ii = 0. Then

        d d_ij / d f_j = 2 (f_j - S_i)
        d log(1 + exp(-d/lambda)) / d d = -(1/lambda) exp(-d/lambda) / (1 + exp(-d/lambda))
                                        = -(1/lambda) sigma(-d/lambda)

    so that, with g_gen and g_dis what the tops' diffs give the two terms
    (g_gen = dL + dL_gen, g_dis = alpha dL + dL_discrim), a = 2 g_gen / N and
    b = 2 g_dis / (lambda N (N-1)),

        dL/df_j = a (f_j - S_j) - b sum_i s_ij (f_j - S_i)
                = (a - b c_j) f_j - a S_j + b (s^T S)_j,      c_j = sum_i s_ij,

    and for the sketches, should anything want it,

        dL/dS_i = a (S_i - f_i) - b sum_j s_ij (S_i - f_j)
                = (a - b r_i) S_i - a f_i + b (s f)_i,        r_i = sum_j s_ij.

    Two matrix products of N x N with N x pixels; no N x N x pixels array. The distances come from one
    Gram matrix, d_ij = |S_i|^2 + |f_j|^2 - 2 S_i . f_j, after the mean sketch is taken off all of
    them (which changes no distance and keeps the cancellation small), and are cut at 0. As d >= 0,
    exp(-d/lambda) is in 0..1, so that log1p(exp(-d/lambda)) and s = e/(1+e) are stable for any lambda > 0.
    There are no kinks.
    """

    type = "GenerativeDiscriminativeLoss"
    table = Table(
        "GenerativeDiscriminativeLoss",
        (
            Option("alpha", Kind.FLOAT, 1e4, low=0.0, help="weight of the regularizer (the paper's 1e4)"),
            Option("lambda", Kind.FLOAT, 1e9, help="scale of squared distances (the paper's 1e9), > 0"),
        ),
    )
    bottoms = Count(2)
    tops = Count(1, 3)
    is_loss = True
    mixes_batch = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read alpha and lambda."""
        self.alpha, self.lam = self.options.alpha, getattr(self.options, "lambda")
        if not self.lam > 0:
            raise self.error(f"lambda must be greater than 0, found {self.lam}")

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """All tops are scalars."""
        check_items(self, bottom)
        for blob in top:
            blob.reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """L, L_gen and L_discrim."""
        f, S = _matrix(bottom[0].data), _matrix(bottom[1].data)
        n, own = len(f), self.own or slice(0, len(f))
        e = exponentials(f, S, self.lam, slice(0, n), own) if n > 1 else None  # a single pair has none
        sums = _sums(f[own], S[own], e)
        if self.own:
            self.context.communicator.all_reduce(sums)
        pairs = max(n * (n - 1), 1)
        if self.xp is np:
            generative, discriminative = sums[0] / n, sums[1] / pairs
            values = (generative + self.alpha * discriminative, generative, discriminative)
            for blob, value in zip(top, values, strict=False):
                blob.data[...] = value
        else:
            tops = [blob.data for blob in top] + [None] * (3 - len(top))
            _LOSSES((1,), sums, *tops, n, pairs, self.alpha)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The partial derivative for every output, collected from every pair it takes part in."""
        if not any(propagate_down):
            return
        f, S = _matrix(bottom[0].data), _matrix(bottom[1].data)
        n = len(f)
        diffs = [blob.diff for blob in top]
        rates = 2 / n, 2 / (self.lam * n * max(n - 1, 1))  # of a and of b, before what the tops' diffs give
        own, all_ = self.own or slice(0, n), slice(0, n)
        # e: rows are sketches i, columns predictions j; 0 where i = j
        if propagate_down[0]:
            e = exponentials(f, S, self.lam, all_, own)
            _collect(diffs, self.alpha, rates, e.T, f, S, own, out=_matrix(bottom[0].diff))
        if propagate_down[1]:
            e = e if propagate_down[0] and self.own is None else exponentials(f, S, self.lam, own, all_)
            _collect(diffs, self.alpha, rates, e, S, f, own, out=_matrix(bottom[1].diff))


def exponentials(f: Array, S: Array, lam: float, rows: slice = slice(None), columns: slice = slice(None)) -> Array:
    """exp(-d_ij / lam) with d_ij = ||S_i - f_j||^2, (N, N), 0 on the diagonal; f, S: (N, pixels).

    rows, columns: only these sketches i, these predictions j. On a GPU all are made, by two kernels, and between them
    one product that holds the norms too: of all 2 N rows with each other.
    """
    xp, (n, pixels) = array_module(f), f.shape
    if xp is np:
        mean = S.mean(axis=0)
        f, S = f[columns] - mean, S[rows] - mean
        d = (S * S).sum(axis=1)[:, None] + (f * f).sum(axis=1)[None, :] - 2 * (S @ f.T)
        e = np.exp(np.maximum(d, 0) * (-1 / lam))
        e[np.arange(n)[rows, None] == np.arange(n)[columns]] = 0
        return e
    assert f.flags.c_contiguous and S.flags.c_contiguous
    pictures, gram, e = (xp.empty(shape, f.dtype) for shape in ((2 * n, pixels), (2 * n, 2 * n), (n, n)))
    _CENTRE((pixels,), f, S, pictures, n, pixels)
    multiply(pictures, pictures.T, gram)
    _EXPONENTIALS((n, n), gram, e, n, 1 / lam)
    return e[rows, columns]


def _matrix(x: Array) -> Array:
    """(N, ...) -> (N, pixels), a view."""
    return x.reshape(x.shape[0], -1)


def _sums(f: Array, S: Array, e: Array | None) -> Array:
    """(2,): the squares of f - S, and the logarithms of 1 + e; on a GPU by two kernels."""
    xp = array_module(f)
    if xp is np:
        difference = f - S
        return np.stack([(difference * difference).sum(), np.zeros((), f.dtype) if e is None else np.log1p(e).sum()])
    assert f.flags.c_contiguous and S.flags.c_contiguous
    e = None if e is None else xp.ascontiguousarray(e)
    count = 0 if e is None else e.size
    parts, sums = xp.empty(min(_MOST_PARTS, -(-f.size // _SQUARES.threads)), f.dtype), xp.empty(2, f.dtype)
    _SQUARES((parts.size * _SQUARES.threads,), f, S, parts, f.size)
    _ADD_UP((_ADD_UP.threads,), parts, e, sums, parts.size, count)
    return sums


def _collect(
    diffs: Sequence[Array],
    alpha: float,
    rates: tuple[float, float],
    e: Array,
    x: Array,
    others: Array,
    own: slice,
    out: Array,
) -> None:
    """out_j = (a - b sum_i s_ji) x_j - a others_j + b sum_i s_ji others_i, for the j of `own`; s = e / (1 + e).

    e: its rows are those j, its columns all i. a and b: from the tops' diffs, alpha and the rates. On a GPU one kernel
    makes the matrix that the others are multiplied with, b s with -a where i = j, and what x is; a second one adds x.
    """  # fmt: skip
    xp, out = array_module(x), out[own]
    if xp is np:
        a, b = (diffs[0] + (diffs[1] if len(diffs) > 1 else 0)) * rates[0], alpha * diffs[0]
        b = (b + (diffs[2] if len(diffs) > 2 else 0)) * rates[1]
        s = e / (1 + e)
        np.matmul(s, others, out=out)
        out *= b
        out += (a - b * s.sum(axis=1))[:, None] * x[own]
        out -= a * others[own]
        return
    mine, n = e.shape
    assert out.flags.c_contiguous and x.flags.c_contiguous
    pulls, weights = xp.empty((mine, n), x.dtype), xp.empty(mine, x.dtype)
    steps = (step // e.itemsize for step in e.strides)
    tops = [*diffs, *[None] * (3 - len(diffs))]
    _PULLS((mine,), e, *tops, pulls, weights, mine, n, own.start, *steps, alpha, *rates)
    multiply(pulls, others, out)
    _ADD_OWN((x.shape[1], mine), weights, x[own], out, mine, x.shape[1])


_MOST_PARTS = 512  # sums of squares by as many blocks of threads

_SOURCE = r"""
// rows: the sketches, then the predictions, without the mean sketch. One thread for each pixel.
extern "C" __global__ void centre(const real* f, const real* S, real* rows, int n, int pixels) {
    int p = blockIdx.x * blockDim.x + threadIdx.x;
    if (p >= pixels) return;
    real mean = 0;
    for (int i = 0; i < n; ++i) mean += S[(long long)i * pixels + p];
    mean /= n;
    for (int i = 0; i < n; ++i) {
        long long at = (long long)i * pixels + p;
        rows[at] = S[at] - mean;
        rows[(long long)n * pixels + at] = f[at] - mean;
    }
}

// gram: the rows' products with each other, (2 n, 2 n). One thread for each pair, j along x and i along y.
extern "C" __global__ void exponentials(const real* gram, real* e, int n, real rate) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= n) return;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        long long size = 2LL * n, own = i * (size + 1), other = (n + j) * (size + 1);
        real d = gram[own] + gram[other] - 2 * gram[i * size + n + j];
        e[(long long)i * n + j] = i == j ? (real)0 : exp(-(d > 0 || d != d ? d : 0) * rate);
    }
}

// The sum of a block's 256 values, for thread 0; part may be used again after it.
__device__ real block_sum(real value, real* part) {
    int t = threadIdx.x;
    part[t] = value;
    __syncthreads();
    for (int half = 128; half > 0; half /= 2) {
        if (t < half) part[t] += part[t + half];
        __syncthreads();
    }
    real sum = part[0];
    __syncthreads();
    return sum;
}

// Each block of 256 threads adds up its share of the squares of f - S.
extern "C" __global__ void squares(const real* f, const real* S, real* parts, long long count) {
    __shared__ real part[256];
    real sum = 0;
    for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; i < count; i += (long long)gridDim.x * 256) {
        sum += (f[i] - S[i]) * (f[i] - S[i]);
    }
    sum = block_sum(sum, part);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// One block of 256 threads: sums[0] of the parts, sums[1] of log(1 + e).
extern "C" __global__ void add_up(const real* parts, const real* e, real* sums, int parts_count, int count) {
    __shared__ real part[256];
    real squares = 0, logs = 0;
    for (int i = threadIdx.x; i < parts_count; i += 256) squares += parts[i];
    for (int i = threadIdx.x; i < count; i += 256) logs += log1p(e[i]);
    squares = block_sum(squares, part);
    logs = block_sum(logs, part);
    if (threadIdx.x == 0) {
        sums[0] = squares;
        sums[1] = logs;
    }
}

extern "C" __global__ void losses(const real* sums, real* joint, real* generative, real* discriminative, int n,
                                  int pairs, real alpha) {
    if (blockIdx.x * blockDim.x + threadIdx.x > 0) return;
    real own = sums[0] / n, others = sums[1] / pairs;
    *joint = own + alpha * others;
    if (generative) *generative = own;
    if (discriminative) *discriminative = others;
}

// One thread for each own j: b s_ji with -a where i = j, and a - b sum_i s_ji. e: (own j, i), steps apart.
extern "C" __global__ void pulls(const real* e, const real* joint, const real* generative, const real* discriminative,
                                 real* pulls, real* weights, int own, int n, int first, long long e_row,
                                 long long e_column, real alpha, real a_rate, real b_rate) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= own) return;
    real a = (*joint + (generative ? *generative : (real)0)) * a_rate;
    real b = (alpha * *joint + (discriminative ? *discriminative : (real)0)) * b_rate;
    real sum = 0;
    for (int i = 0; i < n; ++i) {
        real value = e[j * e_row + i * e_column], s = value / (1 + value);
        sum += s;
        pulls[(long long)j * n + i] = i == first + j ? -a : b * s;
    }
    weights[j] = a - b * sum;
}

// out_j += weight_j x_j. One thread for each pixel of each picture.
extern "C" __global__ void add_own(const real* weights, const real* x, real* out, int own, int pixels) {
    int p = blockIdx.x * blockDim.x + threadIdx.x;
    if (p >= pixels) return;
    for (int j = blockIdx.y; j < own; j += gridDim.y) {
        long long at = (long long)j * pixels + p;
        out[at] += weights[j] * x[at];
    }
}
"""
_CENTRE, _EXPONENTIALS, _SQUARES, _ADD_UP, _LOSSES, _PULLS, _ADD_OWN = (
    Kernel(name, _SOURCE) for name in ("centre", "exponentials", "squares", "add_up", "losses", "pulls", "add_own")
)
