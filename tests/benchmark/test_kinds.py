import pytest

from pysketch.benchmark.growth import header
from pysketch.benchmark.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_growth_has_a_table(kind):
    head, rule = header(kind, ())
    assert head.count("|") == rule.count("|") > 3
