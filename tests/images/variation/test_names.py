import pytest

from pysketch.images.variation.names import BACKGROUNDS
from pysketch.images.variation.probes import find_background


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_every_background_that_is_named_can_be_had(name):
    assert find_background(name).shape == (250, 200, 3)
