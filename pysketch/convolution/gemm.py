"""Matrix products, cut so that BLAS runs at its best.

On cores with AVX-512 OpenBLAS has a second kernel for products of up to SMALL multiplications, which reads the matrices
where they lie instead of packing them first: 100 to 113 GFLOP/s a core, against 60 to 90 for the packing one on
the sizes of a net's layers. There larger products are cut into such small ones, by rows or by columns, never along
the sum. Elsewhere OpenBLAS packs small products too, and other libraries choose for themselves: without AVX-512 an
update of sr, small, medium and large with their products cut took 1.06, 1.14, 1.00 and 1.10 times as long. So there,
on a GPU, and where a cut is not possible, a product is left whole. The results differ by rounding only.

On a GPU `multiply` hands cuBLAS the matrices where they lie: transposed, with rows apart, and the result straight into
a part of a larger array. CuPy's own matmul would copy them. It has run on an emulated device, on no card yet.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from threadpoolctl import threadpool_info

from pysketch.device import Array, array_module, blas

SMALL = 10**6
"""M * N * K of a product that needs no packing, at most."""

_IN_PLACE = {"SkylakeX", "Cooperlake", "SapphireRapids"}  # OpenBLAS's names of the cores that it has that kernel for
_COLUMNS = 32  # a multiple of so many columns suits the kernel
_FEW_ROWS, _MANY_ROWS = 24, 96  # of a group; beyond, the cache is too small
_NARROW = 64  # columns that are not halved again


@cache
def reads_in_place() -> bool:
    """Whether NumPy's BLAS multiplies small matrices without packing them, on the cores of this machine."""
    return any(library.get("architecture") in _IN_PLACE for library in threadpool_info())


def multiply_columns(a: Array, b: Array, out: Array) -> None:
    """out = a @ b, with b (K, N) cut into groups of columns where that pays.

    a: (M, K), out: (M, N); rows may be strided.
    """
    xp, n = array_module(out), b.shape[1]
    width = SMALL // (a.shape[0] * a.shape[1]) // _COLUMNS * _COLUMNS
    if xp is not np or width == 0 or n < 2 * width or not reads_in_place():
        xp.matmul(a, b, out=out)
        return
    whole = n // width * width
    np.matmul(a, _groups(b[:, :whole], width), out=_groups(out[:, :whole], width))
    if whole < n:
        np.matmul(a, b[:, whole:], out=out[:, whole:])


def multiply_rows(a: Array, b: Array, out: Array) -> None:
    """out[p] = a[p] @ b[p] for every p; where that pays, a[p] is cut into groups of rows, b[p] into groups of columns.

    a: (P, M, K), b: (P, K, N), out: (P, M, N), all C-contiguous.
    """
    xp, (_, m, k), n = array_module(out), a.shape, b.shape[2]
    height, width = row_group(k, n)
    if xp is not np or m * k * n <= SMALL or height == 0 or not reads_in_place():
        xp.matmul(a, b, out=out)
        return
    height = -(-m // -(-m // height))  # of about equal height
    whole = m // height * height
    for top, bottom, rows in ((0, whole, height), (whole, m, m - whole)):
        if top < bottom:
            _multiply_groups(a[:, top:bottom], b, out[:, top:bottom], rows, width)


def row_group(k: int, n: int) -> tuple[int, int]:
    """(rows, columns) of the groups that a product with a (k, n) matrix is cut into; rows 0: not cut.

    The columns are halved until a group has at least _FEW_ROWS rows.
    """
    width = n
    while SMALL // (k * width) < _FEW_ROWS and width % 2 == 0 and width > _NARROW:
        width //= 2
    rows = min(SMALL // (k * width), _MANY_ROWS)
    step = 16 if rows >= 32 else 4  # whole steps suit the kernel
    return rows // step * step, width


def _multiply_groups(a: Array, b: Array, out: Array, rows: int, width: int) -> None:
    """The products of (P, 1, M / rows, rows, K) with (P, N / width, 1, K, width)."""
    p, k, n = b.shape
    left = _split(_split(a, 1, rows), 3, k)[:, :, :, 0]
    right = b.reshape(p, k, n // width, width).transpose(0, 2, 1, 3)[:, :, None]
    target = _split(_split(out, 1, rows), 3, width).transpose(0, 3, 1, 2, 4)
    np.matmul(left[:, None], right, out=target)


def _groups(x: Array, width: int) -> Array:
    """(M, N) -> (N / width, M, width), a view."""
    return _split(x, 1, width).transpose(1, 0, 2)


def _split(x: Array, axis: int, size: int) -> Array:
    """Axis of length L -> two axes (L / size, size); always a view."""
    return x.reshape(*x.shape[:axis], x.shape[axis] // size, size, *x.shape[axis + 1 :])


def multiply(a: Array, b: Array, out: Array, add: bool = False) -> None:
    """out = a @ b, or out += a @ b.

    a: (M, K) or (n, M, K), b: (K, N) or (n, K, N), out: (M, N) or (n, M, N); what has no n serves for all. The
    elements of out's rows are neighbours in memory; those of either the rows or the columns of a and b are.
    """
    if array_module(out) is np:
        if add:
            out += np.matmul(a, b)
        else:
            np.matmul(a, b, out=out)
        return
    library, handle = blas()
    (m, n), k, size = out.shape[-2:], a.shape[-1], out.itemsize
    assert out.strides[-1] == size or n == 1
    scalars = np.array([1, add], out.dtype)  # cuBLAS reads them before it returns
    alpha, beta = scalars.ctypes.data, scalars[1:].ctypes.data
    (flag_a, lead_a), (flag_b, lead_b), lead_out = _layout(a), _layout(b), max(n, out.strides[-2] // size)
    letter = {"f": "s", "d": "d"}[out.dtype.char]
    # cuBLAS stores by columns, so what it is given, and what it makes, is the transpose: out^T = b^T a^T
    if out.ndim == 2:
        gemm = getattr(library, f"{letter}gemm")
        head, tail = (handle, flag_b, flag_a, n, m, k, alpha), (beta, out.data.ptr, lead_out)
        gemm(*head, b.data.ptr, lead_b, a.data.ptr, lead_a, *tail)
    else:
        gemm = getattr(library, f"{letter}gemmStridedBatched")
        steps = [x.strides[0] // size if x.ndim == 3 else 0 for x in (a, b, out)]
        head, tail = (handle, flag_b, flag_a, n, m, k, alpha), (beta, out.data.ptr, lead_out, steps[2], len(out))
        gemm(*head, b.data.ptr, lead_b, steps[1], a.data.ptr, lead_a, steps[0], *tail)


def _layout(x: Array) -> tuple[int, int]:
    """(0 for rows in memory, 1 for columns; how many elements one is from the next) of the last two axes."""
    (rows, cols), (down, across) = x.shape[-2:], (step // x.itemsize for step in x.strides[-2:])
    if across == 1 or cols == 1:
        return 0, max(cols, down)
    assert down == 1 or rows == 1, f"a matrix of strides {x.strides}"
    return 1, max(rows, across)
