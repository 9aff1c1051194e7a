"""Descriptions, held against loops; what was learned is read with care; a bound that outlines keep."""

import math
import zipfile

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.search.describe import (
    DESCRIPTION,
    DETAIL,
    DETAIL_SCALE,
    NUISANCES,
    OUTLINE,
    OUTLINE_SCALE,
    combined,
    damped,
    describe,
    learned,
    learned_file,
    orthonormal,
    outlines,
    places,
    read_learned,
)
from pysketch.search.views import INNER_VIEWS, WHOLE_VIEWS, in_frame, look, sampled


@pytest.fixture(scope="module")
def sketches():
    return [synthetic.draw_sketch(synthetic.random_face(900000 + k)) for k in range(3)]


def test_a_description_is_a_vector_of_norm_1_and_its_projection_rounded(sketches):
    outline, detail = describe(sketches[0])
    assert (outline.dtype, outline.shape, detail.dtype, detail.shape) == (np.int8, (OUTLINE,), np.int8, (DETAIL,))
    assert np.linalg.norm(detail.astype(float)) == pytest.approx(DETAIL_SCALE, rel=0.01)
    assert np.linalg.norm(outline.astype(float)) <= OUTLINE_SCALE * 1.01
    projected = learned().outline.astype(float) @ detail / DETAIL_SCALE
    np.testing.assert_allclose(outline / OUTLINE_SCALE, projected, atol=1 / OUTLINE_SCALE)


def test_a_sketch_is_described_as_galleries_of_this_version_have_it(sketches):
    """Else DESCRIPTION is another; where a number is half way it may be rounded to either side."""
    outline, detail = describe(sketches[0])
    details = (
        "19 -29 23 -21 8 -12 -22 -10 -9 -16 -8 -11 -4 -5 0 -1 0 1 -14 -14 -5 -6 -7 -1 -7 -3 -2 2 44 1 -6 -21 "
        "5 8 -4 7 -30 -12 24 18 2 -17 1 -23 -4 11 21 -5 -18 5 6 -12 -18 -58 -29 30 -13 2"
    )
    outlines = "-77 -50 8 0 -25 -17 10 -1 -1 5 -18 -9 20 -3 -25 -7 7 7 -5 16 -13 3 -2 10 2 0 0 8 5 11 12 5"
    np.testing.assert_allclose(detail[::60], [int(each) for each in details.split()], atol=1)
    np.testing.assert_allclose(outline[::8], [int(each) for each in outlines.split()], atol=1)
    assert DESCRIPTION == 2


@pytest.mark.parametrize("views", [WHOLE_VIEWS, INNER_VIEWS], ids=["whole", "inner"])
def test_each_view_is_centred_and_counts_by_its_weight_then_nuisances_are_damped(sketches, views):
    found, known = sampled([look(sketches[0], views)], [0.0], [0.0], views), learned(views)
    parts, end = [], 0
    for view, (values,) in zip(views.views, found, strict=True):
        start, end = end, end + view.length
        centred = [float(a) - float(b) for a, b in zip(values, known.means[start:end], strict=True)]
        norm = math.sqrt(math.fsum(each * each for each in centred))
        parts += [view.weight * each / norm for each in centred]
    vector = np.array(parts)
    for direction, share in zip(known.nuisances.astype(float), known.damped.astype(float), strict=True):
        vector -= share * (vector @ direction) * direction  # one after the other: the rows are orthonormal
    described = describe(sketches[0], views).detail / DETAIL_SCALE
    np.testing.assert_allclose(described, vector / np.linalg.norm(vector), atol=6e-4)


def test_a_view_without_anything_stays_nothing():
    views = [np.full((1, view.length), 0.25, np.float32) for view in WHOLE_VIEWS.views]
    assert not combined(views, np.full(DETAIL, 0.25, np.float32)).any()


def test_damping_takes_a_share_of_a_direction_off_and_leaves_the_others():
    vector = np.array([[3.0, 4.0, 0.0]], np.float32)
    found = damped(vector, np.array([[1.0, 0.0, 0.0]], np.float32), np.array([0.5], np.float32))
    np.testing.assert_allclose(found, np.array([[1.5, 4.0, 0.0]]) / math.hypot(1.5, 4))


@pytest.mark.parametrize(("gain", "offset"), [(0.6, 0), (0.5, 110)])
def test_paper_and_pencil_hardly_change_a_description(sketches, gain, offset):
    own, other = describe(sketches[0]).detail.astype(float), describe(sketches[1]).detail.astype(float)
    again = describe(np.rint(sketches[0] * gain + offset).astype(np.uint8)).detail
    assert own @ again > 0.995 * DETAIL_SCALE**2
    assert own @ other < 0.9 * DETAIL_SCALE**2


