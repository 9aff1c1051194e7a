"""The page's work without a browser: eyes are found, marked and moved, faces drawn, people looked for."""

import re
import threading
from types import SimpleNamespace

import galleries
import numpy as np
import pytest

from pysketch.device.backend import CPU
from pysketch.drawing.sketcher import Sketcher
from pysketch.errors import DataError, GalleryError
from pysketch.images import synthetic
from pysketch.images.alignment import FRAME_EYES, align
from pysketch.images.eye_finder import Face
from pysketch.images.pasting import paste
from pysketch.images.pictures import encode_picture, resample, side_by_side, to_luma
from pysketch.page import studio
from pysketch.page.studio import MOST_FACES, Studio, marked, moved_to, shown_size
from pysketch.search.gallery import Gallery
from pysketch.search.upkeep import remove_people

PHOTO = synthetic.face_pair(3)[0]
WIDE = np.full((250, 400, 3), 180, np.uint8)
WIDE[:, 100:300] = PHOTO
EYES = np.add(FRAME_EYES, (100, 0))


class Pencil:
    """Draws the inverted luma; counts, and notices two that draw at once."""

    preprocessing = SimpleNamespace(drawn="sketch")
    net = SimpleNamespace(context=SimpleNamespace(device=CPU))

    def __init__(self):
        self.drawings, self.overlaps, self._busy = 0, 0, threading.Lock()

    def draw(self, photo, size_as_input):
        assert size_as_input
        self.overlaps += not self._busy.acquire(blocking=False)
        self.drawings += 1
        threading.Event().wait(0.001)
        self._busy.release()
        return 255 - to_luma(np.ascontiguousarray(photo))


@pytest.fixture
def drawer():
    return Studio(Pencil())


def finder(monkeypatch, *faces, there=True):
    """A finder that finds these faces, or none that is there."""
    monkeypatch.setattr(studio, "can_find_faces", lambda: there)
    monkeypatch.setattr(studio, "find_faces", lambda picture: list(faces))
    monkeypatch.setattr(studio, "quarter_turns", lambda picture, found: 0)


def test_a_pictures_bytes_are_read_and_what_is_none_is_named(drawer):
    np.testing.assert_array_equal(drawer.read(encode_picture(PHOTO, ".png"), "a.png"), PHOTO)
    with pytest.raises(DataError, match=r"^notes.png: not an image in a format we read, but a text$"):
        drawer.read(b"hello\n", "notes.png")
    with pytest.raises(DataError, match=r"^a.png: an empty file$"):
        drawer.read(b"", "a.png")


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(studio, "decode_picture", None)
    expected = r"^a.png: 200x250 pixels; this page takes up to 0.04 million of them, save it smaller$"
    with pytest.raises(DataError, match=expected):
        Studio(Pencil(), most_pixels=40_000).read(encode_picture(PHOTO, ".png"), "a.png")


def test_in_an_aligned_photo_the_eyes_are_where_they_belong_and_nothing_is_searched(drawer, monkeypatch):
    monkeypatch.setattr(studio, "find_faces", None)
    look = drawer.look(PHOTO)
    np.testing.assert_array_equal(look.faces, [FRAME_EYES])
    assert look.remark == "Aligned already."
    np.testing.assert_array_equal(drawer.look(PHOTO[25:225, 22:177]).faces, [np.subtract(FRAME_EYES, (22.5, 25))])


def test_faces_found_are_told_and_what_hardly_looks_like_one_or_lacks_an_eye_is_none(drawer, monkeypatch):
    outside = Face(np.add(EYES, (200, 0)), 80, 2.0)
    finder(monkeypatch, Face(EYES, 80, 2.0), Face(np.subtract(EYES, (90, 50)), 80, 0.1), outside)
    look = drawer.look(WIDE)
    np.testing.assert_array_equal(look.faces, [EYES])
    assert (look.remark, look.guessed) == ("1 face found.", False)


def test_of_very_many_faces_the_largest_are_marked_from_the_left(drawer, monkeypatch):
    finder(monkeypatch, *(Face(np.add(EYES, (k, 0)), 50 + k, 1.0) for k in range(MOST_FACES + 3)))
    look = drawer.look(WIDE)
    np.testing.assert_array_equal(look.faces, [np.add(EYES, (k, 0)) for k in range(3, MOST_FACES + 3)])
    assert look.remark == f"{MOST_FACES + 3} faces found, the {MOST_FACES} largest are marked."


