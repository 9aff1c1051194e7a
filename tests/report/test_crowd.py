"""A crowd of people who are nobody: who is drawn, who is mixed, and that none of them is looked for."""

import numpy as np
import pytest

from pysketch.images import further_pairs, synthetic
from pysketch.images.pairs import Pair
from pysketch.report import crowd as module
from pysketch.report.crowd import draw_crowd


@pytest.fixture(scope="module")
def training():
    return [Pair(*values) for values in synthetic.training_pairs(2)]


def draw(photo):
    """A net, as it were: the photo's green centre."""
    return photo[6:244, 6:194, 1]


def test_half_are_training_people_with_something_changed_and_half_are_made(training):
    told = []
    found = draw_crowd(draw, training, 4, progress=lambda done, total: told.append((done, total)))
    assert [(each.dtype, each.shape) for each in found] == [(np.uint8, (188, 143))] * 4
    assert told == [(k, 4) for k in range(1, 5)]
    made = [photo[31:219, 28:171, 1] for _, photo, _ in further_pairs(2)]
    np.testing.assert_array_equal(found[2:], made)
    for person, one in zip(training, found, strict=False):
        shown = person.photo[31:219, 28:171, 1]
        assert 0.3 < np.corrcoef(one.ravel(), shown.ravel())[0, 1] < 0.9999


def test_the_rest_is_mixed_within_either_kind_and_the_seed_decides(training, monkeypatch):
    monkeypatch.setattr(module, "DRAWN", 4)
    drawn = []

    def counted(photo):
        drawn.append(photo)
        return np.full((250, 200), 60 if len(drawn) % 4 in (1, 2) else 200, np.uint8)  # the first two of four are real

    found = draw_crowd(counted, training, 9)
    assert len(drawn) == 4
    assert [int(each.mean()) for each in found] == [60, 60, 200, 200, 60, 60, 200, 200, 200]
    one, again, other = (draw_crowd(draw, training, 6, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (np.stack(one) != np.stack(other)).any()


def test_a_crowd_of_one_is_made(training):
    (alone,) = draw_crowd(draw, training, 1)
    np.testing.assert_array_equal(alone, next(further_pairs(1))[1][31:219, 28:171, 1])
