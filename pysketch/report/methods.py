"""What draws the test photos of an evaluation, a net or a baseline, and what each makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from pysketch.baselines import Baseline, Progress, silent
from pysketch.drawing import Sketcher
from pysketch.images import Pair
from pysketch.report.evaluation import SKETCH_CROP, WHOLE, Draw, Evaluation, evaluate, fit_seconds, net_draw, whole_draw
from pysketch.report.varied import Trial
from pysketch.search import PIXELS

Bar = Callable[[str, str], AbstractContextManager[Progress]]
"""Given a title and what is counted, shows how far something is while the block runs."""


def no_bar(title: str, unit: str) -> AbstractContextManager[Progress]:
    """A `Bar` that shows nothing."""
    return nullcontext(silent)


class Method(NamedTuple):
    """What draws: its name, how, how long it learned, in seconds, and by which of MATCHES people are recognised.

    crop: (width, height) of the centre of a sketch that is scored.
    """

    name: str
    draw: Draw
    learn_seconds: float = 0.0
    match: str = PIXELS
    crop: tuple[int, int] = SKETCH_CROP

    def evaluate(self, pairs: Sequence[Pair], trial: Trial | None = None, bar: Bar = no_bar) -> Evaluation:
        """Score what it draws of the pairs, which may be a trial's."""
        with bar(f"{self.name}, {trial.label}" if trial else self.name, "photo") as progress:
            return evaluate(self.name, self.draw, pairs, self.crop, progress, self.learn_seconds, self.match)


def net_method(name: str, sketcher: Sketcher, match: str = PIXELS, crop: tuple[int, int] = SKETCH_CROP) -> Method:
    """A net, which has learned before; with the crop WHOLE it draws all of a photo, as galleries have it."""
    return Method(name, whole_draw(sketcher) if crop == WHOLE else net_draw(sketcher), match=match, crop=crop)


def learned_method(
    baseline: Baseline,
    training: Sequence[Pair],
    pairs: Sequence[Pair],
    bar: Bar = no_bar,
    match: str = PIXELS,
    crop: tuple[int, int] = SKETCH_CROP,
) -> Method:
    """A baseline, which learns here; DataError if a test photo is among those it is to learn from."""
    with bar(f"{baseline.name} learns", "step") as progress:
        seconds = fit_seconds(baseline, training, pairs, progress)
    return Method(baseline.name, baseline.sketch, seconds, match, crop)
