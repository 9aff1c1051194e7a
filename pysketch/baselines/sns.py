"""SNS, sparse neighbour selection, the first half of SNS-SRE (Gao, Wang, Tao, Li: Face Sketch-Photo Synthesis and
Retrieval Using Sparse Representation, IEEE CSVT 22(8), 2012)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pysketch.baselines.baseline import register
from pysketch.baselines.lle import LLE, reconstruction_weights
from pysketch.baselines.patches import Matches, offsets, search
from pysketch.baselines.sparse_coding import pursue
from pysketch.images import to_luma


@register
@dataclass(kw_only=True)
class SNS(LLE):
    """LLE, but each patch has as many neighbours as a sparse code of it has atoms.

    For a patch q of the photo's luma with mean m, the `neighbours` nearest training patches p_k are only
    candidates. They are the atoms a_k = (p_k - m) / ||p_k - m|| in which q - m gets a code by orthogonal matching
    pursuit, one atom after the other until the residual's energy is at most `tolerance` of ||q - m||^2 or there are
    `most` of them. The atoms of the code are the neighbours; their weights and the sketch patch are LLE's.

    We know of no published constants. Of those tried on a quarter of the CUHK student set's training pairs, drawn
    from the others, these have the lowest RMSE: most 12 (of 6, 8, 12, 15, 25), tolerance 0.01 (of 0.01, 0.02, 0.05,
    0.2), ridge 1 (of 1e-3, 1e-2, 0.1, 0.3, 1, 3; not each with each). With LLE's ridge of 1e-3 more neighbours do
    harm: the weights fit the photo and not the sketch. The training images take 5 bytes a pixel, drawing 100 MiB.
    """

    name = "sns"
    source = "Gao et al. 2012"

    neighbours: int = 50
    most: int = 12
    tolerance: float = 0.01
    ridge: float = 1.0

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H, W) float64, not clipped."""
        grid, luma = self._grid, to_luma(photo).astype(np.float32)
        matches = search(luma, self._photos, grid, offsets(self.reach, self.reach_step), self.neighbours)
        queries = grid.cut(luma)
        patches = np.empty(queries.shape)
        for row in range(len(queries)):
            parts = (matches.images, matches.tops, matches.lefts, matches.distances)
            found = Matches(*(each[row] for each in parts))
            candidates = found.take(self._photos, self.size).reshape(*found.distances.shape, -1)
            w = self._weights(queries[row].reshape(len(candidates), 1, -1), candidates)
            patches[row] = np.einsum("ck,ckyx->cyx", w, found.take(self._sketches, self.size))
        return grid.average(patches)

    def _weights(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """(C, 1, D), (C, K, D) -> (C, K), 0 for those that are not neighbours."""
        queries, candidates = queries.astype(np.float64), candidates.astype(np.float64)
        return reconstruction_weights(candidates - queries, self.ridge, self.chosen(queries, candidates))

    def chosen(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """(C, K) bool: which candidates (C, K, D) the codes of the queries (C, 1, D) use; the nearest if none."""
        mean = queries.mean(axis=-1, keepdims=True)
        y, atoms = queries - mean, candidates - mean
        atoms /= np.maximum(np.linalg.norm(atoms, axis=-1, keepdims=True), 1e-12)
        gram, correlations = atoms @ atoms.swapaxes(-1, -2), (atoms @ y.swapaxes(-1, -2))[..., 0]
        chosen = pursue(gram, correlations, (y**2).sum(axis=(-1, -2)), self.most, self.tolerance) != 0
        chosen[:, 0] |= ~chosen.any(axis=1)
        return chosen
