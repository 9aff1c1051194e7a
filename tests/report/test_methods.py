"""Methods: a net or a baseline by its name, and what it draws of the pairs or of a trial."""

from contextlib import contextmanager

import numpy as np

from pysketch.baselines.grey import Grey
from pysketch.images.pairs import Pair
from pysketch.images.pictures import to_luma
from pysketch.report.evaluation import SKETCH_CROP, WHOLE
from pysketch.report.methods import Method, learned_method, net_method, no_bar
from pysketch.report.varied import Trial

RNG = np.random.default_rng(4)


def pair(name):
    return Pair(name, *(RNG.integers(0, 256, shape).astype(np.uint8) for shape in ((250, 200, 3), (250, 200))))


class Bars:
    """Remembers the titles and how far each came."""

    def __init__(self):
        self.seen = {}

    @contextmanager
    def __call__(self, title, unit):
        yield lambda done, total: self.seen.update({(title, unit): (done, total)})


def test_a_baseline_learns_and_then_draws_what_it_is_asked_for():
    bars, training, tested = Bars(), [pair("a"), pair("b"), pair("c")], [pair("x"), pair("y")]
    method = learned_method(Grey(), training, tested, bars)
    assert method.name == "grey"
    assert method.learn_seconds > 0
    scored = method.evaluate(tested, bar=bars)
    assert (scored.method, scored.names, scored.learn_seconds) == ("grey", ["x", "y"], method.learn_seconds)
    np.testing.assert_array_equal(scored.drawn[0], to_luma(tested[0].photo)[31:219, 28:171])
    method.evaluate(tested, Trial("dark", tested), bars)
    assert bars.seen[("grey", "photo")] == bars.seen[("grey, dark", "photo")] == (2, 2)


def test_a_net_draws_the_centre_that_the_papers_nets_draw():
    class Net:
        lost_border = (12, 12)

        def draw(self, photo):
            assert photo.shape == (200, 155, 3)
            return photo[6:-6, 6:-6, 1]

    method = net_method("medium", Net())
    scored = method.evaluate([pair("x")])
    assert (method.name, method.learn_seconds, scored.crop) == ("medium", 0, SKETCH_CROP)


def test_with_whole_sketches_all_of_a_photo_is_drawn_and_scored():
    class Net:
        lost_border = (12, 12)

        def draw(self, photo, size_as_input):
            return photo[..., 1] if size_as_input else photo[6:-6, 6:-6, 1]

    x = pair("x")
    scored = net_method("medium", Net(), crop=WHOLE).evaluate([x])
    assert scored.crop == WHOLE
    np.testing.assert_array_equal(scored.drawn[0], x.photo[..., 1])
    learned = learned_method(Grey(), [pair("a")], [x], crop=WHOLE).evaluate([x])
    np.testing.assert_array_equal(learned.drawn[0], to_luma(x.photo))


def test_without_a_bar_nothing_is_shown(capsys):
    with no_bar("title", "photo") as progress:
        progress(1, 2)
    Method("m", lambda photo: photo[..., 0]).evaluate([pair("x")])
    assert capsys.readouterr() == ("", "")
