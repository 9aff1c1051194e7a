"""What methods share that correct the detail of another method's sketch, learned from sketches it drew honestly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pysketch.baselines.baseline import Baseline, Progress
from pysketch.baselines.lle import LLE
from pysketch.baselines.patches import Grid
from pysketch.errors import DataError
from pysketch.images import Pair, to_luma


@dataclass(kw_only=True)
class Refinement(Baseline):
    """Another method's sketch, whose patches keep their means and have their detail corrected.

    The detail of a patch of D = size^2 pixels is the patch less its mean: p that of the photo's luma, f that of the
    first method's sketch, s that of the artist's. A subclass learns s - f from p and f, and predicts it:

        patch = first method's patch + prediction(p, f);    where patches overlap they are averaged.

    first: the other method, of which a copy is fitted; folds: see left_out_sketches; size, step: of the square
    patches, in pixels.
    """

    first: Baseline = field(default_factory=LLE)
    folds: int = 4
    size: int = 7
    step: int = 3

    def learn(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """The first method's sketches of the training photos, then what a subclass learns from their detail."""
        height, width = pairs[0].sketch.shape
        if self.size > min(height, width):
            raise self.error(f"size {self.size} does not fit {width}x{height} images (width x height)")
        self.grid = Grid(height, width, self.size, self.step)
        drawing, correcting = len(pairs), self.correction_steps()
        total = drawing + correcting
        self._first = replace(self.first)
        drawn = left_out_sketches(self._first, pairs, self.folds, lambda done, _: progress(done, total))
        photos, sketches = ([to_luma(pair.photo) for pair in pairs], [pair.sketch for pair in pairs])
        p, f, s = (self.details(np.stack(images)) for images in (photos, drawn, sketches))
        s -= f
        self.learn_correction(p, f, s, lambda done, _: progress(drawing + done, total))

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H, W) float64, not clipped."""
        first = self._first.sketch(photo)
        patches = self.grid.cut(first)
        correction = self.correct(self.details(to_luma(photo)), self.details(first))
        return self.grid.average(patches + correction.reshape(patches.shape))

    def details(self, images: np.ndarray) -> np.ndarray:
        """(..., H, W) -> (..., R, C, D) float32, of the patches of `grid`."""
        patches = self.grid.cut(np.asarray(images, np.float32))
        patches = patches.reshape(*patches.shape[:-2], -1)
        return patches - patches.mean(axis=-1, keepdims=True)

    def correction_steps(self) -> int:
        """How many steps learn_correction tells its progress."""
        return 1

    def learn_correction(self, p: np.ndarray, f: np.ndarray, difference: np.ndarray, progress: Progress) -> None:
        """Learn to predict difference = s - f; all (N, R, C, D) float32 of N training pairs."""
        raise NotImplementedError(f"{type(self).__name__} has no learn_correction")

    def correct(self, p: np.ndarray, f: np.ndarray) -> np.ndarray:
        """(R, C, D), (R, C, D) -> the predicted s - f, (R, C, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no correct")


def left_out_sketches(first: Baseline, pairs: Sequence[Pair], folds: int, progress: Progress) -> np.ndarray:
    """(N, H, W) float32: each training photo as `first` draws it having learned from the pairs of the other folds.

    Drawn by a method that knew its pair, a photo would come out better than any new photo does, and what is
    learned from it would have nothing to correct. Pair i is in fold i mod `folds`; with fewer pairs than folds
    each pair is a fold of its own. Leaves `first` fitted to all pairs. progress counts the sketches.
    DataError for a single pair.
    """
    folds = min(folds, len(pairs))
    if folds < 2:
        raise first.error(
            f"expected at least 2 pairs and 2 folds, to draw each pair from others; found {len(pairs)} and {folds}",
            DataError,
        )
    sketches = np.empty((len(pairs), *pairs[0].sketch.shape), np.float32)
    done = 0
    for fold in range(folds):
        first.fit([pair for number, pair in enumerate(pairs) if number % folds != fold])
        for number in range(fold, len(pairs), folds):
            sketches[number] = first.sketch(pairs[number].photo)
            done += 1
            progress(done, len(pairs))
    first.fit(pairs)
    return sketches
