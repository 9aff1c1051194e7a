"""Support vector regression of several numbers from one vector, all with one Gaussian kernel; uses scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from pysketch.errors import BaselineError
from pysketch.shipped import how_to_install


@dataclass(kw_only=True)
class SupportVectorRegression:
    """z_j(x) = b_j + sum_i a_ij k(x, x_i) with k(x, x') = exp(-gamma ||x - x'||^2).

    For each output j, a and b minimise ||z_j||^2 / 2 + C sum_i max(0, |z_j(x_i) - y_ij| - epsilon), the norm being
    the kernel's. The outputs share the kernel's matrix, so that predicting all of them is one matrix product.
    """

    gamma: float
    C: float
    epsilon: float

    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        """x: (n, d); y: (n, outputs), standardised: C and epsilon are in their unit. BaselineError: see `library`."""
        svm = library()
        self._x = np.asarray(x, np.float32)
        self._a, self._b = np.zeros(y.shape), np.zeros(y.shape[1])
        kernel = gaussian_kernel(x, x, self.gamma).astype(np.float64)
        for j, target in enumerate(y.T):
            machine = svm.SVR(kernel="precomputed", C=self.C, epsilon=self.epsilon, tol=TOLERANCE, cache_size=64)
            machine.fit(kernel, target)
            self._a[machine.support_, j] = machine.dual_coef_[0]
            self._b[j] = machine.intercept_[0]
        used = self._a.any(axis=1)
        self._x, self._a = self._x[used], self._a[used].astype(np.float32)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(n, d) -> (n, outputs)."""
        return gaussian_kernel(np.asarray(x, np.float32), self._x, self.gamma) @ self._a + self._b


TOLERANCE = 1e-2
"""How far the optimality conditions may be missed, in units of y: far below epsilon, and several times faster."""


def library() -> ModuleType:
    """scikit-learn's module svm; BaselineError names the extra if it is not installed."""
    try:
        from sklearn import svm
    except ImportError:
        raise BaselineError(
            f'baseline "svr": scikit-learn is not installed; install it with: {how_to_install("baselines")}'
        ) from None
    return svm


def gaussian_kernel(x: np.ndarray, y: np.ndarray, gamma: float) -> np.ndarray:
    """(n, d), (m, d) -> (n, m): exp(-gamma ||x_i - y_j||^2)."""
    squares = np.einsum("id,id->i", x, x)[:, None] + np.einsum("jd,jd->j", y, y) - 2 * (x @ y.T)
    return np.exp(-gamma * np.maximum(squares, 0))
