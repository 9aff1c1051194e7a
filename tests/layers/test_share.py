"""Which items stand before those that a layer is given."""

from ranks import run_ranks

from pysketch.layers.share import Share


def test_alone_none_do():
    assert Share().before(5) == 0


def test_of_several_processes_those_of_the_ranks_before_do():
    assert run_ranks(3, lambda together: Share(together).before(4)) == [0, 4, 8]


def test_in_parts_those_that_are_said():
    assert run_ranks(2, lambda together: Share(together, 3, 4, skipped=1).before(2)) == [1, 1]
