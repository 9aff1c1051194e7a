"""Finding eyes: in made faces and, where the data set is, in real ones, moved, turned and scaled."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import eye_finder, synthetic
from pysketch.images.alignment import FRAME_EYES, frame_to_picture, inverse, moved
from pysketch.images.pictures import list_images, read_photo, read_sketch, resample, to_luma, warp

FACES = Path(__file__).parents[2].parent / "shared" / "data" / "cuhk_student" / "test"
needs_faces = pytest.mark.skipif(not FACES.is_dir(), reason="the data set is not in ../shared/data")


@pytest.fixture
def find_eyes():
    """The function, where the extra is installed."""
    pytest.importorskip("dlib", reason='finding eyes needs pip install -e ".[align]"')
    return eye_finder.find_eyes


def scene(image, scale, degrees, middle, size):
    """The image turned and scaled, its middle moved to a place in a picture of this size, and the eyes there."""
    turn = math.radians(degrees)
    linear = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = np.column_stack([linear, np.array(middle) - linear @ (99.5, 124.5)])
    return warp(image, inverse(matrix), size), moved(matrix, FRAME_EYES), matrix


def errors(found, eyes):
    """Distances in pixels of the frame."""
    return np.linalg.norm(found - eyes, axis=1) * 50 / np.linalg.norm(eyes[1] - eyes[0])


@pytest.mark.parametrize("scale, degrees", [(0.8, 18), (1.4, -20), (3.0, 5)])
def test_the_same_eyes_are_found_wherever_a_face_is(find_eyes, scale, degrees):
    photo, _ = synthetic.face_pair(2)
    (before,) = find_eyes(photo)
    size = (round(330 * scale), round(360 * scale))
    picture, _, matrix = scene(photo, scale, degrees, (size[0] * 0.52, size[1] * 0.47), size)
    (found,) = find_eyes(picture)
    assert errors(found, moved(matrix, before)).max() < 3


def test_a_sketch_is_searched_as_a_photo_is(find_eyes):
    _, sketch = synthetic.face_pair(2)
    (found,) = find_eyes(sketch)
    assert errors(found, FRAME_EYES).max() < 4
    np.testing.assert_array_equal(find_eyes(np.repeat(sketch[:, :, None], 3, axis=2)), [found])


def test_a_picture_on_its_side_or_head_says_how_often_it_must_be_turned(find_eyes):
    photo = np.pad(synthetic.face_pair(2)[0], [(200, 300), (100, 350), (0, 0)], mode="edge")
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(photo, turns))
        assert eye_finder.quarter_turns(turned, eye_finder.find_faces(turned)) == -turns % 4


def test_a_picture_with_a_sure_face_or_with_none_at_all_is_not_to_be_turned(find_eyes, monkeypatch):
    assert eye_finder.quarter_turns(np.random.default_rng(0).integers(0, 256, (90, 70, 3)).astype(np.uint8), []) == 0
    monkeypatch.setattr(eye_finder, "find_faces", None)
    assert eye_finder.quarter_turns(np.zeros((9, 7), np.uint8), [eye_finder.Face(FRAME_EYES, 100.0, 1.0)]) == 0


def test_a_doubtful_face_stands_unless_one_by_a_half_surer_is_found_turned(monkeypatch):
    def faces(score):
        return [eye_finder.Face(FRAME_EYES, 100.0, score)]

    for turned, turns in ((1.4, 0), (1.5, 1), (0.9, 0)):
        scores = iter([0.3, turned, 0.2])  # by 2, 1 and 3 quarters
        monkeypatch.setattr(eye_finder, "find_faces", lambda picture, scores=scores: faces(next(scores)))
        assert eye_finder.quarter_turns(np.zeros((900, 1200), np.uint8), faces(0.95)) == turns


def test_several_faces_come_from_left_to_right(find_eyes):
    faces = [synthetic.face_pair(seed)[0] for seed in (2, 3)]
    found = find_eyes(np.hstack(faces))
    assert len(found) == 2
    assert found[0].max() < 200 < found[1][:, 0].min()


def test_nothing_is_found_where_no_face_is(find_eyes):
    assert find_eyes(np.full((120, 170, 3), 128, np.uint8)) == []
    assert find_eyes(np.random.default_rng(1).integers(0, 256, (120, 170), np.uint8)) == []
    assert find_eyes(np.zeros((2, 3), np.uint8)) == []


def searched(monkeypatch, faces):
    """A detector's stand-in: it finds those of the faces (x, y, width, score) that are wide enough for its pass."""
    looked = []

    def search(grey, box, step):
        looked.append((box, step))
        inside = [f for f in faces if box.left <= f[0] < box.right and box.top <= f[1] < box.bottom]
        eyes = [np.array([[x - 0.2 * w, y], [x + 0.2 * w, y]]) for x, y, w, _ in inside]
        return [eye_finder.Face(each, f[2], f[3]) for each, f in zip(eyes, inside, strict=True) if f[2] >= 80 * step]

    monkeypatch.setattr(eye_finder, "_search", search)
    return looked


