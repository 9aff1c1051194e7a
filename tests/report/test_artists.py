"""What an evaluation draws is the same whether methods draw here or photos are handed to others."""

import numpy as np
import pytest
from solver_helpers import SKETCH_NET, write_sketch_net_file

from pysketch.drawing import Sketcher
from pysketch.errors import DataError
from pysketch.images.pairs import SYNTHETIC, Pair
from pysketch.parallel import Lost
from pysketch.report import artists
from pysketch.report.artists import drawing, methods_handed_out, methods_here
from pysketch.report.evaluation import draw_each
from pysketch.report.request import Request


@pytest.fixture
def pairs(monkeypatch):
    """Two pairs of noise to learn from, two others to draw."""
    rng = np.random.default_rng(5)
    shapes = (250, 200, 3), (250, 200)
    made = [Pair(str(k), *(rng.integers(0, 256, shape).astype(np.uint8) for shape in shapes)) for k in range(4)]
    monkeypatch.setattr(artists, "load_pairs", lambda source, split, direction: made[:2])
    return made[:2], made[2:]


@pytest.fixture
def request_(tmp_path):
    return Request(SYNTHETIC, net=str(write_sketch_net_file(tmp_path, SKETCH_NET)), baseline=["grey"], match=["views"])


def handed_to(work, asked):
    """Hands of one who does one job at a time."""

    def hand_out(jobs, name):
        for job in jobs:
            asked.append(name(job))
            yield from work([job])

    return hand_out


def test_handed_out_methods_draw_what_those_here_draw(pairs, request_):
    training, others = pairs
    asked = []
    here = methods_here(request_, Sketcher, training, others)
    away = methods_handed_out(request_, handed_to(drawing(request_, Sketcher), asked), training, others)
    assert [each.name for each in away] == [each.name for each in here] == ["net", "grey"]
    assert [(each.match, each.crop) for each in away] == [(each.match, each.crop) for each in here]
    photos = [pair.photo for pair in others]
    for one, other in zip(here, away, strict=True):
        drawn = [[sketch for sketch, _ in draw_each(each.draw, photos)] for each in (one, other)]
        assert np.array_equal(*drawn)
    assert asked == ["a photo for grey", *["a photo for net"] * 2, *["a photo for grey"] * 2]


def test_a_photo_that_nobody_lives_to_draw_is_an_error(pairs, request_):
    def hand_out(jobs, name):
        return (Lost("two working processes were killed at it") for _ in jobs)

    with pytest.raises(Lost, match="killed"):
        methods_handed_out(request_, hand_out, *pairs)


def test_nobody_learns_from_a_photo_that_is_drawn(pairs, request_):
    training, _ = pairs
    with pytest.raises(DataError, match='baseline "grey" needs training pairs of other people'):
        methods_handed_out(request_, handed_to(None, []), training, training)
