"""A crowd that the right person is to be told from: drawn sketches of people who are nobody.

Photos of training pairs, each with another skin, hair, light and background (`vary`), and made faces are drawn as test
photos are. Of these few hundred sketches any number is mixed, within the real ones and within the made ones: the hair
of one, the eyes of another, nose and mouth of a third, pulled out of shape a little (`search.mixed`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysketch.baselines import Progress, silent
from pysketch.images import Pair, Variation, crop_centre, find_parts, further_pairs, vary
from pysketch.report.evaluation import SKETCH_CROP, Draw, draw_each
from pysketch.search import in_frame, mixed

DRAWN = 400
"""How many photos are drawn; all others are mixed."""

_VARIATION = Variation(skin=0.6, hair=0.6, side_light=0.12, background=0.4)


def draw_crowd(
    draw: Draw,
    training: Sequence[Pair],
    count: int,
    seed: int = 0,
    progress: Progress = silent,
    crop: tuple[int, int] = SKETCH_CROP,
) -> list[np.ndarray]:
    """`count` drawn sketches of nobody, grey uint8, cropped to (width, height); half of training people, half made.

    The same seed gives the same photos and the same mixtures.
    """
    rng = np.random.default_rng(seed)
    number = min(count, DRAWN)
    photos = [_varied(training, k, rng) for k in range(number // 2)]
    photos += [photo for _, photo, _ in further_pairs(number - len(photos))]
    drawn = []
    for done, (made, _) in enumerate(draw_each(draw, photos), 1):
        sketch = np.rint(np.clip(made, 0, 255)).astype(np.uint8)
        drawn.append(in_frame(sketch))
        progress(done, number)
    kinds = [kind for kind in (drawn[: number // 2], drawn[number // 2 :]) if kind]
    left = count - number
    for k, kind in enumerate(kinds):
        drawn += mixed(kind, left * (k + 1) // len(kinds) - left * k // len(kinds), rng)
    return [crop_centre(each, *crop) for each in drawn]


def _varied(training: Sequence[Pair], k: int, rng: np.random.Generator) -> np.ndarray:
    pair, other = training[k % len(training)], training[rng.integers(len(training))]
    return vary(pair, find_parts(pair.photo, pair.sketch), _VARIATION, rng, other.photo).photo
