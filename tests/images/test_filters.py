import numpy as np

from pysketch.images.filters import ndimage


def test_it_is_scipys():
    assert ndimage().maximum_filter(np.arange(5), 3).tolist() == [1, 2, 3, 4, 4]