def test_without_a_finder_the_page_says_so_and_the_eyes_are_a_guess_to_be_moved(drawer, monkeypatch):
    finder(monkeypatch, there=False)
    look = drawer.look(WIDE)
    assert look.guessed
    assert look.remark.startswith('Eyes are not found here, as dlib is not installed (pip install -e ".[align]")')
    assert look.remark.endswith("move the marks to the eyes.")
    align(WIDE, look.faces[0])


def test_without_a_finder_or_a_face_a_picture_of_the_frames_size_is_taken_as_aligned(drawer, monkeypatch):
    grey = np.full_like(PHOTO, 128)
    for there, word in ((False, "dlib is not installed"), (True, "No face was found")):
        finder(monkeypatch, there=there)
        look = drawer.look(grey)
        assert word in look.remark and "taken as aligned already" in look.remark
        np.testing.assert_array_equal(look.faces, [FRAME_EYES])
        assert not look.guessed


def test_no_face_and_a_picture_on_its_side_are_told_with_a_guess(drawer, monkeypatch):
    finder(monkeypatch)
    assert drawer.look(WIDE)[1:] == ("No face was found: move the marks to the eyes.", True)
    monkeypatch.setattr(studio, "quarter_turns", lambda picture, found: 3)
    assert drawer.look(WIDE)[1:] == ("The picture lies on its side: turn it right and take it again.", True)


def test_a_blank_sketch_is_told_as_such_whatever_its_size(drawer, monkeypatch):
    finder(monkeypatch)
    with pytest.raises(DataError, match=r"^no lines in it: every pixel is of the same grey$"):
        drawer.look_at_sketch(np.full((300, 400, 3), 255, np.uint8))
    assert drawer.look_at_sketch(WIDE).guessed


def test_a_sketch_with_colours_is_told_to_look_like_a_photo_and_one_without_is_not(drawer):
    _, photo, sketch = synthetic.test_pairs(1)[0]
    told = "Aligned already. It has colours: is it a photo? Distances are measured on sketches."
    assert drawer.look_at_sketch(photo).remark == told
    assert drawer.look_at_sketch(sketch[:, :, None].repeat(3, axis=2)).remark == "Aligned already."
    assert drawer.look(photo).remark == "Aligned already."


@pytest.mark.parametrize("size", [(9, 400), (400, 9), (4000, 3000)])
def test_a_guess_is_within_the_picture_the_left_eye_first(drawer, monkeypatch, size):
    finder(monkeypatch)
    (eyes,) = drawer.look(np.zeros((*size, 3), np.uint8)).faces
    assert (eyes >= 0).all() and (eyes < size[::-1]).all() and eyes[0, 0] < eyes[1, 0]


def test_an_aligned_photo_is_drawn_as_it_is(drawer):
    drawing = drawer.draw(PHOTO, [FRAME_EYES], 0)
    expected = 255 - to_luma(PHOTO)
    np.testing.assert_array_equal(drawing.sketch, expected)
    np.testing.assert_array_equal(drawing.beside, side_by_side(PHOTO, expected))
    np.testing.assert_array_equal(drawing.pasted, paste(PHOTO, [expected], [FRAME_EYES]))


def test_the_chosen_face_is_shown_all_are_pasted_and_each_is_drawn_once(drawer):
    faces = [np.subtract(EYES, (60, 0)), np.add(EYES, (60, 0))]
    drawing = drawer.draw(WIDE, faces, 1)
    sketches = [255 - to_luma(align(WIDE, eyes)) for eyes in faces]
    np.testing.assert_array_equal(drawing.sketch, sketches[1])
    np.testing.assert_array_equal(drawing.pasted, paste(WIDE, sketches, faces))
    assert drawer._sketcher.drawings == 2


def test_sketches_are_put_back_into_a_large_photo_reduced_and_drawn_of_it_as_it_is(drawer, monkeypatch):
    monkeypatch.setattr(studio, "PASTED", 200)
    drawing = drawer.draw(WIDE, [EYES], 0)
    sketch = 255 - to_luma(align(WIDE, EYES))
    np.testing.assert_array_equal(drawing.sketch, sketch)
    expected = paste(resample(WIDE, 200, 125), [sketch], [(EYES + 0.5) / 2 - 0.5])
    np.testing.assert_array_equal(drawing.pasted, expected)


