"""Slow, obvious references for the layers: loops, written from the formulas and not from the layers' code.

Everything takes and gives float64 NumPy arrays.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

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


def deconvolution(
    x: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    stride: Pair = ONE,
    pad: Pair = ZERO,
    dilation: Pair = ONE,
    group: int = 1,
) -> np.ndarray:
    """Every pixel of x (N, I, H, W) stamps W (I, O / group, kh, kw) onto a sheet, whose edges are then cut off."""
    sheet, core = _stamped(x, W, stride, pad, dilation, group)
    for index, o, y, x_at, ky, kx in _stamps(x, W, stride, dilation, group):
        sheet[index[0], o, y, x_at] += x[index] * W[index[1], o % W.shape[1], ky, kx]
    return core(sheet) + (0 if b is None else b[:, None, None])


def deconvolution_backward(
    x: np.ndarray,
    W: np.ndarray,
    dy: np.ndarray,
    stride: Pair = ONE,
    pad: Pair = ZERO,
    dilation: Pair = ONE,
    group: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dx, dW, db): each stamp hands the sheet's diff, 0 where it was cut off, to both of its factors."""
    dx, dW = np.zeros(x.shape), np.zeros(W.shape)
    sheet, core = _stamped(x, W, stride, pad, dilation, group)
    core(sheet)[...] = dy
    for index, o, y, x_at, ky, kx in _stamps(x, W, stride, dilation, group):
        dx[index] += sheet[index[0], o, y, x_at] * W[index[1], o % W.shape[1], ky, kx]
        dW[index[1], o % W.shape[1], ky, kx] += sheet[index[0], o, y, x_at] * x[index]
    return dx, dW, np.array([dy[:, o].sum() for o in range(dy.shape[1])])


