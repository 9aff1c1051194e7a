import numpy as np
import pytest

from pysketch.images.synthetic import shapes as shapes


def test_a_smooth_curve_passes_through_its_points():
    points = np.array([(10, 20), (30, 25), (35, 60), (90, 61)], float)
    curve = shapes.smooth_curve(points)
    for point in points:
        assert np.hypot(*(curve - point).T).min() < 1e-9
    assert np.allclose(curve[[0, -1]], points[[0, -1]])


def test_a_closed_curve_ends_where_it_starts():
    curve = shapes.smooth_curve([(10, 20), (30, 25), (35, 60)], closed=True)
    assert np.allclose(curve[0], curve[-1])


def test_resampled_points_lie_at_equal_distances():
    line = np.array([(0, 0), (3, 4), (3, 14)], float)
    curve = shapes.resample(line, density=0.4)
    assert np.allclose(np.hypot(*np.diff(curve, axis=0).T), 2.5)
    assert np.allclose(curve[[0, 2, -1]], line)
    assert len(shapes.resample(line, density=0.4, least=11)) == 11


def test_lengths_are_measured_from_the_start():
    assert np.allclose(shapes.lengths(np.array([(0, 0), (3, 4), (3, 14)], float)), (0, 5, 15))


@pytest.mark.parametrize("direction", [1, -1])
def test_a_filled_rectangle_covers_pixels_by_their_share_inside(direction):
    mask = shapes.fill(np.array([(9.5, 19.5), (12.25, 19.5), (12.25, 24.5), (9.5, 24.5)])[::direction])
    expected = np.zeros((shapes.HEIGHT, shapes.WIDTH))
    expected[20:25, 10:13] = (1, 1, 0.75)
    assert np.allclose(mask[21:24], expected[21:24], atol=1e-5)
    assert np.allclose(mask, expected, atol=0.15)  # corners may be cut by part of a pixel


def test_a_filled_circle_has_the_area_of_a_circle_and_no_streaks():
    angle = np.linspace(0, 2 * np.pi, 400)
    mask = shapes.fill(np.stack([70.3 + 31 * np.cos(angle), 90.6 + 31 * np.sin(angle)], axis=1))
    assert mask.sum() == pytest.approx(np.pi * 31**2, rel=1e-3)
    assert mask[:, 103:].max() < 1e-5
    assert mask[70:110, 55:85].min() > 1 - 1e-5


def test_a_shape_larger_than_the_canvas_fills_it():
    mask = shapes.fill(np.array([(-50, -60), (300, -60), (300, 400), (-50, 400)], float))
    assert mask.min() > 1 - 1e-5


def test_a_shape_above_the_canvas_fills_nothing():
    assert not shapes.fill(np.array([(20, -60), (60, -60), (40, -20)], float)).any()


def test_splat_shares_a_weight_among_four_pixels():
    ink = shapes.splat(np.array([(10.25, 20.5)]), 8.0)
    assert np.allclose(ink[20:22, 10:12], [(3, 1), (3, 1)])
    assert ink.sum() == pytest.approx(8)


def test_splat_drops_what_lies_outside():
    assert not shapes.splat(np.array([(-3.0, 20.0), (20.0, 900.0)]), 1.0).any()


def test_the_ink_of_a_stroke_is_length_times_width_times_pressure():
    ink = shapes.stroke(np.array([(20, 30), (80, 110)], float), width=3, pressure=0.5, taper=0)
    assert ink.sum() == pytest.approx(100 * 3 * 0.5, rel=0.03)


def test_a_tapered_stroke_is_thinner_at_its_ends():
    ink = shapes.stroke(np.array([(20, 30), (120, 30)], float), width=3, taper=0.4)
    across = ink.sum(axis=0)
    assert across[23] < 0.5 * across[70]
    assert across[117] < 0.5 * across[70]


def test_the_ink_of_strands_is_their_length_times_their_weights():
    paths = np.stack([np.linspace((20, 30), (20, 90), 50), np.linspace((50, 30), (90, 60), 50)])
    ink = shapes.strands(paths, np.array([[1.0], [2.0]]))
    assert ink.sum() == pytest.approx(60 + 2 * 50, rel=1e-3)


def test_a_disc_has_the_area_of_a_circle():
    assert shapes.disc(80.2, 41.7, 9).sum() == pytest.approx(np.pi * 81, rel=0.01)


def test_a_glow_is_one_in_the_middle_and_falls_to_exp_minus_half_at_its_radii():
    glow = shapes.glow(60, 70, 5, 9)
    assert glow[70, 60] == pytest.approx(1)
    assert glow[70, 65] == pytest.approx(np.exp(-0.5))
    assert glow[79, 60] == pytest.approx(np.exp(-0.5))


def test_softening_keeps_the_sum_of_a_mask_and_lowers_its_peak():
    mask = shapes.disc(80, 90, 6)
    soft = shapes.soften(mask, 3)
    assert soft.sum() == pytest.approx(mask.sum(), rel=0.01)
    assert soft.max() < 0.95


def test_bounds_enclose_what_is_filled():
    mask = np.zeros((shapes.HEIGHT, shapes.WIDTH))
    mask[30:33, 50:57] = 1
    assert shapes.bounds(mask) == (slice(30, 33), slice(50, 57))
    assert shapes.bounds(mask, margin=40)[0].start == 0
    assert mask[shapes.bounds(mask * 0)].size == 0


def test_grain_is_balanced_and_bounded():
    noise = shapes.grain(np.random.default_rng(2), 0.7)
    assert abs(noise.mean()) < 0.05
    assert 0.8 < noise.std() < 1.05
    assert np.abs(noise).max() <= 2


def test_paint_mixes_in_the_colour_by_the_mask():
    image = np.full((shapes.HEIGHT, shapes.WIDTH, 3), 100, np.float32)
    mask = np.zeros((shapes.HEIGHT, shapes.WIDTH))
    mask[7, 5], mask[8, 5] = 0.25, 1
    shapes.paint(image, (200, 100, 0), mask)
    assert np.allclose(image[7, 5], (125, 100, 75))
    assert np.allclose(image[8, 5], (200, 100, 0))
    assert (image != 100).sum() == 4
