"""Threshold: above the level, on it and below."""

from helpers import Case, layer_text, make_layer

LEVEL = "threshold_param { threshold: 0.25 }"
CONTRACT = {"Threshold": Case(layer_text("Threshold", ["x"], ["y"], LEVEL), ((2, 3, 4, 2),), ((2, 3, 4, 2),))}


def test_what_exceeds_the_level_is_1_and_the_level_itself_0(device):
    single = make_layer(layer_text("Threshold", ["x"], ["y"], LEVEL), [(4,)], device=device)
    single.bottom[0].data[...] = [-1, 0.25, 0.2500001, 7]
    assert single.forward()[0].tolist() == [0, 0, 1, 1]


def test_the_level_is_0_by_default():
    single = make_layer(layer_text("Threshold", ["x"]), [(3,)])
    single.bottom[0].data[...] = [-1, 0, 1]
    assert single.forward()[0].tolist() == [0, 0, 1]
