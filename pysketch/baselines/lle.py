"""LLE, locally linear embedding of patches (Liu, Tang, Jin, Lu, Ma: A Nonlinear Approach for Face Sketch Synthesis
and Recognition, CVPR 2005)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pysketch.baselines.baseline import Baseline, Progress, register
from pysketch.baselines.patches import Grid, offsets, search
from pysketch.images import Pair, to_luma


@register
@dataclass(kw_only=True)
class LLE(Baseline):
    """Each photo patch as a weighted sum of its nearest training patches; its sketch is the same sum of theirs.

    For a patch q of the photo's luma, K training patches p_k are found, at q's place or displaced by an offset,
    of the smallest ||q - p_k||^2. The weights minimise ||q - sum_k w_k p_k||^2 under sum_k w_k = 1:

        G_jk = (q - p_j).(q - p_k),    (G + ridge tr(G)/K I) w' = 1,    w = w' / sum w'.

    The sketch patch is sum_k w_k s_k; where patches overlap they are averaged.

    size, step: of the square patches, in pixels; neighbours: K; reach, reach_step: the offsets' largest value in
    either direction and their spacing, reach 0: the patch's own place only; ridge: see above. Drawing one photo
    needs some 100 MiB; the training images take 5 bytes a pixel.
    """

    name = "lle"
    source = "Liu et al. 2005"

    size: int = 13
    step: int = 4
    neighbours: int = 5
    reach: int = 4
    reach_step: int = 4
    ridge: float = 1e-3

    def learn(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """Keeps the training images."""
        height, width = pairs[0].sketch.shape
        if self.size > min(height, width):
            raise self.error(f"size {self.size} does not fit {width}x{height} images (width x height)")
        self._photos = np.stack([to_luma(pair.photo) for pair in pairs]).astype(np.float32)
        self._sketches = np.stack([pair.sketch for pair in pairs])
        self._grid = Grid(height, width, self.size, self.step)

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H, W) float64, not clipped."""
        grid, luma = self._grid, to_luma(photo).astype(np.float32)
        matches = search(luma, self._photos, grid, offsets(self.reach, self.reach_step), self.neighbours)
        difference = matches.take(self._photos, self.size) - grid.cut(luma)[:, :, None]
        w = reconstruction_weights(difference.reshape(*matches.distances.shape, -1), self.ridge)
        return grid.average(np.einsum("rck,rckyx->rcyx", w, matches.take(self._sketches, self.size)))


def reconstruction_weights(difference: np.ndarray, ridge: float, chosen: np.ndarray | None = None) -> np.ndarray:
    """(..., K) float64: the weights w of K neighbours whose differences from the query are (..., K, D); sum w = 1.

    Solves (G + ridge tr(G)/K I) w' = 1 with G = difference difference^T; equal weights where all differences are 0.
    chosen: (..., K) bool, which of them are neighbours, at least one; the others get 0 and do not count in K.
    """
    difference = difference.astype(np.float64)
    if chosen is None:
        chosen = np.ones(difference.shape[:-1], bool)
    difference = difference * chosen[..., None]
    G = difference @ difference.swapaxes(-1, -2)
    trace = np.trace(G, axis1=-2, axis2=-1)[..., None]
    diagonal = np.where(chosen & (trace > 0), ridge * trace / chosen.sum(axis=-1, keepdims=True), 1.0)
    w = np.linalg.solve(G + diagonal[..., None] * np.eye(G.shape[-1]), chosen[..., None].astype(np.float64))[..., 0]
    return w / w.sum(axis=-1, keepdims=True)
