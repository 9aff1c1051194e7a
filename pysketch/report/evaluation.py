"""Scoring whatever draws sketches on test pairs: data for tables, curves and reports.

Protocol: the 8-bit sketch of a photo and the artist's sketch are cropped to their centre, by default to the
143x188 pixels that the paper's nets make of a 155x200 photo; every score is of this crop, and says so in `crop`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pysketch.baselines import Baseline, Progress, silent
from pysketch.drawing import Sketcher
from pysketch.errors import DataError
from pysketch.images import (
    Pair,
    crop_centre,
    cumulative_match_score,
    own_ranks,
    psnr,
    rescaled_rmse,
    rmse,
    ssim,
)
from pysketch.report.matches import MATCHES
from pysketch.search import PIXELS

PHOTO_CROP = (155, 200)
"""Width and height of the centre of a photo that a net draws."""
SKETCH_CROP = (143, 188)
"""Width and height of the centre of a sketch that is scored."""
WHOLE = (200, 250)
"""Width and height of a whole sketch, as galleries keep it."""

Draw = Callable[[np.ndarray], np.ndarray]
"""Photo (H, W, 3) uint8 RGB -> sketch (H', W') with the same centre, any real dtype, grey levels 0..255."""


@dataclass(frozen=True)
class Evaluation:
    """What one method scored on N pairs, each list in the pairs' order.

    method: its name; crop: (width, height) that was scored; names: of the pairs; drawn, sketches: the crops, uint8;
    seconds: the wall time of drawing each photo; learn_seconds: of learning, 0 if the method came learned. match: by
    which of MATCHES people are recognised.
    """

    method: str
    crop: tuple[int, int]
    names: list[str]
    drawn: list[np.ndarray]
    sketches: list[np.ndarray]
    seconds: list[float]
    learn_seconds: float = 0.0
    match: str = PIXELS

    @cached_property
    def rescaled_rmses(self) -> np.ndarray:
        """(N, 3): RMSE at the scales 0.5, 1 and 2; the means of the columns are the paper's MPRL."""
        return np.array([rescaled_rmse(*images) for images in self._images()])

    @property
    def rmses(self) -> np.ndarray:
        """(N,): RMSE in grey levels 0..255, at scale 1."""
        return self.rescaled_rmses[:, 1]

    @cached_property
    def biases(self) -> np.ndarray:
        """(N,): mean difference, drawn less the artist's, in grey levels: above 0 what was drawn is lighter."""
        return np.array(
            [float(np.mean(drawn, dtype=float) - np.mean(sketch, dtype=float)) for drawn, sketch in self._images()]
        )

    @cached_property
    def unbiased_rmses(self) -> np.ndarray:
        """(N,): RMSE at scale 1 after the mean of `biases`, one number for all pairs, is taken off what was drawn.

        A diagnosis, not a score: it says how much of the error is one tone, as artists, papers and scanners differ
        in, and it has seen the artists' sketches.
        """
        bias = self.biases.mean()
        return np.array([rmse(drawn - bias, sketch) for drawn, sketch in self._images()])

    @cached_property
    def psnrs(self) -> np.ndarray:
        """(N,): PSNR in decibels."""
        return np.array([psnr(*images) for images in self._images()])

    @cached_property
    def ssims(self) -> np.ndarray:
        """(N,): SSIM."""
        return np.array([ssim(*images) for images in self._images()])

    @cached_property
    def distances(self) -> np.ndarray:
        """(N, N): of each artist's sketch, the query, and each drawn one; by pixels their squared difference."""
        return MATCHES[self.match](self.drawn, self.sketches)

    @property
    def ranks(self) -> np.ndarray:
        """(N,): at which rank each query finds its own person."""
        return own_ranks(self.distances)

    def matched(self, n: int) -> float:
        """The cumulative match score at rank n, in percent."""
        return cumulative_match_score(self.ranks, n)

    def first(self) -> list[str]:
        """The pair whose drawn sketch is nearest to each query; another one before the own if they are as near."""
        others = self.distances.copy()
        np.fill_diagonal(others, np.inf)
        own = np.flatnonzero(self.ranks == 1)
        nearest = others.argmin(axis=1)
        nearest[own] = own
        return [self.names[index] for index in nearest]

    def _images(self) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        return zip(self.drawn, self.sketches, strict=True)


def evaluate(
    method: str,
    draw: Draw,
    pairs: Sequence[Pair],
    crop: tuple[int, int] = SKETCH_CROP,
    progress: Progress = silent,
    learn_seconds: float = 0.0,
    match: str = PIXELS,
) -> Evaluation:
    """Draw every pair's photo and keep what the scores need; DataError if the crop does not fit a sketch."""
    drawn, sketches, seconds = [], [], []
    for done, pair in enumerate(pairs, 1):
        start = time.perf_counter()
        sketch = draw(pair.photo)
        seconds.append(time.perf_counter() - start)
        drawn.append(np.rint(np.clip(crop_centre(sketch, *crop), 0, 255)).astype(np.uint8))
        sketches.append(crop_centre(pair.sketch, *crop))
        progress(done, len(pairs))
    return Evaluation(method, crop, [pair.name for pair in pairs], drawn, sketches, seconds, learn_seconds, match)


def net_draw(sketcher: Sketcher) -> Draw:
    """How a net takes part: it draws the centre 155x200 of a photo, or all of it if sketches are as large as photos."""
    if sketcher.lost_border == (0, 0):
        return sketcher.draw
    return lambda photo: sketcher.draw(crop_centre(photo, *PHOTO_CROP))


def whole_draw(sketcher: Sketcher) -> Draw:
    """How a gallery has a photo drawn: all of it, continued by reflection where the net loses a border."""
    return lambda photo: sketcher.draw(photo, size_as_input=True)


def fit_seconds(baseline: Baseline, training: Sequence[Pair], pairs: Sequence[Pair], progress: Progress) -> float:
    """Let a baseline learn, and say how long it took; DataError if a test photo is among the training photos."""
    check_strangers(training, pairs, f'baseline "{baseline.name}"')
    start = time.perf_counter()
    baseline.fit(training, progress)
    return time.perf_counter() - start


def check_strangers(training: Sequence[Pair], pairs: Sequence[Pair], whose: str) -> None:
    """DataError if a test photo is among the training photos; whose: what learns or is made of these, in words."""
    known = {pair.photo.tobytes() for pair in training}
    for pair in pairs:
        if pair.photo.tobytes() in known:
            raise DataError(
                f"test pair {pair.name}: its photo is a training photo too; {whose} needs training pairs of other "
                "people, in train/ of the data folder"
            )


CSV_HEADER = (
    "method",
    "crop",
    "pair",
    "rank",
    "first",
    "rmse_0.5",
    "rmse",
    "rmse_2",
    "bias",
    "psnr",
    "ssim",
    "seconds",
)


def csv_rows(evaluation: Evaluation) -> list[tuple[str | float, ...]]:
    """One row for each pair, in the columns of CSV_HEADER."""
    crop = "{}x{}".format(*evaluation.crop)
    columns = zip(
        evaluation.names,
        evaluation.ranks.tolist(),
        evaluation.first(),
        *evaluation.rescaled_rmses.T.tolist(),
        evaluation.biases.tolist(),
        evaluation.psnrs.tolist(),
        evaluation.ssims.tolist(),
        evaluation.seconds,
        strict=True,
    )
    return [(evaluation.method, crop, *values) for values in columns]
