"""Slow, obvious references for the layers: loops, written from the formulas and not from the layers' code.

Everything takes and gives float64 NumPy arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

Pair = tuple[int, int]
ONE, ZERO = (1, 1), (0, 0)


def convolution(
    x: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    stride: Pair = ONE,
    pad: Pair = ZERO,
    dilation: Pair = ONE,
    group: int = 1,
) -> np.ndarray:
    """Cross-correlation (caffe.md, section 8): x (N, C, H, W), W (O, C / group, kh, kw), b (O,) or None."""
    y = np.zeros((x.shape[0], W.shape[0], *_output_size(x, W, stride, pad, dilation)))
    for n, o, oy, ox, c, ky, kx, iy, ix in _taps(x, W, y, stride, pad, dilation, group):
        y[n, o, oy, ox] += W[o, c % W.shape[1], ky, kx] * x[n, c, iy, ix]
    for o in range(W.shape[0]):
        y[:, o] += 0 if b is None else b[o]
    return y


def convolution_backward(
    x: np.ndarray,
    W: np.ndarray,
    dy: np.ndarray,
    stride: Pair = ONE,
    pad: Pair = ZERO,
    dilation: Pair = ONE,
    group: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dx, dW, db): each product of the forward loop hands dy to both of its factors."""
    dx, dW, db = np.zeros(x.shape), np.zeros(W.shape), np.zeros(W.shape[0])
    for n, o, oy, ox, c, ky, kx, iy, ix in _taps(x, W, dy, stride, pad, dilation, group):
        dx[n, c, iy, ix] += W[o, c % W.shape[1], ky, kx] * dy[n, o, oy, ox]
        dW[o, c % W.shape[1], ky, kx] += x[n, c, iy, ix] * dy[n, o, oy, ox]
    for n, o, oy, ox in np.ndindex(dy.shape):
        db[o] += dy[n, o, oy, ox]
    return dx, dW, db


def relu(x: np.ndarray, negative_slope: float = 0.0) -> np.ndarray:
    """x where positive, negative_slope * x elsewhere."""
    y = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        y[index] = x[index] if x[index] > 0 else negative_slope * x[index]
    return y


def relu_backward(x: np.ndarray, dy: np.ndarray, negative_slope: float = 0.0) -> np.ndarray:
    """dy where x is positive, negative_slope * dy elsewhere."""
    dx = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        dx[index] = dy[index] if x[index] > 0 else negative_slope * dy[index]
    return dx


def euclidean_loss(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """(L, dL/da, dL/db) of L = sum (a - b)^2 / (2 N)."""
    loss, da, db = 0.0, np.zeros(a.shape), np.zeros(b.shape)
    for index in np.ndindex(a.shape):
        difference = float(a[index] - b[index])
        loss += difference * difference / (2 * a.shape[0])
        da[index] = difference / a.shape[0]
        db[index] = -difference / a.shape[0]
    return loss, da, db


def joint_loss(f: np.ndarray, S: np.ndarray, alpha: float, lam: float) -> tuple[float, float, float]:
    """(L, L_gen, L_discrim): the paper's equations 1, 2 and 3; f generated sketches, S the artist's."""
    N = len(S)
    generative = 0.0
    for i in range(N):
        generative += _squared_distance(S[i], f[i]) / N
    discriminative = 0.0
    for i in range(N):
        for j in range(N):
            if j != i:
                distance = _squared_distance(S[i], f[j])
                discriminative += math.log(1 + math.exp(-distance / lam)) / (N * (N - 1))
    return generative + alpha * discriminative, generative, discriminative


def joint_loss_gradient(f: np.ndarray, S: np.ndarray, alpha: float, lam: float) -> tuple[np.ndarray, np.ndarray]:
    """(dL/df, dL/dS), accumulated pair by pair (Algorithm 1, line 9).

    A pair's term depends on S_i and f_j only through S_i - f_j, so what one gets the other loses.
    """
    N = len(S)
    df, dS = np.zeros(f.shape), np.zeros(S.shape)
    for i in range(N):
        df[i] += 2 / N * (f[i] - S[i])
        dS[i] -= 2 / N * (f[i] - S[i])
    for i in range(N):
        for j in range(N):
            if j != i:
                e = math.exp(-_squared_distance(S[i], f[j]) / lam)
                by_distance = alpha / (N * (N - 1)) * -e / (1 + e) / lam  # of alpha log(1 + exp(-d/lambda))
                df[j] += by_distance * 2 * (f[j] - S[i])
                dS[i] -= by_distance * 2 * (f[j] - S[i])
    return df, dS


def _squared_distance(S: np.ndarray, f: np.ndarray) -> float:
    total = 0.0
    for s, p in zip(S.ravel(), f.ravel(), strict=True):
        total += float(s - p) ** 2
    return total


def _output_size(x: np.ndarray, W: np.ndarray, stride: Pair, pad: Pair, dilation: Pair) -> Pair:
    """How many times the dilated kernel fits into the padded input."""
    sizes = []
    for axis in (0, 1):
        last = x.shape[2 + axis] + 2 * pad[axis] - 1
        reach = dilation[axis] * (W.shape[2 + axis] - 1)
        sizes.append(len(range(0, last - reach + 1, stride[axis])))
    return sizes[0], sizes[1]


def _taps(
    x: np.ndarray, W: np.ndarray, y: np.ndarray, stride: Pair, pad: Pair, dilation: Pair, group: int
) -> Iterator[tuple[int, ...]]:
    """Every (n, o, oy, ox) of the output with every (c, ky, kx) that it sees and the input pixel (iy, ix) there."""
    per_group_in, per_group_out = x.shape[1] // group, W.shape[0] // group
    for n, o, oy, ox in np.ndindex(y.shape):
        for c in range(x.shape[1]):
            if c // per_group_in != o // per_group_out:
                continue
            for ky, kx in np.ndindex(W.shape[2:]):
                iy = oy * stride[0] + ky * dilation[0] - pad[0]
                ix = ox * stride[1] + kx * dilation[1] - pad[1]
                if 0 <= iy < x.shape[2] and 0 <= ix < x.shape[3]:
                    yield n, o, oy, ox, c, ky, kx, iy, ix