def _stamped(
    x: np.ndarray, W: np.ndarray, stride: Pair, pad: Pair, dilation: Pair, group: int
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """An empty sheet, and what cuts its edges off."""
    size = [stride[k] * (x.shape[2 + k] - 1) + dilation[k] * (W.shape[2 + k] - 1) + 1 for k in (0, 1)]
    sheet = np.zeros((len(x), W.shape[1] * group, *size))
    return sheet, lambda s: s[:, :, pad[0] : size[0] - pad[0], pad[1] : size[1] - pad[1]]


def _stamps(x: np.ndarray, W: np.ndarray, stride: Pair, dilation: Pair, group: int) -> Iterator[tuple]:
    """Every pixel of x with every place of the sheet that it touches: (index, o, y, x, ky, kx)."""
    for index in np.ndindex(x.shape):
        _, i, iy, ix = index
        for o, ky, kx in np.ndindex(W.shape[1] * group, *W.shape[2:]):
            if o // W.shape[1] == i // (x.shape[1] // group):
                yield index, o, iy * stride[0] + ky * dilation[0], ix * stride[1] + kx * dilation[1], ky, kx


def pooling_windows(
    shape: tuple[int, ...], kernel: Pair, stride: Pair, pad: Pair, ceil: bool
) -> list[list[tuple[list[int], int]]]:
    """For each axis the windows: (the elements in it, its size with padding)."""
    axes = []
    for length, k, s, p in zip(shape[2:], kernel, stride, pad, strict=True):
        windows, count = [], (math.ceil if ceil else math.floor)((length + 2 * p - k) / s) + 1
        for o in range(count):
            places = range(o * s - p, o * s - p + k)
            if places[0] < length:
                inside = [place for place in places if 0 <= place < length]
                windows.append((inside, len([place for place in places if place < length + p])))
        axes.append(windows)
    return axes


def pooling(
    x: np.ndarray, pool: str, kernel: Pair, stride: Pair = ONE, pad: Pair = ZERO, ceil: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """(y, mask); the mask is where MAX found y, as row W + column."""
    rows, cols = pooling_windows(x.shape, kernel, stride, pad, ceil)
    y = np.zeros((*x.shape[:2], len(rows), len(cols)))
    mask = np.zeros(y.shape)
    for n, c, oy, ox in np.ndindex(y.shape):
        values = [(x[n, c, i, j], i * x.shape[3] + j) for i in rows[oy][0] for j in cols[ox][0]]
        if pool == "AVE":
            y[n, c, oy, ox] = sum(value for value, _ in values) / (rows[oy][1] * cols[ox][1])
        else:
            y[n, c, oy, ox], mask[n, c, oy, ox] = max(values, key=lambda pair: (pair[0], -pair[1]))
    return y, mask


def pooling_backward(
    x: np.ndarray, dy: np.ndarray, pool: str, kernel: Pair, stride: Pair = ONE, pad: Pair = ZERO, ceil: bool = True
) -> np.ndarray:
    """Each window hands dy to where the mask points, or a part of it to all."""
    rows, cols = pooling_windows(x.shape, kernel, stride, pad, ceil)
    _, mask = pooling(x, pool, kernel, stride, pad, ceil)
    dx = np.zeros(x.shape)
    for n, c, oy, ox in np.ndindex(dy.shape):
        if pool == "MAX":
            dx[(n, c, *divmod(int(mask[n, c, oy, ox]), x.shape[3]))] += dy[n, c, oy, ox]
            continue
        for i in rows[oy][0]:
            for j in cols[ox][0]:
                dx[n, c, i, j] += dy[n, c, oy, ox] / (rows[oy][1] * cols[ox][1])
    return dx


def inner_product(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x (M, K), W (O, K), b (O,)."""
    y = np.zeros((len(x), len(W)))
    for m, o in np.ndindex(y.shape):
        y[m, o] = b[o]
        for k in range(x.shape[1]):
            y[m, o] += W[o, k] * x[m, k]
    return y


def inner_product_backward(x: np.ndarray, W: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dx, dW, db)."""
    dx, dW, db = np.zeros(x.shape), np.zeros(W.shape), np.zeros(len(W))
    for m, o in np.ndindex(dy.shape):
        db[o] += dy[m, o]
        for k in range(x.shape[1]):
            dx[m, k] += dy[m, o] * W[o, k]
            dW[o, k] += dy[m, o] * x[m, k]
    return dx, dW, db


def lrn_neighbours(shape: tuple[int, ...], index: tuple[int, ...], size: int, within: bool) -> list[tuple[int, ...]]:
    """The elements in the window around an element."""
    near = [range(i, i + 1) for i in index]
    for axis in (2, 3) if within else (1,):
        near[axis] = range(max(0, index[axis] - size // 2), min(shape[axis], index[axis] + size // 2 + 1))
    return list(itertools.product(*near))


def lrn(x: np.ndarray, size: int, alpha: float, beta: float, k: float, within: bool) -> np.ndarray:
    """x over a power of k + alpha times the mean square around it, zeros beyond the edges."""
    y = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        total = sum(x[near] ** 2 for near in lrn_neighbours(x.shape, index, size, within))
        y[index] = x[index] / (k + alpha * total / size ** (2 if within else 1)) ** beta
    return y


def lrn_backward(
    x: np.ndarray, dy: np.ndarray, size: int, alpha: float, beta: float, k: float, within: bool
) -> np.ndarray:
    """Each y hands its dy to its own x and to every x in its window."""
    dx = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        window = lrn_neighbours(x.shape, index, size, within)
        part = alpha / size ** (2 if within else 1)
        s = k + part * sum(x[near] ** 2 for near in window)
        dx[index] += dy[index] / s**beta
        for near in window:
            dx[near] -= dy[index] * x[index] * beta / s ** (beta + 1) * part * 2 * x[near]
    return dx


def standardized(values: np.ndarray, eps: float) -> tuple[np.ndarray, float, float]:
    """((v - mean) / sqrt(var + eps), mean, var) of a vector, var divided by its length."""
    mean = math.fsum(values) / len(values)
    var = math.fsum((v - mean) ** 2 for v in values) / len(values)
    return np.array([(v - mean) / math.sqrt(var + eps) for v in values]), mean, var


def standardized_backward(values: np.ndarray, dy: np.ndarray, eps: float) -> np.ndarray:
    """By the whole matrix of derivatives: dy_i/dv_j = ([i = j] - 1/m) / q - c_i c_j / (m q^3)."""
    _, mean, var = standardized(values, eps)
    m, q, c = len(values), math.sqrt(var + eps), values - mean
    dx = np.zeros(m)
    for i, j in np.ndindex(m, m):
        dx[j] += dy[i] * (((i == j) - 1 / m) / q - c[i] * c[j] / (m * q**3))
    return dx


def softmax(x: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    y = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        y[index] = 1 / math.fsum(math.exp(other - x[index]) for other in x[index[:-1]])
    return y


def softmax_backward(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """By the whole matrix of derivatives, y_k ([k = j] - y_j)."""
    y, dx = softmax(x), np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        for k in range(x.shape[-1]):
            place = (*index[:-1], k)
            dx[index] += dy[place] * y[place] * ((k == index[-1]) - y[index])
    return dx


def logistic_loss(x: np.ndarray, labels: np.ndarray, ignore: int | None = None) -> tuple[float, np.ndarray, int]:
    """(sum of -log p, its derivative, how many items count): x (items, classes), labels (items,)."""
    total, dx, count = 0.0, np.zeros(x.shape), 0
    for i, label in enumerate(labels.astype(int)):
        if label == ignore:
            continue
        sum_of_exp = sum(math.exp(v) for v in x[i])
        total += math.log(sum_of_exp) - x[i, label]
        count += 1
        for k in range(x.shape[1]):
            dx[i, k] = math.exp(x[i, k]) / sum_of_exp
        dx[i, label] -= 1
    return total, dx, count


def sigmoid_loss(x: np.ndarray, t: np.ndarray, ignore: int | None = None) -> tuple[float, np.ndarray, int]:
    """(sum of -t log p - (1 - t) log(1 - p), its derivative, how many count)."""
    total, dx, count = 0.0, np.zeros(x.shape), 0
    for index in np.ndindex(x.shape):
        if int(t[index]) == ignore:
            continue
        p = 1 / (1 + math.exp(-x[index]))
        total -= t[index] * math.log(p) + (1 - t[index]) * math.log(1 - p)
        dx[index] = p - t[index]
        count += 1
    return total, dx, count


def hinge_loss(x: np.ndarray, labels: np.ndarray, power: int) -> tuple[float, np.ndarray]:
    """(L, dL/dx): x (N, classes); each class that is not 1 beyond its side of 0 costs what it lacks."""
    loss, dx = 0.0, np.zeros(x.shape)
    for n, k in np.ndindex(x.shape):
        side = 1 if k == labels[n] else -1
        lack = 1 - side * x[n, k]
        if lack > 0:
            loss += lack**power / len(x)
            dx[n, k] = -side * power * lack ** (power - 1) / len(x)
    return loss, dx


def accuracy(x: np.ndarray, labels: np.ndarray, top_k: int = 1, ignore: int | None = None) -> tuple[float, np.ndarray]:
    """(overall, for each class): x (items, classes). Sorted by score, of equal ones the label first; the last top_k."""
    classes = x.shape[1]
    right, seen = np.zeros(classes), np.zeros(classes)
    for i, label in enumerate(labels.astype(int)):
        if label != ignore:
            best = sorted(range(classes), key=lambda k: (x[i, k], k != label))[-top_k:]
            seen[label] += 1
            right[label] += label in best
    return right.sum() / max(1, seen.sum()), np.array([r / max(1, s) for r, s in zip(right, seen, strict=True)])


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
