"""What is learned from pairs: the directions in which sketches of one person differ, those in which people do."""

import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.pairs import Pair
from pysketch.search import learning
from pysketch.search.describe import DETAIL, NUISANCES, OUTLINE, combined, read_learned
from pysketch.search.learning import by_another_artist, learn_from, out_of_place, write_learned
from pysketch.search.views import INNER_VIEWS, WHOLE_VIEWS, in_frame, look, sampled


@pytest.fixture(scope="module")
def pairs():
    return [Pair(*values) for values in synthetic.training_pairs(6)]


def test_another_artist_draws_the_same_person_a_little_otherwise(pairs):
    sketch = pairs[0].sketch
    others = [by_another_artist(sketch, np.random.default_rng(seed)) for seed in range(8)]
    for other in others:
        assert (other.dtype, other.shape) == (np.uint8, (250, 200))
        likeness = np.corrcoef(other.ravel(), sketch.ravel())[0, 1]
        assert 0.6 < likeness < 0.9999
    np.testing.assert_array_equal(others[3], by_another_artist(sketch, np.random.default_rng(3)))


def test_the_largest_second_moments_come_first():
    vectors = np.random.default_rng(0).normal(size=(500, 4)) * [1, 5, 2, 0.1] @ np.linalg.qr(np.eye(4)[::-1])[0]
    directions, variances = learning._principal(vectors, 2)
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-6)
    expected = [float(np.mean((vectors @ direction) ** 2)) for direction in directions]
    np.testing.assert_allclose(variances, expected, rtol=1e-5)
    assert variances[0] == pytest.approx(25, rel=0.2)
    assert variances[1] == pytest.approx(4, rel=0.2)


def test_each_net_draws_as_it_is_and_in_other_light_and_the_first_one_the_made_faces(pairs, monkeypatch):
    given, told = {}, []
    monkeypatch.setattr(learning, "learn", lambda *arguments: given.update(zip("sdorv", arguments, strict=True)))
    draws = [lambda photo: photo[6:244, 6:194, 0], lambda photo: photo[:, :, 1]]
    made = [np.full((250, 200, 3), 7, np.uint8)]
    learn_from(pairs, made, draws, np.random.default_rng(0), lambda done, total: told.append((done, total)))
    np.testing.assert_array_equal(given["s"], [each.sketch for each in pairs])
    first, first_lit, second, second_lit = given["d"]
    np.testing.assert_array_equal(first[2], in_frame(pairs[2].photo[6:244, 6:194, 0]))
    np.testing.assert_array_equal(second[2], pairs[2].photo[:, :, 1])
    assert (first_lit[2] != first[2]).any()
    assert (second_lit[2] != second[2]).any()
    real, unreal = given["o"]
    assert real is first
    np.testing.assert_array_equal(unreal, [np.full((250, 200), 7)])
    assert told == [(k, 25) for k in range(1, 26)]
    assert given["v"] is WHOLE_VIEWS
    learn_from(pairs, made, draws, np.random.default_rng(0), views=INNER_VIEWS)
    assert given["v"] is INNER_VIEWS


def test_out_of_place_the_pencil_and_the_paper_are_the_same(pairs):
    sketch = pairs[0].sketch
    others = [out_of_place(sketch, np.random.default_rng(seed)) for seed in range(8)]
    artists = [by_another_artist(sketch, np.random.default_rng(seed)) for seed in range(8)]
    for other in others:
        assert (other.dtype, other.shape) == (np.uint8, (250, 200))
        assert 0.85 < np.corrcoef(other.ravel(), sketch.ravel())[0, 1] < 0.9999
        assert other.mean() == pytest.approx(sketch.mean(), abs=3)
    assert max(far(each, sketch) for each in others) < min(far(each, sketch) for each in artists)
    np.testing.assert_array_equal(others[3], out_of_place(sketch, np.random.default_rng(3)))


def far(one, other):
    return np.abs(one.astype(float) - other).mean()


@pytest.mark.slow
@pytest.mark.parametrize("views", [WHOLE_VIEWS, INNER_VIEWS], ids=["whole", "inner"])
def test_what_is_learned_brings_one_persons_sketches_nearer_and_is_read_as_it_was_written(
    views, pairs, tmp_path, monkeypatch
):
    monkeypatch.setattr(learning, "MIXED", 20)
    monkeypatch.setattr(learning, "VARIANTS", 24)
    made = [photo for _, photo, _ in synthetic.training_pairs(20)[6:]]

    def draw(photo):  # as no artist does, but always alike
        return np.rint(255 * (photo.mean(axis=2) / 255) ** 0.7).astype(np.uint8)

    known = learn_from(pairs, made, [draw], np.random.default_rng(1), views=views)
    detail, outline = (DETAIL, OUTLINE) if views is WHOLE_VIEWS else (views.length, 0)
    assert [each.shape for each in known] == [(detail,), (NUISANCES, detail), (NUISANCES,), (outline, detail)]
    write_learned(tmp_path / "learned.npz", known)
    for one, other in zip(known, read_learned(tmp_path / "learned.npz", views), strict=True):
        np.testing.assert_allclose(one, other, atol=0.006)

    def nearer(share):
        """How much more alike one person's are than two persons', of people who were not learned from."""
        found = []
        for seed in range(900000, 900006):
            photo, sketch = synthetic.face_pair(seed)
            both = [sampled([look(each, views)], [0.0], [0.0], views) for each in (sketch, draw(photo))]
            found.append([combined(each, known.means, views)[0] for each in both])
        queries, drawn = (np.stack(each) for each in zip(*found, strict=True))
        return separation(*(each - each @ known.nuisances.T * share @ known.nuisances for each in (queries, drawn)))

    assert nearer(known.damped) > nearer(np.zeros(NUISANCES)) * 1.2


def separation(queries, drawn):
    queries, drawn = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (queries, drawn))
    alike = queries @ drawn.T
    same = np.eye(len(alike), dtype=bool)
    return (alike[same].mean() - alike[~same].mean()) / alike[~same].std()
