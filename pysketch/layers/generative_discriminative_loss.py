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
        own = self.own or slice(0, len(f))
        difference = f[own] - S[own]
        sums = self.xp.stack([(difference * difference).sum(), self._log_terms(f, S, own)])
        if self.own:
            self.context.communicator.all_reduce(sums)
        generative, discriminative = sums[0] / len(f), sums[1] / max(len(f) * (len(f) - 1), 1)
        values = (generative + self.alpha * discriminative, generative, discriminative)
        for blob, value in zip(top, values, strict=False):
            blob.data[...] = value

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The partial derivative for every output, collected from every pair it takes part in."""
        if not any(propagate_down):
            return
        f, S = _matrix(bottom[0].data), _matrix(bottom[1].data)
        n = len(f)
        diffs = [blob.diff for blob in top]
        g_gen = diffs[0] + (diffs[1] if len(top) > 1 else 0)
        g_dis = self.alpha * diffs[0] + (diffs[2] if len(top) > 2 else 0)
        a = g_gen * (2 / n)
        b = g_dis * (2 / (self.lam * n * max(n - 1, 1)))
        own, all_ = self.own or slice(0, n), slice(0, n)
        # s: rows are sketches i, columns predictions j; 0 where i = j
        if propagate_down[0]:
            s = self._sigma(f, S, all_, own)
            _collect(a, b, s.T, f, S, own, out=_matrix(bottom[0].diff))
        if propagate_down[1]:
            s = s if propagate_down[0] and self.own is None else self._sigma(f, S, own, all_)
            _collect(a, b, s, S, f, own, out=_matrix(bottom[1].diff))

    def _log_terms(self, f: Array, S: Array, own: slice) -> Array:
        """The sum over all sketches i and own predictions j; a single pair has none."""
        if len(f) == 1:
            return self.xp.zeros((), f.dtype)
        return array_module(f).log1p(exponentials(f, S, self.lam, slice(0, len(f)), own)).sum()

    def _sigma(self, f: Array, S: Array, rows: slice, columns: slice) -> Array:
        e = exponentials(f, S, self.lam, rows, columns)
        return e / (1 + e)


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


def _collect(a: Array, b: Array, s: Array, x: Array, others: Array, own: slice, out: Array) -> None:
    """out_j = (a - b sum_i s_ji) x_j - a others_j + b sum_i s_ji others_i, in this order of sums, for the j of `own`.

    s: its rows are those j, its columns all i.
    """
    out = out[own]
    array_module(x).matmul(s, others, out=out)
    out *= b
    out += (a - b * s.sum(axis=1))[:, None] * x[own]
    out -= a * others[own]


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
"""
_CENTRE, _EXPONENTIALS = Kernel("centre", _SOURCE), Kernel("exponentials", _SOURCE)
