import numpy as np
import pytest

from pysketch.benchmark import population
from pysketch.benchmark.population import (
    Faces,
    alikeness,
    draw_faces,
    make_crowd,
    mixed_details,
    mixed_sketch,
    owners,
    query_sketch,
)
from pysketch.images import load_pairs
from pysketch.search import DETAIL_SCALE, OUTLINE_SCALE, describe, mixed, outlines
from pysketch.search.describe import DETAIL


@pytest.fixture(scope="module")
def faces():
    """Four faces that were not drawn by a net, and their drawings: bars, wider and narrower."""
    rows, columns = np.mgrid[:250, :200]
    drawn = np.stack([128 + 100 * np.sin(columns / width + rows / 9) for width in (5, 7, 9, 12)])
    return Faces(drawn.astype(np.uint8), (drawn + 20).astype(np.uint8))


@pytest.fixture
def quick(faces, monkeypatch):
    """The crowd's faces are there already."""
    monkeypatch.setattr(population, "draw_faces", lambda seed, progress: faces)


def quiet(items, what):
    return items


def test_a_mixture_is_the_same_of_what_was_drawn_and_of_what_an_artist_drew(faces):
    apart = mixed_sketch(faces.sketched, 3, 0).astype(int) - mixed_sketch(faces.drawn, 3, 0)
    assert np.abs(apart - 20).max() <= 1
    assert (mixed_sketch(faces.drawn, 3, 0) != mixed_sketch(faces.drawn, 4, 0)).any()
    assert (mixed_sketch(faces.drawn, 3, 0) != mixed_sketch(faces.drawn, 3, 1)).any()


def test_a_query_is_the_artists_mixture_moved_a_little(faces):
    query, still = query_sketch(faces, 3, 0), mixed_sketch(faces.sketched, 3, 0)
    assert query.shape == still.shape and query.dtype == np.uint8
    assert (query != still).any()
    centre = np.s_[100:150, 75:125]
    places = [np.roll(query.astype(int), (down, across), (0, 1)) for down in range(-5, 6) for across in range(-5, 6)]
    assert (
        min(np.abs(each - still)[centre].mean() for each in places)
        < 0.5 * np.abs(mixed_sketch(faces.sketched, 4, 0).astype(int) - still)[centre].mean()
    )


def test_every_number_of_a_description_is_of_the_third_of_the_face_that_it_tells_of(faces):
    plain = np.full((250, 200), 200, np.uint8)
    plain[60:240:9], plain[:, 20:190:9] = 60, 90
    other = plain.copy()
    other[118:128, 70:130] = np.random.default_rng(0).integers(0, 255, (10, 60))  # the eyes
    change = np.abs(describe(other).detail.astype(int) - describe(plain).detail)
    owner = owners()
    means = [change[owner == third].mean() for third in range(3)]
    assert np.argmax(means) == 1
    assert np.bincount(owner).min() > DETAIL / 20


def test_a_mixed_description_takes_each_third_from_one_row_and_has_norm_1():
    rng = np.random.default_rng(0)
    details = np.repeat(rng.integers(20, 40, (6, 1)), DETAIL, axis=1).astype(np.int8)
    found = mixed_details(details, 50, rng).details
    assert np.linalg.norm(found / DETAIL_SCALE, axis=1) == pytest.approx(1, abs=0.02)
    for third in range(3):
        assert np.ptp(found[:, owners() == third].astype(int), axis=1).max() == 0
    assert len(np.unique(found[:, [np.flatnonzero(owners() == third)[0] for third in range(3)]], axis=0)) > 20


def test_a_crowd_knows_of_whom_everybody_is_mixed_and_what_rounding_left(quick, tmp_path):
    crowd = make_crowd(tmp_path, 40, 8, 0, quiet)
    people = crowd.people
    whole = crowd.described[people.sources[:, people.owner], np.arange(DETAIL)] * people.fit[:, :1]
    rest = people.details / DETAIL_SCALE - whole
    assert np.linalg.norm(rest, axis=1) == pytest.approx(people.fit[:, 1], abs=1e-5)
    assert (people.fit[:8, 1] == 0).all()
    assert (people.fit[8:, 1] > 0).all() and people.fit[:, 1].max() < 0.1
    seen = outlines(people.details.astype(np.float32) / DETAIL_SCALE)
    assert np.abs(people.outlines / OUTLINE_SCALE - seen).max() < 0.51 / OUTLINE_SCALE


def test_alikeness_is_that_of_plain_loops():
    details = np.random.default_rng(0).integers(-50, 50, (7, 12)).astype(np.int8)
    units = [row / np.linalg.norm(row) for row in details.astype(float)]
    pairs = [a @ b for i, a in enumerate(units) for j, b in enumerate(units) if i != j]
    near = [max(a @ b for j, b in enumerate(units) if i != j) for i, a in enumerate(units)]
    assert alikeness(details) == pytest.approx((np.mean(pairs), np.std(pairs), np.median(near), max(near)), abs=1e-6)


def test_a_crowd_begins_with_mixed_sketches_and_is_kept(quick, faces, tmp_path, monkeypatch):
    crowd = make_crowd(tmp_path, 40, 8, 0, quiet)
    assert [len(each) for each in crowd.people.part(slice(40))[:4]] == [40] * 4
    assert (crowd.people.details[:8] == crowd.described).all()
    assert (crowd.described[3] == describe(mixed_sketch(faces.drawn, 3, 0)).detail).all()
    assert len(np.unique(crowd.people.details, axis=0)) > 30
    assert set(crowd.alikeness()) == {"drawn", "sketches mixed", "descriptions mixed"}
    monkeypatch.setattr(population, "describe", None)
    again = make_crowd(tmp_path, 40, 8, 0, quiet)
    assert all((a == b).all() for a, b in zip(crowd.people[:4], again.people[:4], strict=True))


@pytest.mark.slow
def test_a_smaller_crowd_is_the_start_of_a_larger_one(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(population, "_BLOCK", 16)
    small, large = (make_crowd(tmp_path, size, 8, 0, quiet) for size in (24, 60))
    assert all((a == b).all() for a, b in zip(small.people[:4], large.people.part(slice(24))[:4], strict=True))


@pytest.mark.slow
def test_another_seed_makes_other_people(quick, tmp_path):
    first, second = (make_crowd(tmp_path / str(seed), 20, 8, seed, quiet) for seed in (0, 1))
    assert (first.people.details != second.people.details).any()


@pytest.mark.slow
def test_the_faces_are_varied_and_drawn_by_the_portrait_net(monkeypatch):
    pairs = load_pairs("synthetic", "test")[:1]
    monkeypatch.setattr(population, "load_pairs", lambda source, split: pairs if split == "test" else [])
    drawn, sketched = draw_faces(0, quiet)
    assert drawn.shape == sketched.shape == (2, 250, 200)
    assert drawn.dtype == np.uint8
    assert (drawn[0] != drawn[1]).any()
    for face in drawn:
        assert np.corrcoef(face[60:220, 50:150].ravel(), sketched[0][60:220, 50:150].ravel())[0, 1] > 0.3


def test_mixtures_are_those_of_the_search(faces):
    expected = next(mixed(faces.drawn, 1, np.random.default_rng([5, 2, 9])))
    assert (mixed_sketch(faces.drawn, 9, 5) == expected).all()
