"""Views of a sketch, held against loops; what they do not mind."""

import math

import numpy as np
import pytest
from scipy import ndimage as filters

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.search.views import (
    HALF,
    INNER_VIEWS,
    ORIENTATIONS,
    WHOLE_VIEWS,
    Looked,
    in_frame,
    look,
    sampled,
    strengths,
    turned,
)


@pytest.fixture(scope="module")
def sketch():
    return synthetic.draw_sketch(synthetic.random_face(900000))


def far(a, b):
    """1 - the correlation of two vectors."""
    return 1 - np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def test_a_smaller_sketch_lies_at_the_frames_centre_and_a_larger_one_in_none():
    small = np.arange(238 * 188, dtype=np.uint8).reshape(238, 188)
    framed = in_frame(small)
    np.testing.assert_array_equal(framed[6:244, 6:194], small)
    assert (framed[:6, 6:194] == small[0]).all()
    with pytest.raises(DataError, match="expected an aligned sketch of 200x250 pixels, found 201x250"):
        in_frame(np.zeros((250, 201), np.uint8))
    with pytest.raises(DataError, match=r"expected a grey sketch \(height, width\), found an array \(250, 200, 3\)"):
        in_frame(np.zeros((250, 200, 3), np.uint8))


def test_strengths_are_the_eighth_power_of_the_cosine_of_twice_the_angle():
    smooth = np.random.default_rng(0).normal(0, 10, (1, *HALF)).astype(np.float32)
    found = strengths(smooth)
    for y, x in ((10, 10), (60, 33), (100, 80)):
        down = (float(smooth[0, y + 1, x]) - float(smooth[0, y - 1, x])) / 4
        across = (float(smooth[0, y, x + 1]) - float(smooth[0, y, x - 1])) / 4
        for k in range(ORIENTATIONS):
            apart = math.cos(2 * (math.atan2(down, across) - k * math.pi / ORIENTATIONS))
            expected = math.hypot(down, across) * max(apart, 0) ** 8
            assert found[0, k, y, x] == pytest.approx(expected, abs=1e-4)


def test_lines_are_added_up_under_a_triangle_and_evened_by_the_nine_cells_around():
    rng = np.random.default_rng(1)
    looked = Looked(rng.normal(0, 10, HALF).astype(np.float32), np.zeros((1, *HALF), np.float32))
    (view, found), maps = (WHOLE_VIEWS.views[0], sampled([looked], [3.0], [-1.0])[0]), strengths(looked.smooth[None])[0]
    rows, columns = view.grid.places(0, 3.0), view.grid.places(1, -1.0)

    def cell(row, column, k):
        total = 0.0
        for y in range(HALF[0]):
            down = 1 - abs(2 * y + 0.5 - row) / view.foot
            for x in range(HALF[1]):
                across = 1 - abs(2 * x + 0.5 - column) / view.foot
                if down > 0 and across > 0:
                    total += 4 / view.foot * down * across * float(maps[k, y, x])
        return total

    grid = found.reshape(ORIENTATIONS, *view.grid.shape)
    for i, j, k in ((9, 7, 0), (0, 0, 3), (18, 5, 6)):
        around = [
            cell(rows[r], columns[c], n) ** 2
            for n in range(ORIENTATIONS)
            for r in np.clip((i - 1, i, i + 1), 0, len(rows) - 1)
            for c in np.clip((j - 1, j, j + 1), 0, len(columns) - 1)
        ]
        expected = min(cell(rows[i], columns[j], k) / math.sqrt(math.fsum(around) + 25), 0.2)
        assert grid[k, i, j] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_tone_is_taken_at_its_place_between_the_pixels():
    y, x = np.indices(HALF, dtype=np.float32)
    tone = (2 * y + 0.5) * 3 - (2 * x + 0.5)  # linear in the frame's row and column
    view = WHOLE_VIEWS.views[-1]
    (found,) = sampled([Looked(np.zeros(HALF, np.float32), tone[None])], [1.5], [-2.25])[-1]
    rows, columns = view.grid.places(0, 1.5), view.grid.places(1, -2.25)
    expected = rows[:, None] * 3 - columns
    inside = (rows < 249)[:, None] & (columns < 199)
    np.testing.assert_allclose(found.reshape(view.grid.shape)[inside], expected[inside], rtol=1e-5)


def test_shifts_come_sketch_by_sketch_then_down_then_across(sketch):
    two = [look(sketch), look(sketch[:, ::-1])]
    together = sampled(two, [-2.0, 4.0], [0.0, 3.0, 6.0])
    for view, values in enumerate(together):
        assert values.shape == (12, WHOLE_VIEWS.views[view].length)
        (alone,) = sampled([two[1]], [4.0], [3.0])[view]
        np.testing.assert_allclose(values[6 + 3 + 1], alone, rtol=1e-4, atol=1e-6)


def test_a_moved_grid_sees_what_the_moved_sketch_shows(sketch):
    moved = np.pad(sketch, ((4, 0), (6, 0)), mode="edge")[:250, :200]  # 4 down, 6 to the right
    back = sampled([look(moved)], [4.0], [6.0])
    still = sampled([look(moved)], [0.0], [0.0])
    for view, (there, here) in enumerate(zip(back, still, strict=True)):
        (as_it_was,) = sampled([look(sketch)], [0.0], [0.0])[view]
        assert far(there[0], as_it_was) < 0.05
        assert far(there[0], as_it_was) < 0.3 * far(here[0], as_it_was)


