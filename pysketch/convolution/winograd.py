"""Winograd's minimal filtering: the matrices, derived exactly for any tile and kernel.

F(m, r) gives m outputs of a correlation with r taps from n = m + r - 1 inputs in n multiplications instead
of m r: y = A^T [(G g) * (B^T d)]. In two dimensions, y = A^T [(G g G^T) * (B^T d B)] A: n^2 multiplications for m^2
outputs instead of (m r)^2. Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.

Derivation (Toom-Cook). The product s(z) = g(z) h(z) of polynomials with r and m coefficients has n
coefficients, which are fixed by its values at n points: s = V_n^-1 [(V_r g) * (V_m h)], where row i of V_k is
(1, a_i, ..., a_i^(k-1)), and (0, ..., 0, 1) for the point at infinity, whose value is the leading coefficient. A
correlation is the transpose of a product with h, for a fixed g: exchanging what is put in and what comes out
transposes the matrices, y = V_m^T [(V_r g) * (V_n^-T d)]. So A^T = V_m^T, G = V_r, B^T = V_n^-T.

Any row of B^T may be divided by a number that multiplies the same row of G. Powers of two cost no accuracy;
each row of B^T is divided by the one nearest to its largest element.

Error: a forward's rounding error grows with the product of the matrices' norms, which grow with n and with
the spread of the points; 0, +-1, +-2, +-1/2 and infinity are the classic choice for n = 8 (Barabasz et al., "Error
Analysis and Improving the Accuracy of Winograd Convolution", ACM TOMS 2020). Some fifty other sets 0, +-1, +-a, +-b
with a from 1/3 to 4/5 and b from 5/4 to 3, and three that are not symmetric, gave larger errors on random tiles.
Measured in float32 against float64, convolutions of normal numbers with 64 channels, F(4x4, 5x5) and F(6x6, 3x3): root
mean square error 3.5e-6 of y and dx and 2.5e-6 of dW, largest error 4e-6 to 1e-5 of the largest result; im2col's are
2e-7 to 4e-7 and 2e-7 to 6e-7. In the shipped nets' predictions the error is 8e-8 to 3e-7, 3 to 8 times im2col's. In
their gradients of the distance between two predictions and sketches of 143x188 it is 2e-7 over all params, 0.8 to 1.3
times im2col's; of single params' at most 4 times, of the photo's at most 7 times (up to 3e-6) im2col's.

Gradients below a ReLU differ by more, with any engine, also im2col's in float32 from those in float64: where rounding
turns the sign of a value next to 0, that unit's gradient is another one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

TILE = 8
"""n: inputs of a tile along one axis."""

POINTS = tuple(Fraction(a) for a in ("0", "1", "-1", "2", "-2", "1/2", "-1/2"))
"""The finite points; infinity is the last."""

KERNELS = range(2, TILE)
"""The kernel sizes r that leave at least 2 outputs of a tile."""


@dataclass(frozen=True)
class Matrices:
    """AT (m, n), G (n, r), BT (n, n), float64: y = AT ((G g) * (BT d)) is the valid correlation of d with g."""

    AT: np.ndarray
    G: np.ndarray
    BT: np.ndarray


@cache
def winograd_matrices(outputs: int, kernel: int) -> Matrices:
    """The matrices of F(outputs, kernel), which must use at most all of POINTS: outputs + kernel - 2 of them."""
    n = outputs + kernel - 1
    points = POINTS[: n - 1]
    if len(points) < n - 1:
        raise ValueError(f"F({outputs}, {kernel}) needs {n - 1} points, there are {len(points)}")
    inverse = _inverse(_vandermonde(points, n))
    BT = [[inverse[k][i] for k in range(n)] for i in range(n)]
    G, A = _vandermonde(points, kernel), _vandermonde(points, outputs)
    for i in range(n):
        scale = Fraction(2) ** round(math.log2(max(abs(x) for x in BT[i])))
        BT[i] = [x / scale for x in BT[i]]
        G[i] = [x * scale for x in G[i]]
    as_array = [np.array([[float(x) for x in row] for row in rows]) for rows in (A, G, BT)]
    return Matrices(np.ascontiguousarray(as_array[0].T), as_array[1], as_array[2])


def _vandermonde(points: tuple[Fraction, ...], columns: int) -> list[list[Fraction]]:
    """Rows (1, a, a^2, ...) for the points, and (0, ..., 0, 1) for infinity."""
    infinity = [Fraction(0)] * (columns - 1) + [Fraction(1)]
    return [[a**k for k in range(columns)] for a in points] + [infinity]


def _inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """The exact inverse, by Gauss and Jordan."""
    n = len(matrix)
    rows = [[*row, *(Fraction(int(i == k)) for k in range(n))] for i, row in enumerate(matrix)]
    for column in range(n):
        pivot = next(i for i in range(column, n) if rows[i][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [x / rows[column][column] for x in rows[column]]
        for i in range(n):
            if i != column and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[column], strict=True)]
    return [row[n:] for row in rows]