def test_eyes_that_no_face_has_are_refused(drawer):
    with pytest.raises(DataError, match="expected the eye on the picture's left first"):
        drawer.draw(PHOTO, [FRAME_EYES[::-1]], 0)


def test_visitors_draw_at_once_and_the_net_draws_for_one_at_a_time(drawer):
    photos = [np.roll(PHOTO, 7 * k, axis=1) for k in range(3)]
    found = {}
    threads = [
        threading.Thread(target=lambda k=k: found.update({k: drawer.draw(photos[k], [FRAME_EYES], 0).sketch}))
        for k in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[k], 255 - to_luma(photos[k])) for k in range(3))
    assert drawer._sketcher.overlaps == 0


def test_a_net_file_draws_as_it_does_elsewhere(net_file):
    sketcher = Sketcher(net_file)
    drawing = Studio(sketcher).draw(PHOTO, [FRAME_EYES], 0)
    np.testing.assert_array_equal(drawing.sketch, sketcher.draw(PHOTO, size_as_input=True))


def test_marks_are_on_the_eyes_and_leave_the_pupils_free():
    grey = np.full((300, 600, 3), 90, np.uint8)
    faces = [np.array([[100.0, 100.0], [160.0, 100.0]]), np.array([[400.0, 200.0], [460.0, 200.0]])]
    picture = marked(grey, faces, 1)
    assert picture.shape == grey.shape
    changed = (picture != grey).any(axis=2)
    for eyes in faces:
        for x, y in eyes.astype(int):
            assert not changed[y - 1 : y + 2, x - 1 : x + 2].any()
            assert changed[y - 12 : y + 13, x - 12 : x + 13].any()
    red, blue = picture[..., 0].astype(int), picture[..., 2].astype(int)
    assert (red - blue)[:150].min() < -100 and (red - blue)[:150].max() <= 0
    assert (red - blue)[150:].max() > 100 and (red - blue)[150:].min() >= 0


def test_several_faces_have_the_numbers_by_which_one_is_chosen_and_one_alone_has_none():
    grey = np.full((400, 900, 3), 90, np.uint8)
    faces = [np.array([[x, 200.0], [x + 60, 200.0]]) for x in (100.0, 300.0, 500.0)]
    above = (slice(147, 178), slice(None))
    (lone,) = ((marked(grey, faces[:1], 0) != grey).any(axis=2)[above],)
    assert not lone[:, 115:146].any()
    picture = marked(grey, faces, 1)[above].astype(int)
    numbers = [picture[:, x + 15 : x + 46] for x in (100, 300, 500)]
    inked = [(abs(each[..., 0] - each[..., 2]) > 100) for each in numbers]
    assert inked[0].sum() < 0.6 * inked[1].sum()  # a 1 has two bars of seven, 2 and 3 have five
    assert (inked[1] != inked[2]).any() and inked[2].sum() == pytest.approx(inked[1].sum(), rel=0.1)
    assert (numbers[1][inked[1]][:, 0] > 200).all() and (numbers[0][inked[0]][:, 2] > 200).all()


def test_the_number_of_a_face_at_the_edge_is_within_the_picture():
    grey = np.full((300, 600, 3), 90, np.uint8)
    faces = [np.array([[100.0, 2.0], [160.0, 2.0]]), np.array([[400.0, 200.0], [460.0, 200.0]])]
    assert (marked(grey, faces, 0)[10:25, 120:141] != 90).any()


@pytest.mark.parametrize(
    ("size", "shown"),
    [((200, 250), (320, 400)), ((600, 700), (600, 700)), ((4000, 3000), (1000, 750)), ((1, 3000), (1, 1000))],
)
def test_small_pictures_are_shown_larger_and_large_ones_smaller(size, shown):
    picture = np.zeros((*size[::-1], 3), np.uint8)
    assert shown_size(picture) == shown
    assert marked(picture, [], 0).shape == (*shown[::-1], 3)


