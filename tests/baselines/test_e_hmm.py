from __future__ import annotations

import numpy as np
import pytest
from students import assert_recognised, needs_students

from pysketch.baselines.e_hmm import EHMM, Basis, PairedModel
from pysketch.baselines.embedded_hmm import EmbeddedHMM
from pysketch.baselines.paired_gaussians import PairedGaussians
from pysketch.errors import BaselineError
from pysketch.images.pairs import Pair

CONTRACT = {"e_hmm": {"size": 5, "step": 3, "extent": 4, "stride": 3, "photo_features": 3, "sketch_features": 4}}


def random_pairs(n, h=23, w=19, seed=0):
    """Photos whose sketch is darker where they are brighter."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:h, :w]
    waves = [np.sin(y * a + b) * np.cos(x * c) for a, b, c in rng.uniform(0.2, 0.8, (n, 3))]
    return [
        Pair(str(i), np.repeat(np.uint8(128 + 90 * wave)[..., None], 3, axis=2), np.uint8(150 - 60 * wave))
        for i, wave in enumerate(waves)
    ]


def small(**options):
    return EHMM(**{"size": 5, "step": 2, "extent": 4, "stride": 3, "super_states": 2, "states": 2, **options})


def test_features_of_a_basis_are_standardised_and_rebuild_what_they_came_from():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 6)) + 7
    basis = Basis.of(x, 4)
    features = basis.features(x)
    assert features.shape == (50, 2)
    np.testing.assert_allclose(features.T @ features / 50, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(basis.mean + features @ basis.from_features, x)


def test_a_basis_of_what_does_not_vary_has_no_features():
    assert Basis.of(np.full((4, 3), 9.0), 2).features(np.zeros((5, 3))).shape == (5, 0)


def test_a_model_regenerates_the_sketch_of_the_states_that_it_decodes():
    hmm = EmbeddedHMM.left_to_right(2, 4, 1, 2)
    emissions = PairedGaussians(np.array([[-2.0], [2.0]]), np.full((2, 1), 0.1), np.zeros((2, 2, 1)), np.ones((2, 1)))
    emissions.B[:, 1, 0] = 10, 20
    line = Basis(np.zeros(1), np.eye(1), np.eye(1))
    photo = np.array([[-2.0, -2, -2, 2], [-2, 2, 2, 2]])[..., None]
    sketch = PairedModel(hmm, emissions, line, line).regenerate(photo)
    np.testing.assert_allclose(sketch[..., 0], [[10, 10, 10, 20], [10, 20, 20, 20]], atol=1e-6)


def test_the_order_of_the_states_outweighs_a_single_observation():
    hmm = EmbeddedHMM.left_to_right(1, 4, 1, 2)
    emissions = PairedGaussians(np.array([[-1.0], [1.0]]), np.ones((2, 1)), np.zeros((2, 2, 1)), np.ones((2, 1)))
    emissions.B[:, 1, 0] = 10, 20
    line = Basis(np.zeros(1), np.eye(1), np.eye(1))
    sketch = PairedModel(hmm, emissions, line, line).regenerate(np.array([[[-3.0], [3], [-3], [3]]]))
    assert (np.diff(sketch[0, :, 0]) > 0).all()


def test_it_draws_new_photos_like_those_it_learned():
    query, *pairs = random_pairs(15)
    baseline = small()
    baseline.fit(pairs)
    error = np.sqrt(((baseline.sketch(query.photo) - query.sketch) ** 2).mean())
    assert error < 0.25 * query.sketch.std()


def test_every_observation_is_in_a_local_patch():
    baseline = small()
    baseline.fit(random_pairs(3))
    covered = np.zeros(baseline._grid.shape, int)
    for window in baseline._windows():
        covered[window] += 1
    assert baseline._grid.shape == (10, 8)
    assert covered.min() == 1


def test_local_patches_and_states_are_no_more_than_the_image_has_room_for():
    baseline = small(extent=30, super_states=20)
    baseline.fit(random_pairs(3))
    assert len(list(baseline._windows())) == 2
    assert np.isfinite(baseline.sketch(random_pairs(1)[0].photo)).all()


def test_a_patch_larger_than_the_images_is_an_error():
    with pytest.raises(
        BaselineError, match=r'^baseline "e_hmm": size 20 does not fit 19x23 images \(width x height\)$'
    ):
        EHMM(size=20).fit(random_pairs(2))


@needs_students
def test_each_twentieth_of_the_student_set_is_recognised():
    assert_recognised(EHMM(rounds=1, stride=9), rmse=38, train_every=2)
