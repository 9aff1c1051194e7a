"""Images summed and copied by all workers together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.device.backend import Array
from pysketch.device.workers import Workers
from pysketch.native import kernels

_FEW = 8  # terms that a kernel adds


def are_images(x: Array) -> bool:
    """True for numbers (N, C, H, W) in the CPU's memory, not empty, that kernels know: every image is contiguous."""
    known = isinstance(x, np.ndarray) and x.dtype in (np.float32, np.float64)
    return known and x.ndim == 4 and x.size > 0 and x[0].flags.c_contiguous


def add_images(terms: Sequence[Array], out: Array, workers: Workers) -> None:
    """out = the sum of the terms, in their order; of one term a copy. Any equal shapes; out is none of the terms.

    The workers share images (N, C, H, W), where there are compiled kernels.
    """
    known = are_images(out) and all(are_images(term) and term.dtype == out.dtype for term in terms)
    if known and len(terms) <= _FEW and kernels():
        kernels().sum_images(workers.team, workers.threads, out, tuple(terms))
        return
    out[...] = terms[0]
    for term in terms[1:]:
        out += term
