"""ET, the eigentransformation (Tang and Wang, Face Sketch Recognition, IEEE CSVT 14(1), 2004)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pysketch.baselines.baseline import Baseline, Progress, register
from pysketch.images import Pair, crop_centre, to_luma


@register
@dataclass(kw_only=True)
class ET(Baseline):
    """A photo as a weighted sum of training photos; its sketch is the same sum of their sketches.

    The rows of P (N, pixels) are the N training photos' luma less their mean m_p, those of S the sketches
    less theirs, m_s. With P P^T = V L V^T, of which the k largest eigenvalues and their vectors are kept,
    the projection of a photo q on the eigenphotos is sum_n c_n P_n with

        c = V L^-1 V^T P (q - m_p),    sketch = m_s + S^T c.

    energy: k is the smallest for which the k largest eigenvalues are at least this share of the sum of all; 1:
    the N - 1 that are not zero. The paper says nothing of k; here 0.9 has the lowest RMSE, of 0.8, 0.85,
    0.9, 0.93, 0.95, 0.97, 0.99 and 1, when each quarter of the CUHK student set's training pairs is drawn from
    the others (143x188 crop: 34.5; 35.2 with 1).
    region: (width, height) of the photo's centre that q is; None: the whole photo. The same quarters have RMSE
    35.9 with whole photos, in which collar and hair weigh as much as the face.
    """

    name = "et"
    source = "Tang and Wang 2004"

    energy: float = 0.9
    region: tuple[int, int] | None = (155, 200)

    def learn(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """V L^-1 V^T P, S and the means, in float32: 4 N (region + image) bytes, and as much twice while learning."""
        if not 0 < self.energy <= 1:
            raise self.error(f"energy must be above 0 and at most 1, found {self.energy:g}")
        P = np.stack([self._vector(pair.photo) for pair in pairs])
        S = np.stack([pair.sketch for pair in pairs]).astype(np.float64)
        self._photo_mean, self._sketch_mean = P.mean(axis=0), S.mean(axis=0)
        P -= self._photo_mean
        L, V = kept_eigenvectors(P @ P.T, self.energy)
        self._to_coefficients = (V / L @ V.T @ P).astype(np.float32)
        self._sketches = (S - self._sketch_mean).astype(np.float32)

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """m_s + S^T c, not clipped."""
        c = self._to_coefficients @ (self._vector(photo) - self._photo_mean).astype(np.float32)
        return self._sketch_mean + np.tensordot(c, self._sketches, axes=1)

    def _vector(self, photo: np.ndarray) -> np.ndarray:
        region = photo if self.region is None else crop_centre(photo, *self.region)
        return to_luma(np.ascontiguousarray(region)).ravel().astype(np.float64)


def kept_eigenvectors(gram: np.ndarray, energy: float) -> tuple[np.ndarray, np.ndarray]:
    """(k,) eigenvalues, the largest first, and (N, k) eigenvectors of a Gram matrix that hold `energy` of its trace.

    Eigenvalues that are zero but for rounding are never kept: k may be 0.
    """
    L, V = np.linalg.eigh(gram)
    L, V = L[::-1], V[:, ::-1]
    rank = np.linalg.matrix_rank(gram, hermitian=True)
    L, V = L[:rank], V[:, :rank]
    below = np.cumsum(L) < energy * L.sum() * (1 - 1e-12)
    k = min(int(below.sum()) + 1, rank)
    return L[:k], V[:, :k]
