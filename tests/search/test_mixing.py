"""Faces that nobody has: whose parts they show, how far they are pulled."""

import numpy as np
import pytest

from pysketch.search.mixing import mixed, pulled

FLAT = [np.full((250, 200), level, np.uint8) for level in (40, 120, 240)]


def test_hair_eyes_and_mouth_are_of_three_faces():
    seen = set()
    for face in mixed(FLAT, 30, np.random.default_rng(0), pull=0.0):
        assert (face.dtype, face.shape) == (np.uint8, (250, 200))
        hair, eyes, mouth = face[20, 20], face[122, 75], face[180, 100]
        seen.add((int(hair), int(eyes), int(mouth)))
        assert face[20, 180] == face[240, 100] == hair
        assert face[122, 125] == eyes
    assert len(seen) > 12
    assert {level for parts in seen for level in parts} <= {*range(39, 42), *range(119, 122), *range(239, 242)}


def test_one_face_fades_into_another_softly():
    for face in mixed(FLAT, 10, np.random.default_rng(1), pull=0.0):
        assert np.abs(np.diff(face.astype(int), axis=0)).max() <= 200 / 5 * 0.6


def test_the_generator_decides():
    one, again, other = (list(mixed(FLAT, 3, np.random.default_rng(seed))) for seed in (2, 2, 3))
    np.testing.assert_array_equal(one, again)
    assert (np.stack(one) != np.stack(other)).any()
    assert list(mixed(FLAT, 0, np.random.default_rng(0))) == []


def test_a_face_is_pulled_as_far_as_said_and_smoothly():
    columns = np.broadcast_to(np.arange(200, dtype=np.float32), (250, 200))
    moves = np.stack([pulled(columns, np.random.default_rng(k), 3.0) - columns for k in range(40)])[:, 60:190, 40:160]
    assert moves.std() == pytest.approx(3, rel=0.15)
    assert np.abs(np.diff(moves, axis=2)).max() < 1  # no place is turned inside out
    np.testing.assert_array_equal(pulled(columns, np.random.default_rng(0), 0.0), columns)


def test_a_matrix_moves_it_before():
    rows = np.broadcast_to(np.arange(250, dtype=np.float32)[:, None], (250, 200))
    matrix = np.array([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(pulled(rows, np.random.default_rng(0), 0.0, matrix)[:240], rows[:240] + 5)