def test_a_click_moves_the_nearest_eye_and_says_whose_it_was():
    faces = [np.array([[10.0, 10.0], [30.0, 10.0]]), np.array([[60.0, 12.0], [80.0, 12.0]])]
    moved, face = moved_to(faces, np.array([57.0, 20.0]))
    assert face == 1
    np.testing.assert_array_equal(moved, [faces[0], [[57.0, 20.0], [80.0, 12.0]]])
    np.testing.assert_array_equal(faces[1], [[60.0, 12.0], [80.0, 12.0]])


def test_an_eye_moved_past_the_other_becomes_the_other():
    moved, _ = moved_to([np.array([[10.0, 10.0], [30.0, 10.0]])], np.array([41.0, 10.0]))
    np.testing.assert_array_equal(moved, [[[10.0, 10.0], [41.0, 10.0]]])
    moved, _ = moved_to([np.array([[10.0, 10.0], [30.0, 10.0]])], np.array([9.0, 10.0]))
    np.testing.assert_array_equal(moved, [[[9.0, 10.0], [30.0, 10.0]]])


def test_without_a_gallery_nobody_is_found(drawer):
    with pytest.raises(DataError, match=r"start the page with --gallery gallery\.h5"):
        drawer.find(PHOTO, FRAME_EYES, 3)


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    """Three made people, in whom is looked for by few transforms."""
    galleries.few_transforms(monkeypatch)
    return Gallery(galleries.write_people(tmp_path / "gallery.h5"))


def test_by_a_sketch_on_a_sheet_people_are_found_nearest_first_with_pictures_and_how_sure(gallery):
    name, photo, sketch = galleries.people(3)[1]
    sheet = np.full((300, 400, 3), 255, np.uint8)
    sheet[20:270, 90:290] = sketch[:, :, None]
    found = Studio(Pencil(), gallery).find(sheet, np.add(FRAME_EYES, (90, 20)), 2)
    first, second = found.nearest
    assert first.name == name != second.name
    assert re.fullmatch(r"distance 0\.\d+, [\w ,]+ others come as near \([\w. ]+ of those here\)", first.words)
    assert found.sure.startswith("How sure: ")
    assert abs(first.photo.astype(int) - photo).mean() < 10
    np.testing.assert_array_equal(first.drawn, gallery.sketch(1))
    assert first.agreement.shape == (250, 200, 3)
    orange, blue = (first.agreement[..., a].astype(int) - first.agreement[..., 2 - a] > 40 for a in (0, 2))
    assert orange.sum() > 3 * blue.sum()


def test_how_sure_a_match_is_is_not_known_of_what_looks_like_a_photo(gallery):
    found = Studio(Pencil(), gallery).find(galleries.people(3)[1][1], FRAME_EYES, 2)
    assert found.sure == "How sure: not known; distances are measured on sketches, and this looks like a photo."
    assert all("come as near" not in each.words for each in found.nearest)


def test_a_gallery_that_was_written_anew_is_opened_anew_and_one_that_is_gone_is_told(gallery, tmp_path, caplog):
    drawer, path = Studio(Pencil(), gallery), tmp_path / "gallery.h5"
    sketch = galleries.people(3)[0][2][:, :, None].repeat(3, axis=2)
    names = [each.name for each in drawer.find(sketch, FRAME_EYES, 3).nearest]
    assert drawer.gallery is gallery
    remove_people(path, [names[0]])
    assert [each.name for each in drawer.find(sketch, FRAME_EYES, 3).nearest] == names[1:]
    for spoil in (lambda: path.write_bytes(b"test-000"), path.unlink):
        spoil()
        with pytest.raises(GalleryError, match=r"^the gallery cannot be opened any more"):
            drawer.find(sketch, FRAME_EYES, 3)
    assert len(caplog.records) == 2 and "test-0" not in caplog.text and "gallery.h5" not in caplog.text
    galleries.write_people(path)
    assert [each.name for each in drawer.find(sketch, FRAME_EYES, 3).nearest] == names


def test_where_the_gallery_keeps_no_pictures_that_is_said(tmp_path, monkeypatch):
    galleries.few_transforms(monkeypatch)
    gallery = Gallery(galleries.write_people(tmp_path / "gallery.h5", sketches=False, photos=False))
    found = Studio(Pencil(), gallery).find(PHOTO, FRAME_EYES, 1).nearest[0]
    assert found.photo is None and found.drawn is None
    assert any("keeps no thumbnail" in each for each in found.missing)
    assert found.agreement.shape == (250, 200, 3)
