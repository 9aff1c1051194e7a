"""Dropout: what it keeps, what it scales, and the chance it uses."""

import numpy as np
import pytest
from helpers import Case, layer_text, make_layer

from pysketch.errors import NetdefError
from pysketch.netdef.definitions import Phase

CONTRACT = {
    "Dropout": Case(layer_text("Dropout", ["a"]), ((2, 3, 4),), ((2, 3, 4),), phase=Phase.TEST),
    "Dropout, in-place": Case(layer_text("Dropout", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),), phase=Phase.TEST),
}

SHAPE = (4, 5, 50)


def make(ratio=0.3, top="y", seed=0, **options):
    extra = f"dropout_param {{ dropout_ratio: {ratio} }}"
    return make_layer(layer_text("Dropout", ["x"], [top], extra), [SHAPE], seed=seed, **options)


def test_in_phase_train_elements_are_dropped_and_the_others_scaled(device):
    single = make(device=device)
    x = single.bottom[0].data.copy()
    (y,) = single.forward()
    kept = y != 0
    np.testing.assert_allclose(y[kept], x[kept] / 0.7, rtol=1e-12)
    assert 0.25 < 1 - kept.mean() < 0.35
    single.backward(2.0)
    np.testing.assert_allclose(single.bottom[0].diff, np.where(kept, 2 / 0.7, 0), rtol=1e-12)


def test_in_phase_test_nothing_happens(device):
    single = make(phase=Phase.TEST, device=device)
    np.testing.assert_array_equal(single.forward()[0], single.bottom[0].data)
    single.backward(3.0)
    assert (single.bottom[0].diff == 3).all()
    assert single.layer.state() == {}


def test_in_place_it_gives_the_same(device):
    apart, in_place = make(device=device), make(top="x", device=device)
    np.testing.assert_array_equal(in_place.forward()[0], apart.forward()[0])
    for single in (apart, in_place):
        single.backward(1.0)
    np.testing.assert_array_equal(in_place.bottom[0].diff, apart.bottom[0].diff)


def test_every_forward_draws_another_mask_and_the_seed_tells_which():
    single, same, other = make(), make(), make(seed=1)
    first, second = single.forward()[0] != 0, single.forward()[0] != 0
    assert (first != second).any()
    np.testing.assert_array_equal(same.forward()[0] != 0, first)
    assert (other.forward()[0] != 0).any() and ((other.forward()[0] != 0) != first).any()


def test_a_layer_resumed_from_its_state_draws_the_same_masks():
    single, resumed = make(), make()
    single.forward()
    resumed.layer.restore_state(single.layer.state())
    np.testing.assert_array_equal(resumed.forward()[0], single.forward()[0])


@pytest.mark.parametrize("forwards", [-1, True, 1.5, "2"])
def test_a_malformed_state_is_refused(forwards):
    with pytest.raises(ValueError, match="forwards must be a whole number"):
        make().layer.restore_state({"forwards": forwards})


def test_a_ratio_of_0_drops_nothing():
    single = make(0)
    np.testing.assert_array_equal(single.forward()[0], single.bottom[0].data)
    single.backward(3.0)
    assert (single.bottom[0].diff == 3).all()


@pytest.mark.parametrize("ratio", [-0.5, 1, 1.5])
def test_a_ratio_that_drops_all_is_refused(ratio):
    with pytest.raises(NetdefError, match=rf"dropout_ratio must be at least 0 and below 1, found {ratio:g}"):
        make(ratio)
