"""The stand-in for pycaffe: what a user's layer file finds in ``import caffe``."""

from __future__ import annotations

import numpy as np

import pysketch.layers.pycaffe as caffe
from pysketch.netdef.definitions import Phase


def test_phases_are_pycaffes_numbers() -> None:
    assert (caffe.TRAIN, caffe.TEST) == (0, 1) == (Phase.TRAIN, Phase.TEST)


def test_add_blob_appends_a_param_of_zeros() -> None:
    blobs = caffe.BlobVec()
    blobs.add_blob(2, 3)
    blobs.add_blob(5)
    assert [blob.shape for blob in blobs] == [(2, 3), (5,)]
    assert len(blobs) == 2
    np.testing.assert_array_equal(blobs[0].data, np.zeros((2, 3)))
    blobs[0].data[...] = 4
    assert (blobs[0].data == 4).all()


def test_a_layer_starts_without_params_and_with_an_empty_param_str() -> None:
    layer, other = caffe.Layer(), caffe.Layer("whatever pycaffe passes on")
    assert (len(layer.blobs), layer.param_str) == (0, "")
    layer.blobs.add_blob(1)
    assert len(other.blobs) == 0
