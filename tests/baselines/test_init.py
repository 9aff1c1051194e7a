"""Every baseline is registered, and keeps what the interface promises."""

from __future__ import annotations

import numpy as np
import pytest
from baseline_pairs import made_pairs
from helpers import collected

from pysketch.baselines.baseline import BASELINES

SMALL = collected("baselines", "CONTRACT")
"""Options with which each method can learn from the pairs of `made_pairs`, from its own test file."""
NEEDS = collected("baselines", "NEEDS")
"""What a method needs that is not installed with the tests, if its test file says so."""


@pytest.fixture(params=sorted(BASELINES))
def make(request):
    """Makes a baseline with small options; of the same name in every test of one parameter."""
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param], reason='needs pip install -e ".[baselines]"')
    return lambda **options: BASELINES[request.param](**SMALL[request.param], **options)


def test_every_baseline_has_a_contract_in_its_test_file():
    assert set(SMALL) == set(BASELINES)


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
