"""Blocks cover everything once."""

import numpy as np
import pytest

from pysketch.convolution.blocks import Block, cut, cut_units, parts


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (2, 3), (5, 4), (7, 9), (100, 100)])
def test_blocks_cover_every_pixel_once_and_are_no_larger_than_asked(rows, cols):
    seen = np.zeros((3, 7, 9), int)
    for block in cut(3, 7, 9, rows, cols):
        seen[block.image, block.top : block.bottom, block.left : block.right] += 1
        assert 1 <= block.rows <= rows
        assert 1 <= block.cols <= cols
    assert (seen == 1).all()


@pytest.mark.parametrize("length", range(1, 30))
@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_parts_are_as_few_as_possible_and_about_equally_long(length, size):
    lengths = [stop - start for start, stop in parts(length, size)]
    assert sum(lengths) == length
    assert len(lengths) == -(-length // size)
    assert max(lengths) - min(lengths) <= 1


def test_a_block_knows_its_size():
    block = Block(2, 1, 4, 3, 8)
    assert (block.rows, block.cols) == (3, 5)


def test_units_are_whole_but_at_the_images_border():
    assert cut_units(2, (7, 5), (3, 2), 2, 3) == [(image, *rows, 0, 5) for image in (0, 1) for rows in ((0, 3), (3, 7))]
    assert cut_units(1, (4, 5), (4, 2), 1, 2) == [(0, 0, 4, 0, 2), (0, 0, 4, 2, 5)]
