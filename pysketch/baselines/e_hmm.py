"""E-HMM, pairs of embedded hidden Markov models of local patches (Xiao, Gao, Tao, Li: A New Approach for Face
Recognition by Sketches in Photos, Signal Processing 89(8), 2009)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pysketch.baselines.baseline import Baseline, Progress, register
from pysketch.baselines.embedded_hmm import EmbeddedHMM, equal_parts
from pysketch.baselines.paired_gaussians import PairedGaussians
from pysketch.baselines.patches import Grid
from pysketch.images import Pair, to_luma


@register
@dataclass(kw_only=True)
class EHMM(Baseline):
    """A photo's and a sketch's embedded HMM for each local patch: a photo decoded in one is regenerated in the other.

    An observation is a square of size x size pixels; they lie `step` pixels apart. A local patch is a window of
    extent x extent observations, the next one `stride` observations away. Its two models have the same chains:
    `super_states` down, each with `states` across (see EmbeddedHMM), and a state emits u, the first
    `photo_features` principal components of the photo's observation, and v, `sketch_features` of the sketch's
    (see PairedGaussians). They are learned together from all pairs, starting from equal parts, in `rounds` rounds
    of Baum and Welch's algorithm on P(u, v | state). To draw, the photo's model alone gives, by forward-backward,

        w_k = P(state k at the observation | all u of the local patch),    v = sum_k w_k E[v | state k, u],

    and the squares that v stands for are averaged over local patches and where they overlap.

    Unlike the paper, as far as we recall it, one pair of models serves all training pairs rather than each its own,
    states are decoded by their probabilities rather than by the one best path, and E[v | state] may follow u:
    `ridge` keeps its coefficients small. We know of no published constants; these are the first ones tried, and
    have RMSE 25.12 (143x188 crop) when a quarter of the CUHK student set's training pairs is drawn from the
    others (LLE: 26.12). On the 100 test pairs: RMSE 33.41, rank 1 = 96, rank 10 = 100.

    Learning from 88 pairs takes minutes on two cores and 430 MiB; drawing a photo a fraction of a second.
    """

    name = "e_hmm"
    source = "Xiao et al. 2009"

    size: int = 12
    step: int = 4
    extent: int = 9
    stride: int = 5
    super_states: int = 3
    states: int = 3
    photo_features: int = 20
    sketch_features: int = 20
    rounds: int = 4
    ridge: float = 0.02

    def learn(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """A pair of models for each local patch."""
        height, width = pairs[0].sketch.shape
        if self.size > min(height, width):
            raise self.error(f"size {self.size} does not fit {width}x{height} images (width x height)")
        self._grid = Grid(height, width, self.size, self.step)
        photos, sketches = ([to_luma(pair.photo) for pair in pairs], [pair.sketch for pair in pairs])
        photos, sketches = (self._observations(np.stack(images)) for images in (photos, sketches))
        windows = list(self._windows())
        self._models = []
        for done, window in enumerate(windows, 1):
            part = (slice(None), *window)
            self._models.append(self._model(photos[part], sketches[part]))
            progress(done, len(windows))

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H, W) float64, not clipped."""
        photo = self._observations(to_luma(photo))
        total, count = np.zeros(photo.shape), np.zeros((*photo.shape[:2], 1))
        for window, model in zip(self._windows(), self._models, strict=True):
            total[window] += model.regenerate(photo[window])
            count[window] += 1
        return self._grid.average((total / count).reshape(*photo.shape[:2], self.size, self.size))

    def _observations(self, images: np.ndarray) -> np.ndarray:
        """(..., H, W) -> (..., R, C, D) float32."""
        patches = self._grid.cut(np.asarray(images, np.float32))
        return patches.reshape(*patches.shape[:-2], -1)

    def _windows(self) -> Iterator[tuple[slice, slice]]:
        """Slices of the rows and the columns of observations that are the local patches."""
        local = Grid(*self._grid.shape, min(self.extent, *self._grid.shape), self.stride)
        return (np.s_[y : y + local.size, x : x + local.size] for y in local.tops for x in local.lefts)

    def _model(self, photos: np.ndarray, sketches: np.ndarray) -> PairedModel:
        """Learned from (N, R, C, D) observations of photos and of sketches, by Baum and Welch's algorithm."""
        photo_basis = Basis.of(photos.reshape(-1, photos.shape[-1]), self.photo_features)
        sketch_basis = Basis.of(sketches.reshape(-1, sketches.shape[-1]), self.sketch_features)
        u, v = photo_basis.features(photos), sketch_basis.features(sketches)
        n, rows, columns, _ = photos.shape
        u, v = u.reshape(n * rows * columns, -1), v.reshape(n * rows * columns, -1)
        counts = min(self.super_states, rows), min(self.states, columns)
        shape = (n, rows, columns, *counts)
        hmm = EmbeddedHMM.left_to_right(rows, columns, *counts)
        weights = np.broadcast_to(equal_parts(rows, columns, *counts), shape)
        for _ in range(self.rounds):
            emissions = PairedGaussians.fit(u, v, weights.reshape(len(u), -1), self.ridge)
            posterior = hmm.posterior(emissions.pair_log(u, v).reshape(shape))
            hmm, weights = hmm.reestimated(posterior), posterior.states
        emissions = PairedGaussians.fit(u, v, weights.reshape(len(u), -1), self.ridge)
        return PairedModel(hmm, emissions, photo_basis, sketch_basis)


@dataclass(frozen=True)
class Basis:
    """Principal components: features = (x - mean) to_features, standardised; x = mean + features from_features."""

    mean: np.ndarray
    to_features: np.ndarray
    from_features: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, count: int) -> Basis:
        """The first `count` components of the rows of x (M, D), those left out that do not vary."""
        mean = x.mean(axis=0, dtype=np.float64)
        x = x - mean
        variance, V = np.linalg.eigh(x.T @ x / len(x))
        kept = np.flatnonzero(variance > 1e-6 * max(variance[-1], 1e-6))[::-1][:count]
        scale = np.sqrt(variance[kept])
        return cls(mean, V[:, kept] / scale, (V[:, kept] * scale).T)

    def features(self, x: np.ndarray) -> np.ndarray:
        """(..., D) -> (..., count)."""
        return (x - self.mean) @ self.to_features


@dataclass(frozen=True)
class PairedModel:
    """The photo's and the sketch's model of one local patch: they share the chains, and differ in what is emitted."""

    hmm: EmbeddedHMM
    emissions: PairedGaussians
    photo_basis: Basis
    sketch_basis: Basis

    def regenerate(self, photo: np.ndarray) -> np.ndarray:
        """(R, C, D) observations of a photo, decoded -> (R, C, D) of the sketch."""
        rows, columns, _ = photo.shape
        u = self.photo_basis.features(photo).reshape(rows * columns, -1)
        log_emit = self.emissions.photo_log(u).reshape(1, rows, columns, *self.hmm.start.shape)
        weights = self.hmm.posterior(log_emit).states.reshape(rows * columns, -1)
        v = self.emissions.expected_sketch(u, weights)
        return (self.sketch_basis.mean + v @ self.sketch_basis.from_features).reshape(photo.shape)
