"""What only Caffe has is not what we have, and each hint names layers that are there."""

from __future__ import annotations

import re

import pytest

from pysketch import layers
from pysketch.layers.base import LAYERS
from pysketch.layers.unsupported import UNSUPPORTED_LAYERS
from pysketch.netdef.upgrade import V1_TYPES


def test_no_layer_is_ours_and_unsupported() -> None:
    assert layers
    assert set(LAYERS).isdisjoint(UNSUPPORTED_LAYERS)


@pytest.mark.parametrize("type", UNSUPPORTED_LAYERS)
def test_what_is_near_is_ours(type: str) -> None:
    """Or will be: the types that a hint names are Caffe's own, and none of them is unsupported."""
    named = set(re.findall(r"\b[A-Z][A-Za-z0-9]+", UNSUPPORTED_LAYERS[type])) & {*LAYERS, *V1_TYPES.values()}
    assert named.isdisjoint(UNSUPPORTED_LAYERS)
    assert named or "layer" in UNSUPPORTED_LAYERS[type] or "netdef" in UNSUPPORTED_LAYERS[type]