def test_a_drawn_centre_is_described_in_its_place(sketches):
    centre = sketches[0][6:244, 6:194]
    np.testing.assert_array_equal(describe(centre).detail, describe(in_frame(centre)).detail)


def test_outlines_of_two_bound_what_their_details_have_in_common(sketches):
    details = np.stack([describe(each).detail for each in sketches]).astype(np.float32)
    details /= np.linalg.norm(details, axis=1, keepdims=True)
    short = outlines(details)
    left = np.sqrt(1 - (short**2).sum(axis=1))
    assert (np.abs(details @ details.T - short @ short.T) <= np.outer(left, left) + 1e-5).all()


def test_what_was_learned_are_orthonormal_directions_and_shares():
    known = learned()
    for rows, count in ((known.nuisances, NUISANCES), (known.outline, OUTLINE)):
        np.testing.assert_allclose(rows @ rows.T, np.eye(count), atol=1e-5)
    assert (known.damped > 0).all()
    assert (known.damped < 1).all()
    assert (np.diff(known.damped) <= 0).all()  # the largest first
    assert learned() is known


def test_rows_are_made_orthonormal_one_after_the_other():
    rows = np.random.default_rng(0).normal(size=(3, 7))
    expected = []
    for row in rows:  # Gram and Schmidt
        for before in expected:
            row = row - (row @ before) * before
        expected.append(row / np.linalg.norm(row))
    np.testing.assert_allclose(orthonormal(rows), expected, atol=1e-6)
    with pytest.raises(DataError, match="directions depend on each other"):
        orthonormal(np.zeros((2, 7), np.int8))


def test_places_are_where_a_change_changes_the_numbers(sketches):
    """A blot changes the most in numbers that tell of its place, whatever the view."""
    rows, columns, around = places().T
    assert len(rows) == DETAIL
    blotted = sketches[0].copy()
    blotted[138:142, 98:102] = 0
    plain, changed = (
        combined(sampled([look(each)], [0.0], [0.0]), learned().means)[0] for each in (sketches[0], blotted)
    )
    start = 0
    for view in WHOLE_VIEWS.views:
        part = slice(start, start + view.length)
        start += view.length
        most = part.start + np.abs(changed - plain)[part].argsort()[-8:]
        assert np.hypot(rows[most] - 140, columns[most] - 100).max() <= 1.5 * max(view.foot, view.grid.step) + 4
    assert set(np.unique(around)) >= {each.around for each in WHOLE_VIEWS.views}


@pytest.fixture
def arrays():
    """The content of the file that comes with the code."""
    with np.load(learned_file(), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_the_files_are_small():
    assert learned_file().stat().st_size < 1.5e6
    assert learned_file(INNER_VIEWS).stat().st_size < 0.6e6


def test_of_the_inner_face_there_is_no_outline_and_its_directions_are_of_its_own_length(sketches):
    known = learned(INNER_VIEWS)
    assert known.nuisances.shape == (NUISANCES, INNER_VIEWS.length)
    assert known.outline.shape == (0, INNER_VIEWS.length)
    np.testing.assert_allclose(known.nuisances @ known.nuisances.T, np.eye(NUISANCES), atol=1e-5)
    assert describe(sketches[0], INNER_VIEWS).outline.shape == (0,)


def test_the_file_of_one_set_of_views_is_none_of_the_other():
    with pytest.raises(DataError, match=r"learned\.npz: expected means to be float32 \(2822,\), found .* \(3463,\)"):
        read_learned(learned_file(), INNER_VIEWS)


@pytest.mark.parametrize("name", ["means", "nuisances", "damped", "outline"])
def test_a_file_with_another_array_is_refused_in_a_line(tmp_path, arrays, name):
    path = tmp_path / "learned.npz"
    for wrong in (arrays[name][:-1], arrays[name].astype(np.float64)):
        np.savez(path, **{**arrays, name: wrong})
        with pytest.raises(DataError, match=rf"learned.npz: expected {name} to be .* found .*; install pysketch anew"):
            read_learned(path)
    del arrays[name]
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=f"learned.npz: cannot be read: .*{name}"):
        read_learned(path)


def test_a_file_that_would_run_code_is_cut_short_or_is_none_is_refused(tmp_path, arrays):
    path = tmp_path / "learned.npz"

    class Evil:
        def __reduce__(self):
            return print, ("run",)

    np.savez(path, **{**arrays, "means": np.array([Evil()], object)})
    with pytest.raises(DataError, match="cannot be read: Object arrays cannot be loaded"):
        read_learned(path)
    np.savez(path, **arrays)
    whole = path.read_bytes()
    for content in (whole[:1000], b"", b"none", whole[:-4]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"learned\.npz: cannot be read"):
            read_learned(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_learned(tmp_path / "missing.npz")
    assert zipfile.is_zipfile(learned_file())
