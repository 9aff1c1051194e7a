"""Scoot: equal pictures, a case worked out by hand, and what it sees and does not see."""

import sys

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.measures.scoot import scoot

pytest.importorskip("skimage", reason='Scoot needs pip install -e ".[measures]"')
RNG = np.random.default_rng(6)


def test_equal_pictures_have_1_and_others_less():
    image = RNG.integers(0, 256, (17, 22)).astype(np.uint8)
    assert scoot(image, image) == 1
    assert scoot(image, 255 - image) < 1


def test_paper_beside_stripes_is_what_one_counts_by_hand():
    """Rows of 0 and 255 by turns: levels 0 and 5. In a 4x4 block: 12 pairs to the right are alike, 9 + 12 + 9 are not.

    The mean over the directions: 1.5 of (0, 0) and of (5, 5), rounded 2 (half up), and of the others, 3 rows down to
    up, one way 2 rows of 3, 4 and 3 pairs, the other way one: 20 / 4 and 10 / 4, rounded 5 and 3. Of 12 in all.
    """
    stripes = np.zeros((16, 16), np.uint8)
    stripes[1::2] = 255
    paper = np.full((16, 16), 255, np.uint8)
    contrast, energy = 25 * 8 / 12, (2**2 + 2**2 + 5**2 + 3**2) / 12**2
    assert scoot(stripes, paper) == pytest.approx(1 / (1 + 4 * np.hypot(contrast, energy - 1)))


def test_where_in_a_block_a_texture_lies_does_not_matter():
    one, other = np.full((2, 40, 40), 255, np.uint8)
    one[3, 2:7] = 0
    other[6, 3:8] = 0
    assert scoot(one, other) == 1


def test_without_scikit_image_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(DataError, match=r"described by scikit-image: pip install .*measures"):
        scoot(np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8))