PHOTO = np.zeros((3000, 4000), np.uint8)


def test_a_large_face_is_found_at_once(monkeypatch):
    looked = searched(monkeypatch, [(2000, 1400, 600, 1.0), (500, 500, 90, 1.0)])
    assert len(eye_finder.find_eyes(PHOTO)) == 1
    assert looked == [((0, 0, 4000, 3000), 4)]


def test_small_faces_are_searched_for_at_a_larger_size_in_the_rows_of_the_first_of_them(monkeypatch):
    faces = [(1000 + 150 * k, 1400, 70 + 2 * k, 1.0) for k in range(12)]
    looked = searched(monkeypatch, faces)
    found = eye_finder.find_faces(PHOTO)
    np.testing.assert_allclose([face.middle for face in found], [face[:2] for face in faces])
    steps = sorted({step for _, step in looked})
    np.testing.assert_allclose(steps, [70 / 120, 80 / 120, 1, 2, 4])
    assert min(box.top for box, step in looked if step < 1) > 900
    assert max(box.bottom for box, step in looked if step < 1) < 1900


def test_where_a_face_was_found_one_of_two_thirds_of_it_is_not_missed(monkeypatch):
    """The second pass is no larger than that needs: the smaller face is found, and one smaller still would be."""
    looked = searched(monkeypatch, [(2000, 1400, 348, 1.0), (500, 1500, 240, 1.0)])
    assert [face.width for face in eye_finder.find_faces(PHOTO)] == [240, 348]
    assert [step for box, step in looked if box.left == 0 and box.top in (0, 8)][:2] == [4, 2.9]
    assert min(step for _, step in looked) == 2


@pytest.mark.parametrize("picture", [synthetic.face_pair(4)[0], np.zeros((90, 90), np.uint8)])
def test_the_unpacked_detector_is_dlibs_own(find_eyes, picture):
    import dlib

    own = dlib.get_frontal_face_detector()
    if eye_finder._models()[0].__getstate__() != own.__getstate__():  # saved by another version of dlib
        assert eye_finder._models()[0].run(picture, 1, 0.0)[:2] == own.run(picture, 1, 0.0)[:2]


def test_a_dlib_that_cannot_read_the_unpacked_detector_takes_its_own(find_eyes, monkeypatch, tmp_path):
    (tmp_path / "old").write_bytes(b"of another dlib")
    monkeypatch.setattr(eye_finder, "_UNPACKED", tmp_path / "old")
    eye_finder._models.cache_clear()
    (eyes,) = find_eyes(synthetic.face_pair(2)[0])
    eye_finder._models.cache_clear()
    np.testing.assert_array_equal([eyes], find_eyes(synthetic.face_pair(2)[0]))