@pytest.mark.parametrize("views", [WHOLE_VIEWS, INNER_VIEWS], ids=["whole", "inner"])
@pytest.mark.parametrize(("gain", "offset"), [(0.5, 0), (0.5, 100), (0.25, 60)])
def test_how_hard_the_pencil_is_pressed_and_the_papers_tint_change_nothing(sketch, gain, offset, views):
    pictures = sketch, sketch.astype(float) * gain + offset
    plain, tinted = (sampled([look(each, views)], [0.0], [0.0], views) for each in pictures)
    for one, other in zip(plain, tinted, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_a_turned_sketch_is_turned_back_and_what_is_not_turned_is_the_same(sketch):
    looked = look(sketch)
    assert turned(looked, 0.0, 1.0) is looked
    there = turned(turned(looked, 5.0, 1.1), -5.0, 1 / 1.1)
    inside = np.s_[20:105, 20:80]
    assert far(there.smooth[inside], looked.smooth[inside]) < 0.03
    assert far(turned(looked, 5.0, 1.1).smooth[inside], looked.smooth[inside]) > 0.2


def test_turning_is_anticlockwise_and_growing_is_from_the_middle():
    dot = np.zeros(HALF, np.float32)
    dot[62, 80] = 1  # to the right of the middle
    up = turned(Looked(dot, dot[None]), 90.0, 1.0).smooth
    assert np.unravel_index(up.argmax(), HALF) in {(31, 49), (32, 49), (31, 50), (32, 50)}
    outward = turned(Looked(dot, dot[None]), 0.0, 1.5).smooth
    assert abs(int(outward.argmax()) % HALF[1] - 95) <= 1


def test_a_blank_sketch_has_views_that_are_numbers():
    for values in sampled([look(np.full((250, 200), 255, np.uint8))], [0.0], [0.0]):
        assert np.isfinite(values).all()


def test_other_hair_and_another_collar_change_no_bit_of_the_inner_views(sketch):
    rows, columns = np.indices(sketch.shape)
    around = np.hypot((columns - 100) / 42, (rows - 146) / 56) >= 1
    other = np.where(around, np.random.default_rng(2).integers(0, 256, sketch.shape), sketch).astype(np.uint8)
    hidden = np.where(around, 255, sketch).astype(np.uint8)  # as evaluate.py --inner masks
    plain, *others = (sampled_inner(each) for each in (sketch, other, hidden))
    for changed in others:
        for one, two in zip(plain, changed, strict=True):
            np.testing.assert_array_equal(one, two)
    cheek = sketch.copy()
    cheek[150:156, 120:126] = 0
    assert all((one != two).any() for one, two in zip(plain, sampled_inner(cheek), strict=True))


def sampled_inner(sketch):
    return sampled([look(sketch, INNER_VIEWS)], [0.0], [0.0], INNER_VIEWS)


def test_around_the_inner_face_there_is_its_mean_and_its_tones_are_differences_over_their_deviation(sketch):
    rows, columns = np.indices(sketch.shape)
    inside = np.hypot((columns - 100) / 42, (rows - 146) / 56) < 1
    mean = math.fsum(sketch[inside].tolist()) / inside.sum()
    half = np.where(inside, sketch, mean).reshape(125, 2, 100, 2).mean(axis=(1, 3))

    def blurred(picture, deviation):  # pixels of the frame, beyond a smaller one
        return filters.gaussian_filter(picture, deviation / 2, truncate=3, mode="nearest")

    smooth = blurred(half, 1.5)
    slope = np.hypot(*np.gradient(smooth, 2.0)).mean()
    smooth = (smooth - smooth.mean()) * (INNER_VIEWS.slope / slope)
    found = look(sketch, INNER_VIEWS)
    np.testing.assert_allclose(found.smooth, smooth, atol=2e-3)
    for tone, (fine, surround, local) in zip(found.tones, [(2.0, 12.0, 16.0), (1.5, 5.0, 8.0)], strict=True):
        parts = [smooth if each == 1.5 else blurred(smooth, math.sqrt(each**2 - 1.5**2)) for each in (fine, surround)]
        difference = parts[0] - parts[1]
        np.testing.assert_allclose(tone, difference / np.sqrt(blurred(difference**2, local) + 25), atol=2e-3)


def test_inner_views_are_sampled_in_the_oval_and_a_little_beyond(sketch):
    looked = look(sketch, INNER_VIEWS)
    found = sampled([looked], [0.0], [0.0], INNER_VIEWS)
    for view, tone, values in zip(INNER_VIEWS.views[1:], looked.tones, found[1:], strict=True):
        expected = []
        for row in range(86, 207, 4):
            for column in range(56, 145, 4):
                if math.hypot((row - 146) / 58.8, (column - 100) / 44.1) < 1:
                    y, x = (row - 0.5) / 2, (column - 0.5) / 2  # between the pixels of half the size
                    corners = tone[int(y) : int(y) + 2, int(x) : int(x) + 2].astype(float)
                    down, across = y % 1, x % 1
                    expected.append(np.array([1 - down, down]) @ corners @ np.array([1 - across, across]))
        np.testing.assert_allclose(values[0], expected, rtol=1e-4, atol=1e-5)
        assert view.length == len(expected)
    assert found[0].shape == (1, INNER_VIEWS.views[0].length)
    assert INNER_VIEWS.length == sum(each.shape[1] for each in found)


def test_a_blank_inner_face_has_views_that_are_numbers(sketch):
    rows, columns = np.indices(sketch.shape)
    blank = np.where(np.hypot((columns - 100) / 42, (rows - 146) / 56) < 1, 200, sketch).astype(np.uint8)
    for values in sampled_inner(blank):
        assert np.isfinite(values).all()
