import pytest

from pysketch.benchmark.card.pieces import Partial, reason
from pysketch.errors import DataError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("x.png: not an\nimage"), "x.png: not an image"),
        (Partial({}, "half of it"), "half of it"),
        (MemoryError("Unable to allocate 9 TiB"), "not enough memory: Unable to allocate 9 TiB"),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_why_something_failed_is_one_line(error, said):
    assert reason(error) == said


def test_what_was_found_stays():
    assert Partial({"x": 1}, "half").found == {"x": 1}
