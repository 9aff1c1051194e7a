"""What the rival methods of the paper's Table 1 have in common, and their registry.

A baseline is a dataclass whose fields are its options, and writes two methods::

    @register
    @dataclass(kw_only=True)
    class Grey(Baseline):
        name = "grey"
        source = "the paper's baseline"

        def learn(self, pairs, progress):
            pass

        def draw(self, photo):
            return to_luma(photo)

Callers use `fit` and `sketch`, which check what they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pysketch.device import Workers
from pysketch.doors import Registry
from pysketch.errors import BaselineError, DataError, did_you_mean
from pysketch.images import Pair

Progress = Callable[[int, int], None]
"""Told (steps done, steps in all) while something takes long; the steps are whatever the method counts."""


_WORKERS = Workers(1)  # the methods make many small products, in which BLAS's threads mostly wait for each other


def silent(done: int, total: int) -> None:
    """The progress that nobody looks at."""


@dataclass(kw_only=True)
class Baseline:
    """A method that learns from pairs of a photo and a sketch and then draws any photo of the same size.

    name: what --baseline says; source: who published it, with the year. The fields are the method's options:
    an object that was made with other options is another method. seed decides whatever the method draws by
    chance, so that the same options, pairs and photo give the same sketch, bit for bit.
    """

    name: ClassVar[str]
    source: ClassVar[str]

    seed: int = 0

    def fit(self, pairs: Sequence[Pair], progress: Progress = silent) -> None:
        """Learn from aligned pairs; forgets what it learned before. DataError if they differ in size."""
        if not pairs:
            raise self.error("no pairs to learn from", DataError)
        shape = pairs[0].sketch.shape
        for pair in pairs:
            if pair.sketch.shape != shape or pair.photo.shape != (*shape, 3):
                raise self.error(
                    f"pair {pair.name}: expected a photo and a sketch of {shape[1]}x{shape[0]} (width x height) "
                    f"as in pair {pairs[0].name}, found {_size(pair.photo)} and {_size(pair.sketch)}",
                    DataError,
                )
        self._shape = shape
        with _WORKERS.single_threaded_blas():
            self.learn(pairs, progress)

    def sketch(self, photo: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H, W) float32 on 0 (black) .. 255 (white), of the size learned from."""
        shape = getattr(self, "_shape", None)
        if shape is None:
            raise self.error("nothing learned yet; fit it first")
        if photo.shape != (*shape, 3) or photo.dtype != np.uint8:
            raise self.error(
                f"expected a uint8 photo of shape {(*shape, 3)}, as those it learned from; "
                f"found {photo.dtype} {photo.shape}",
                DataError,
            )
        with _WORKERS.single_threaded_blas():
            return np.clip(self.draw(photo), 0, 255).astype(np.float32)

    def learn(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """What `fit` does with pairs of one size; at least one."""
        raise NotImplementedError(f"{type(self).__name__} has no learn")

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """What `sketch` does with a photo of the right size: (H, W) of any real dtype; clipped by the caller."""
        raise NotImplementedError(f"{type(self).__name__} has no draw")

    def error(self, message: str, kind: type[Exception] = BaselineError) -> Exception:
        """An exception that says which baseline it is about."""
        return kind(f'baseline "{self.name}": {message}')

    def generator(self, *numbers: int) -> np.random.Generator:
        """A generator that gives the same numbers for the same seed and `numbers`."""
        return np.random.default_rng([self.seed, *numbers])


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


BASELINES: Registry[type[Baseline]] = Registry("pysketch.baselines")
"""Every baseline by its name."""


def register(cls: type[Baseline]) -> type[Baseline]:
    """Class decorator: --baseline may now name it."""
    BASELINES[cls.name] = cls
    return cls


def baseline_class(name: str) -> type[Baseline]:
    """The baseline of that name; BaselineError lists the known ones."""
    if name not in BASELINES:
        known = ", ".join(BASELINES)
        raise BaselineError(f'unknown baseline "{name}"{did_you_mean(name, BASELINES)}; known baselines: {known}')
    return BASELINES[name]
