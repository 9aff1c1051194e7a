"""Params are filled in turn: at once, or at the end, by the same numbers."""

import numpy as np
import pytest

from pysketch.device.blob import Blob
from pysketch.layers.filling import Filling
from pysketch.netdef.fillers import FILLER
from pysketch.netdef.prototxt import parse


def fillers():
    texts = ('type: "gaussian" std: 2', "value: 3", 'type: "xavier"')
    return [FILLER.read(parse(text, "f.prototxt"), "a filler") for text in texts]


def filled(seed, later, blobs):
    filling = Filling(seed, later)
    for blob, filler in zip(blobs, fillers(), strict=True):
        filling.add(blob, filler)
    if later:
        assert not any(blob.data.any() for blob in blobs)
        filling.finish()
    return [blob.data.copy() for blob in blobs]


def blobs():
    return [Blob((3, 5)), Blob((2,)), Blob((7, 2))]


def test_later_they_get_what_they_would_have_got_at_once():
    rng = np.random.RandomState(4)
    expected = [rng.normal(0, 2, (3, 5)).astype(np.float32), np.full(2, 3, np.float32)]
    for later in (False, True):
        found = filled(4, later, blobs())
        for one, other in zip(found, expected, strict=False):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(filled(4, True, blobs())[2], filled(4, False, blobs())[2])
    assert (filled(4, True, blobs())[2] != filled(5, True, blobs())[2]).all()


def test_what_is_finished_is_not_filled_again():
    filling, blob = Filling(4, later=True), Blob((3, 5))
    filling.add(blob, fillers()[0])
    filling.finish()
    blob.data[...] = 7
    filling.finish()
    assert (blob.data == 7).all()


@pytest.mark.parametrize("later", [False, True])
def test_of_params_that_share_their_memory_the_first_counts(later):
    filling, first, second = Filling(4, later), Blob((3, 5)), Blob((3, 5))
    for blob in (first, second):
        filling.add(blob, fillers()[0])
    second.share_data(first)
    filling.finish()
    np.testing.assert_array_equal(second.data, filled(4, False, blobs())[0])
