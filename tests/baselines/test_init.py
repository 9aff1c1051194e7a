"""Every baseline is registered, and keeps what the interface promises."""

from __future__ import annotations

import numpy as np
import pytest

from pysketch.baselines import BASELINES
from pysketch.baselines.et import ET
from pysketch.images.pairs import Pair

SMALL = {
    "grey": {},
    "e_hmm": {"size": 5, "step": 3, "extent": 4, "stride": 3, "photo_features": 3, "sketch_features": 4},
    "et": {"region": None},
    "lle": {"size": 5, "step": 3, "neighbours": 3, "reach": 2, "reach_step": 2},
    "sns": {"size": 5, "step": 3, "neighbours": 7, "most": 3, "reach": 2, "reach_step": 2},
    "sns_sre": {
        "first": ET(region=None),
        "folds": 2,
        "size": 5,
        "atoms": 20,
        "nonzeros": 2,
        "samples": 90,
        "rounds": 2,
    },
    "svr": {"first": ET(region=None), "folds": 2, "size": 5, "block": 4, "samples": 40, "components": 3},
    "mrf": {"sizes": (4, 8), "reach": 2, "candidates": 3},
    "mrf_plus": {"sizes": (4, 8), "reach": 2, "candidates": 3, "pool": 4},
}
"""Options with which each method can learn from the pairs below."""
LIBRARIES = {"svr": "sklearn"}
"""What a method needs that is not installed with the tests."""


def made_pairs(seed, n=6, h=23, w=19):
    """Smooth random photos and sketches that depend on them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:h, :w]
    pairs = []
    for number in range(n):
        a, b, c = rng.uniform(0.1, 0.5, 3)
        wave = np.sin(a * y + c) * np.cos(b * x) + rng.normal(0, 0.05, (h, w))
        photo = 128 + 90 * np.stack([wave, 0.8 * wave, wave**2], axis=-1)
        pairs.append(Pair(str(number), np.uint8(np.clip(photo, 0, 255)), np.uint8(np.clip(200 - 50 * wave, 0, 255))))
    return pairs


@pytest.fixture(params=sorted(BASELINES))
def make(request):
    """Makes a baseline with small options; of the same name in every test of one parameter."""
    if request.param in LIBRARIES:
        pytest.importorskip(LIBRARIES[request.param], reason='needs pip install -e ".[baselines]"')
    return lambda **options: BASELINES[request.param](**SMALL[request.param], **options)


def test_every_baseline_says_its_name_and_source():
    assert all(name == cls.name and cls.source for name, cls in BASELINES.items())


def test_a_sketch_has_the_photos_size_and_grey_levels(make):
    baseline, (query, *pairs) = make(), made_pairs(1)
    baseline.fit(pairs)
    sketch = baseline.sketch(query.photo)
    assert sketch.shape == query.sketch.shape
    assert sketch.dtype == np.float32
    assert sketch.min() >= 0
    assert sketch.max() <= 255
    assert np.ptp(sketch) > 0


def test_the_same_options_pairs_and_photo_give_the_same_sketch_bit_for_bit(make):
    query, *pairs = made_pairs(2)
    first, again = make(seed=5), make(seed=5)
    first.fit(pairs)
    sketch = first.sketch(query.photo)
    again.fit(made_pairs(3))
    again.fit(pairs)
    again.sketch(pairs[0].photo)
    np.testing.assert_array_equal(again.sketch(query.photo), sketch)
    np.testing.assert_array_equal(first.sketch(query.photo), sketch)


def test_pairs_and_photo_stay_as_they_were(make):
    baseline, pairs, same = make(), made_pairs(4), made_pairs(4)
    baseline.fit(pairs)
    baseline.sketch(pairs[0].photo)
    for a, b in zip(pairs, same, strict=True):
        np.testing.assert_array_equal(a.photo, b.photo)
        np.testing.assert_array_equal(a.sketch, b.sketch)


def test_progress_goes_up_to_its_total(make):
    calls = []
    make().fit(made_pairs(5), lambda done, total: calls.append((done, total)))
    assert calls == sorted(set(calls))
    assert all(total == calls[-1][0] for _, total in calls)
