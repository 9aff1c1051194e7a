from pysketch.report.matches import MATCHES
from pysketch.search.ways import INNER, PIXELS, VIEWS, WAYS


def test_a_net_is_scored_by_the_ways_that_a_gallery_is_searched():
    assert {*WAYS} == {*MATCHES} == {VIEWS, INNER, PIXELS}
