"""What a hidden state emits in a photo and in a sketch: a pair of Gaussians for each state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PairedGaussians:
    """State k emits photo features u and sketch features v, each with independent components around a mean:

        u ~ N(mean_k, variance_k),    v ~ N(B_k^T (u, 1), noise_k).

    The mean of v may depend on u, so that what varies within a state in the photo varies in the sketch as well.
    mean, variance: (K, d); B: (K, d + 1, e); noise: (K, e).
    """

    mean: np.ndarray
    variance: np.ndarray
    B: np.ndarray
    noise: np.ndarray

    @classmethod
    def fit(cls, u: np.ndarray, v: np.ndarray, weights: np.ndarray, ridge: float) -> PairedGaussians:
        """Maximum likelihood from u (M, d), v (M, e) and the weights (M, K) of each in each state.

        u and v are standardised: variances are kept above FLOOR, and B_k is the least
        sum_m w_mk ||v_m - B_k^T (u_m, 1)||^2 + ridge (1 + sum_m w_mk) ||B_k||^2.
        """
        total = weights.sum(axis=0)[:, None]
        share = weights.T / np.maximum(total, 1e-12)
        mean = share @ u
        variance = np.maximum(share @ u**2 - mean**2, FLOOR)
        inputs = _with_one(u)
        B, noise = np.empty((len(mean), inputs.shape[1], v.shape[1])), np.empty((len(mean), v.shape[1]))
        for k, w in enumerate(weights.T):
            weighted = inputs * w[:, None]
            B[k] = np.linalg.solve(
                weighted.T @ inputs + ridge * (1 + w.sum()) * np.eye(inputs.shape[1]), weighted.T @ v
            )
            noise[k] = np.maximum(share[k] @ (v - inputs @ B[k]) ** 2, FLOOR)
        return cls(mean, variance, B, noise)

    def photo_log(self, u: np.ndarray) -> np.ndarray:
        """(M, d) -> (M, K): log P(u | state)."""
        return np.stack([_log(u - m, var) for m, var in zip(self.mean, self.variance, strict=True)], axis=1)

    def pair_log(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """(M, d), (M, e) -> (M, K): log P(u, v | state)."""
        inputs = _with_one(u)
        sketch = [_log(v - inputs @ B, noise) for B, noise in zip(self.B, self.noise, strict=True)]
        return self.photo_log(u) + np.stack(sketch, axis=1)

    def expected_sketch(self, u: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(M, d), (M, K) -> (M, e): sum_k w_k B_k^T (u, 1), the mean of v if the state is k with probability w_k."""
        inputs = _with_one(u)
        return sum(w[:, None] * (inputs @ B) for w, B in zip(weights.T, self.B, strict=True))


FLOOR = 0.01
"""The least variance of a feature in a state, that of the feature over all states being 1."""


def _log(difference: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return -0.5 * (difference**2 / variance + np.log(2 * np.pi * variance)).sum(axis=1)


def _with_one(u: np.ndarray) -> np.ndarray:
    return np.concatenate([u, np.ones((len(u), 1), u.dtype)], axis=1)
