"""Scores on pictures small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pysketch.images.metrics import (
    cumulative_match_score,
    least_alike,
    own_ranks,
    psnr,
    rescaled_rmse,
    rmse,
    squared_distances,
    ssim,
)
from pysketch.images.pictures import rescale


def picture(*values):
    return np.array([values], np.uint8)


def test_rmse_is_the_root_of_the_mean_squared_difference():
    assert rmse(picture(10, 20, 30, 40), picture(13, 16, 30, 40)) == pytest.approx(np.sqrt((9 + 16) / 4))


def test_rmse_does_not_wrap_around_where_uint8_would():
    assert rmse(picture(0), picture(255)) == 255
    assert rmse(picture(255), picture(0)) == 255


def test_rmse_keeps_parts_of_grey_levels():
    assert rmse(np.float32([[10.5]]), picture(10)) == 0.5


def textures(h=17, w=23):
    rng = np.random.default_rng(0)
    sketch = rng.integers(0, 256, (h, w)).astype(np.uint8)
    return np.uint8(np.clip(0.6 * sketch + rng.normal(40, 20, (h, w)), 0, 255)), sketch


def test_rescaled_rmse_is_that_of_both_images_at_half_equal_and_double_size():
    prediction, sketch = textures()
    half, one, two = rescaled_rmse(prediction, sketch)
    assert half == rmse(rescale(prediction, 0.5), rescale(sketch, 0.5))
    assert one == rmse(prediction, sketch)
    assert two == rmse(rescale(prediction, 2), rescale(sketch, 2))


def test_a_fine_checkerboard_is_grey_at_half_size():
    board = np.uint8(255 * (np.indices((20, 28)).sum(axis=0) % 2))
    half, one, two = rescaled_rmse(board, 255 - board)
    assert one == 255
    assert half < 40
    assert 100 < two < 255


@pytest.mark.parametrize(("error", "decibels"), [(255, 0), (25.5, 20), (2.55, 40)])
def test_psnr_is_twenty_for_each_factor_ten_between_255_and_the_rmse(error, decibels):
    assert psnr(np.full((2, 3), error), np.zeros((2, 3))) == pytest.approx(decibels)


def test_psnr_of_equal_images_is_infinite():
    assert psnr(picture(3, 4), picture(3, 4)) == np.inf


def naive_ssim(x, y):
    """Window by window, with the weights written out."""
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(line, line) / line.sum() ** 2
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (image[top : top + 11, left : left + 11].astype(float) for image in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            var_a, var_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 2.55**2, 7.65**2
            top_ = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
            values.append(top_ / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))
    return np.mean(values)


def test_ssim_is_the_mean_over_all_whole_windows():
    assert ssim(*textures()) == pytest.approx(naive_ssim(*textures()), rel=1e-9)


def test_ssim_is_that_of_scikit_image():
    reference = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    assert ssim(*textures()) == pytest.approx(reference.structural_similarity(*textures(), **options), rel=1e-9)


def test_ssim_of_equal_images_is_one_and_of_inverted_ones_negative():
    _, sketch = textures()
    assert ssim(sketch, sketch) == pytest.approx(1)
    assert ssim(255 - sketch, sketch) < 0


def test_ssim_of_an_image_smaller_than_its_window_is_an_error():
    with pytest.raises(ValueError, match="SSIM needs images of at least 11x11 pixels, found 30x10"):
        ssim(np.zeros((10, 30)), np.zeros((10, 30)))
    assert ssim(np.zeros((11, 11)), np.zeros((11, 11))) == 1


def test_the_rank_counts_who_is_as_near_as_the_own_person():
    sketches = [picture(0, 0), picture(10, 0), picture(30, 0)]
    drawn = [picture(1, 0), picture(28, 0), picture(25, 0)]
    # from sketch 0: 1, 28, 25; from sketch 1: 9, 18, 15; from sketch 2: 29, 2, 5
    assert own_ranks(squared_distances(drawn, sketches)).tolist() == [1, 3, 2]


def test_a_tie_counts_against_us():
    same = [picture(7, 7)] * 3
    assert own_ranks(squared_distances(same, same)).tolist() == [3, 3, 3]


def test_queries_are_the_sketches_and_not_the_drawn():
    sketches = [picture(0), picture(100)]
    drawn = [picture(90), picture(110)]  # both are nearest to sketch 1; of the drawn, 90 is nearest to both
    assert own_ranks(squared_distances(drawn, sketches)).tolist() == [1, 2]


def test_pictures_keep_all_their_pixels():
    sketches = [np.zeros((2, 3), np.uint8), np.eye(2, 3, dtype=np.uint8) * 200]
    assert own_ranks(squared_distances(sketches, sketches)).tolist() == [1, 1]
    assert own_ranks(squared_distances(sketches[::-1], sketches)).tolist() == [2, 2]


@pytest.mark.parametrize(("n", "score"), [(1, 25), (2, 75), (3, 75), (4, 75), (5, 100)])
def test_the_cumulative_match_score_is_the_share_within_the_first_n_in_percent(n, score):
    assert cumulative_match_score(np.array([2, 1, 5, 2]), n) == score


def test_the_least_alike_is_farthest_from_its_nearest_and_not_from_the_mean():
    grey = [10, 12, 200, 203, 100]  # two pairs of look-alikes and one between them
    photos = [np.full((8, 12, 3), level, np.uint8) for level in grey]
    assert least_alike(photos, 1) == [4]
    assert least_alike(photos, 3)[:1] == [4]
    assert set(least_alike(photos, 3)) == {4, 2, 3}
    assert least_alike(photos, 5)[3:] == [0, 1]


def test_photos_are_alike_in_colour_too():
    photos = [np.zeros((8, 8, 3), np.uint8) for _ in range(3)]
    photos[1][..., 2] = 255
    assert least_alike(photos, 1) == [1]
