"""Local binary patterns and the Fréchet distance of their histograms."""

import numpy as np
import pytest

from pysketch.images.measures.texture import frechet_distance, lbp_descriptors, pattern_histograms, texture_distance

RNG = np.random.default_rng(7)


@pytest.fixture
def pictures():
    """Noise, on pixels of two sizes."""
    pytest.importorskip("skimage", reason='local binary patterns need pip install -e ".[measures]"')
    return {
        n: [np.kron(RNG.integers(0, 256, (24 // n, 30 // n)), np.ones((n, n))).astype(np.uint8) for _ in range(5)]
        for n in (1, 3)
    }


def test_histograms_are_percent_and_a_flat_picture_has_one_pattern(pictures):
    found = pattern_histograms(pictures[1])
    assert found.shape == (5, 59)
    np.testing.assert_allclose(found.sum(axis=1), 100)
    flat = pattern_histograms([np.full((6, 7), 9, np.uint8)])
    assert sorted(flat[0])[-2:] == [0, 100]


def test_light_and_contrast_do_not_matter(pictures):
    lighter = [picture // 2 * 2 for picture in pictures[1]]
    np.testing.assert_array_equal(pattern_histograms(lighter), pattern_histograms([p // 2 + 77 for p in lighter]))


def test_regions_are_described_one_after_another(pictures):
    picture = pictures[1][0]
    picture[:, 15:] = 200
    found = lbp_descriptors([picture], blocks=2, radius=1).reshape(4, 59)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[1].max() > 0.8 > found[0].max()


def test_the_distance_of_gaussians_is_the_formula():
    """Against the root of a matrix by its eigenvectors."""
    one, other = RNG.standard_normal((9, 3)), RNG.standard_normal((12, 3)) @ RNG.standard_normal((3, 3)) + 2
    c1, c2 = np.cov(one.T), np.cov(other.T)
    values, vectors = np.linalg.eigh(c1)
    root = vectors * np.sqrt(values) @ vectors.T
    common = np.sqrt(np.linalg.eigvalsh(root @ c2 @ root)).sum()
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * common
    assert frechet_distance(one, other) == pytest.approx(expected)
    assert frechet_distance(one, one + np.array([1, 2, 2])) == pytest.approx(9)


def test_a_set_is_near_itself_and_far_from_another_texture(pictures):
    assert texture_distance(pictures[1], pictures[1][::-1]) == pytest.approx(0, abs=1e-9)
    assert texture_distance(pictures[1], pictures[3]) > 100


def test_one_picture_has_no_spread():
    picture = np.zeros((6, 7), np.uint8)
    assert np.isnan(texture_distance([picture], [picture, picture]))
