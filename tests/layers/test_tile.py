"""Tile: element by element, along every axis."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import NetdefError

CONTRACT = {
    "Tile": Case(layer_text("Tile", ["x"], ["y"], "tile_param { tiles: 3 }"), ((2, 2, 3, 4),), ((2, 6, 3, 4),)),
    "Tile, the last axis": Case(
        layer_text("Tile", ["x"], ["y"], "tile_param { axis: -1 tiles: 2 }"), ((2, 3, 2),), ((2, 3, 4),)
    ),
}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_element_stands_in_every_tile_and_gets_the_sum_of_their_diffs(axis: int, device: Device) -> None:
    text = layer_text("Tile", ["x"], ["y"], f"tile_param {{ axis: {axis} tiles: 3 }}")
    single = make_layer(text, [(2, 3, 4)], device=device)
    x, (y,) = single.bottom[0].data, single.forward()
    dy = np.random.default_rng(0).standard_normal(y.shape)
    single.backward(dy)
    for at in np.ndindex(x.shape):
        step = [n * (d == axis) for d, n in enumerate(x.shape)]
        places = [tuple(np.add(at, np.multiply(tile, step))) for tile in range(3)]
        assert [y[place] for place in places] == [x[at]] * 3
        np.testing.assert_allclose(single.bottom[0].diff[at], sum(dy[place] for place in places), rtol=1e-12)


def test_no_tiles_are_refused() -> None:
    for options, message in (
        ("", "TileParameter.tiles is missing"),
        ("tiles: 0", "tiles: expected at least 1, found 0"),
    ):
        text = layer_text("Tile", ["x"], ["y"], f"tile_param {{ {options} }}")
        assert message in refused(NetdefError, make_layer, text, [(2, 3)], where="<netdef>:")