def test_what_hardly_looks_like_a_face_is_none_and_does_not_end_the_search(monkeypatch):
    searched(monkeypatch, [(2000, 2000, 700, 0.02), (3000, 600, 90, 1.0)])
    assert [face.score for face in eye_finder.find_faces(PHOTO)] == [0.02, 1.0]
    assert [eyes.mean(axis=0).tolist() for eyes in eye_finder.find_eyes(PHOTO)] == [[3000, 600]]


def test_tiles_cover_a_part_and_whatever_fits_into_their_overlap_is_whole_in_one():
    part = eye_finder.Box(100, 50, 3000, 1730)
    tiles = eye_finder._tiles(part, 0.5)
    assert (min(t.left for t in tiles), min(t.top for t in tiles)) == part[:2]
    assert (max(t.right for t in tiles), max(t.bottom for t in tiles)) == part[2:]
    for x in range(100, 2900, 37):
        for y in range(50, 1630, 41):
            assert any(t.left <= x and t.top <= y and x + 100 <= t.right and y + 100 <= t.bottom for t in tiles)
    assert eye_finder._tiles(eye_finder.Box(0, 0, 4000, 3000), 4) == [(0, 0, 4000, 3000)]


def test_small_faces_in_a_large_photo_are_found(find_eyes):
    photo = np.full((800, 1200, 3), (90, 110, 140), np.uint8)
    face = resample(synthetic.face_pair(2)[0], 100, 125)  # 60 pixels from ear to ear
    photo[500:625, 300:400] = photo[490:615, 480:580] = face
    assert [np.rint(eyes.mean(axis=0) / 50).tolist() for eyes in find_eyes(photo)] == [[7, 11], [11, 11]]


@needs_faces
@pytest.mark.parametrize("kind, read", [("photos", read_photo), ("sketches", read_sketch)])
def test_the_median_error_on_real_faces_is_under_two_pixels_of_the_frame(find_eyes, kind, read):
    distances = []
    for k, path in enumerate(list_images(FACES / kind)[::12]):
        rng = np.random.default_rng(k)
        scale = rng.uniform(0.7, 2)
        size = (round(280 * scale), round(340 * scale))
        middle = np.array(size) / 2 + rng.uniform(-20, 20, 2)
        picture, eyes, _ = scene(read(path), scale, rng.uniform(-20, 20), middle, size)
        (found,) = find_eyes(picture)
        distances.append(errors(found, eyes))
    assert np.median(distances) < 2


def test_the_pupils_are_brought_to_the_frames_eyes(monkeypatch):
    """With eye corners whose middles are (40, 50) and (80, 80): the pupils are PUPILS seen by that similarity."""
    corners = [(85, 80), (75, 80), (35, 50), (45, 50)]

    class Shape:
        def parts(self):
            return [type("Point", (), {"x": 2 * x + 0.5, "y": 2 * y + 0.5}) for x, y in [*corners, (60, 90)]]

    class Detector:
        def run(self, picture, upsampled, threshold):
            return [type("Place", (), {"width": lambda self: 160})()], [1.0], [0]

    monkeypatch.setattr(eye_finder, "_models", lambda: (Detector(), lambda picture, box: Shape()))
    (found,) = eye_finder.find_eyes(np.random.default_rng(1).integers(0, 256, (150, 120), np.uint8))  # enlarged twice
    np.testing.assert_allclose(found, moved(frame_to_picture([[40, 50], [80, 80]]), eye_finder.PUPILS), atol=1e-9)


@pytest.mark.parametrize("missing", ["dlib", "models"])
def test_without_the_extra_one_line_names_it(monkeypatch, missing):
    eye_finder._models.cache_clear()
    if missing == "dlib":
        monkeypatch.setitem(sys.modules, "dlib", None)
    else:
        monkeypatch.setitem(sys.modules, "dlib", object())
        monkeypatch.setattr(eye_finder.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r'needs dlib and its models: pip install -e "\.\[align\]", or give'):
        eye_finder.find_eyes(to_luma(synthetic.face_pair(2)[0]))
    eye_finder._models.cache_clear()
