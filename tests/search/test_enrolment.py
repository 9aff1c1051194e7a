"""Enrolling: which photos and whose, drawn once, by any number of processes; killed at any moment nobody is lost."""

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from gallery_makers import held, some_pixels
from helpers import refused
from killing import killed_after
from solver_helpers import write_sketch_net_file

from pysketch.drawing import choice
from pysketch.errors import DataError, GalleryError
from pysketch.images import synthetic
from pysketch.images.alignment import align
from pysketch.images.eye_finder import Face
from pysketch.images.pictures import decode_picture, read_photo, write_image
from pysketch.parallel import Hands, Lost
from pysketch.search import enrolment
from pysketch.search.describe import describe
from pysketch.search.enrolment import Drawer, Enrolment, Photo, default_workers, drawing, find_photos
from pysketch.search.gallery_file import GalleryFile
from pysketch.search.journal import waiting
from pysketch.search.upkeep import remove_people

ROOT = Path(__file__).parents[2]


def test_another_way_to_align_is_refused_before_a_photo_is_looked_at():
    with pytest.raises(ValueError, match=r"^align: expected auto, none or None, found 'eyes'"):
        Drawer("no such net.h5", "eyes")


def write_photo(path, seed, size=(40, 32)):
    """A picture of nobody."""
    write_image(path, np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8))
    return path


@pytest.fixture(autouse=True)
def _described_in_no_time(request, monkeypatch):
    """In tests that are not slow a description is some of the sketch's pixels."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(enrolment, "describe", some_pixels)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An untrained net, net.h5, and photos/ with a, b and c."""
    root = tmp_path_factory.mktemp("files")
    write_sketch_net_file(root)
    for seed, name in enumerate("abc"):
        write_photo(root / "photos" / f"{name}.png", seed)
    return root


@pytest.fixture
def net_file(files):
    """The net: its sketches are 4 pixels smaller than photos."""
    return files / "net.h5"


@pytest.fixture
def folder(files, tmp_path):
    """A copy of the photos that the test may change."""
    return Path(shutil.copytree(files / "photos", tmp_path / "photos"))


def enrol(gallery, net, *folders, add=False, people=None, align="none", thumbnails=True):
    """Everything, to the end; what became of the photos that were drawn, and the plan."""
    photos, _ = find_photos(folders, people)
    with Enrolment(gallery, net) as enrolling:
        plan = enrolling.plan(photos, add)
        with closing(enrolling.draw(plan, alone(net, align, thumbnails))) as results:
            done = list(results)
        enrolling.settle()
    return done, plan


def alone(net, align="none", thumbnails=True):
    """This process, which draws."""
    return Hands(lambda: drawing(net, align, thumbnails), [])


def names(photos):
    """Whose and which."""
    return [(photo.person, photo.path.name) for photo in photos]


# who is on which photo


def test_of_a_flat_folder_each_photos_stem_is_the_person(folder):
    photos, remarks = find_photos([folder])
    assert names(photos) == [("a", "a.png"), ("b", "b.png"), ("c", "c.png")]
    assert not any(photo.told for photo in photos)
    assert remarks == []


def test_a_folder_in_it_is_a_person(folder, caplog):
    for seed in (7, 8):
        write_photo(folder / "anna" / f"{seed}.png", seed)
    (folder / "anna" / "notes.txt").write_text("x")
    (folder / ".hidden").mkdir()
    photos, remarks = find_photos([folder])
    assert names(photos)[3:] == [("anna", "7.png"), ("anna", "8.png")]
    assert [photo.told for photo in photos] == [False, False, False, True, True]
    assert remarks == [f"{folder / 'anna'}: left out: notes.txt (no picture)"]
    assert caplog.text == ""  # the log names nobody


def test_several_folders_and_single_photos_each_once(folder, tmp_path):
    write_photo(tmp_path / "more" / "d.png", 9)
    photos, remarks = find_photos([tmp_path / "more", folder / "b.png", folder])
    assert names(photos) == [("d", "d.png"), ("b", "b.png"), ("a", "a.png"), ("c", "c.png")]
    assert remarks == [f"{folder / 'b.png'}: is given twice"]


@pytest.mark.parametrize("name", ["empty", "none"])
def test_no_photos_are_an_error(name, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "photo" in refused(DataError, find_photos, [tmp_path / name], where=str(tmp_path / name))


def test_a_folder_of_pairs_is_not_two_persons(folder, tmp_path):
    (tmp_path / "sketches").mkdir()
    assert f"enrol {folder}" in refused(DataError, find_photos, [tmp_path])


def test_a_csv_says_who_is_who(folder, tmp_path):
    write_photo(folder / "sub" / "a.png", 9)
    table = tmp_path / "people.csv"
    table.write_text(f"file,person\n{folder / 'a.png'},Anna\nsub/a.png,Anna\nb.png,Åsa Öberg\n\nc.png,c\n")
    photos, _ = find_photos([folder], table)
    assert [photo.person for photo in photos] == ["Anna", "Åsa Öberg", "c", "Anna"]
    assert all(photo.told for photo in photos)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,person\n", ":1: expected the header file,person, found name,person"),
        ("", ":1: expected the header file,person, found nothing"),
        ("file,person\na.png\n", ":2: expected 2 values, found 1"),
        ("file,person\na.png,\n", ":2: expected a file and a person"),
        (f"file,person\na.png,{'A' * 501}\n", ":2: a name of 501 characters; expected 500 at most"),
        ("file,person\na.png,A\na.png,B\n", ":3: a.png stands here twice"),
        ("file,person\na.png,A\nb.png,B\nc.png,C\nd.png,D\n", ':5: d.png is none of the photos; did you mean "c.png"'),
        ("file,person\na.png,A\n", ": does not say who is on .*b.png, .*c.png"),
    ],
)
def test_a_csv_that_does_not_fit_is_told(text, message, folder, tmp_path):
    (tmp_path / "people.csv").write_text(text)
    refused(DataError, find_photos, [folder], tmp_path / "people.csv", where=f"{tmp_path / 'people.csv'}{message}")


def test_a_csv_must_say_the_folder_where_two_photos_have_the_name(folder, tmp_path):
    write_photo(folder / "sub" / "a.png", 9)
    (tmp_path / "people.csv").write_text("file,person\na.png,A\nb.png,B\nc.png,C\n")
    assert "a.png is 2 photos" in refused(DataError, find_photos, [folder], tmp_path / "people.csv")


# what is kept


def test_what_is_kept_of_a_photo(folder, net_file, tmp_path, monkeypatch):
    monkeypatch.setattr(enrolment, "describe", describe)
    done, plan = enrol(tmp_path / "g.h5", net_file, folder / "b.png")
    assert (len(done), plan.held, plan.remarks, plan.problems) == (1, 0, [], [])
    columns, drawer = GalleryFile(tmp_path / "g.h5").columns, Drawer(net_file, "none")
    photo = read_photo(folder / "b.png")
    sketch = decode_picture(columns.sketches[0], "sketch")
    np.testing.assert_array_equal(sketch, drawer._sketcher.draw(photo))
    assert abs(decode_picture(columns.photos[0], "photo").astype(int) - photo).mean() < 25  # JPEG of noise
    outline, detail = describe(sketch)
    np.testing.assert_array_equal(columns.outlines[0], outline)
    np.testing.assert_array_equal(columns.details[0], detail)
    assert (columns.name_of(0), columns.path_of(0)) == ("b", str(folder / "b.png"))
    assert np.isnan(columns.eyes[0]).all()


def test_found_faces_are_aligned_and_their_eyes_kept(net_file, tmp_path, monkeypatch):
    write_photo(tmp_path / "photos" / "a.png", 1, (300, 280))
    eyes = np.array([[100.5, 130.0], [160.0, 133.0]])
    monkeypatch.setattr(choice, "find_faces", lambda photo: [Face(eyes, 1.0, 80.0)])
    monkeypatch.setattr(choice, "quarter_turns", lambda photo, faces: 0)
    enrol(tmp_path / "g.h5", net_file, tmp_path / "photos", align="auto")
    columns = GalleryFile(tmp_path / "g.h5").columns
    np.testing.assert_array_equal(columns.eyes[0], eyes.astype(np.float32))
    aligned = align(read_photo(tmp_path / "photos" / "a.png"), eyes)
    kept = decode_picture(columns.photos[0], "photo")
    assert kept.shape == (250, 200, 3)
    assert abs(kept.astype(int) - aligned).mean() < 25


@pytest.mark.parametrize(
    ("faces", "message"), [(0, "no face found in it"), (2, "2 faces, expected one; cut the photo")]
)
def test_a_photo_without_a_face_or_with_several_is_left_out(faces, message, folder, net_file, tmp_path, monkeypatch):
    found = [Face(np.array([[9.0, 12.0], [20.0, 12.0]]), 1.0, 30.0)] * faces
    monkeypatch.setattr(choice, "find_faces", lambda photo: found)
    monkeypatch.setattr(choice, "quarter_turns", lambda photo, faces: 0)
    done, _ = enrol(tmp_path / "g.h5", net_file, folder, align="auto")
    assert [each.portrait for each in done] == [None] * 3
    assert all(each.problem.startswith(f"{each.photo.path}: {message}") for each in done)
    assert not (tmp_path / "g.h5").exists()


def test_what_is_larger_than_the_frame_is_not_taken_as_it_is(net_file, tmp_path):
    write_photo(tmp_path / "photos" / "a.png", 1, (300, 280))
    (done,), _ = enrol(tmp_path / "g.h5", net_file, tmp_path / "photos")
    assert done.problem.endswith("expected an aligned face of 200x250 pixels, found 280x300; --align auto finds it")


@pytest.fixture
def three(tmp_path):
    """Of the frame's size without a face; of another size; a face that is aligned."""
    write_photo(tmp_path / "three" / "a.png", 1, (250, 200))
    write_photo(tmp_path / "three" / "b.png", 2, (60, 50))
    write_image(tmp_path / "three" / "c.png", synthetic.face_pair(5)[0])
    return tmp_path / "three"


def test_without_dlib_a_photo_of_another_size_is_left_out_and_one_of_the_frames_taken_with_a_word(
    three, net_file, tmp_path, monkeypatch
):
    for module in (choice, enrolment):
        monkeypatch.setattr(module, "can_find_faces", lambda: False)
    (frame, other, aligned), _ = enrol(tmp_path / "g.h5", net_file, three, align=None)
    assert frame.portrait is not None
    assert frame.remark.startswith("no eyes where the nets expect them: taken as it is; --align auto finds faces")
    assert "not an aligned face of 200x250 pixels: left out; --align auto finds faces" in other.problem
    assert (aligned.remark, aligned.problem) == ("", "")


def test_where_dlib_finds_no_face_a_photo_is_left_out(three, net_file, tmp_path, monkeypatch):
    for module in (choice, enrolment):
        monkeypatch.setattr(module, "can_find_faces", lambda: True)
    monkeypatch.setattr(choice, "find_faces", lambda photo: [])
    monkeypatch.setattr(choice, "quarter_turns", lambda photo, faces: 0)
    (frame, other, aligned), _ = enrol(tmp_path / "g.h5", net_file, three, align=None)
    for done in (frame, other):
        assert done.problem.endswith("no face found in it: left out; --align none takes it as it is")
    assert (aligned.remark, aligned.problem) == ("", "")


def test_a_file_that_cannot_be_read_is_left_out_and_the_others_enrolled(folder, net_file, tmp_path):
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:300])
    done, _ = enrol(tmp_path / "g.h5", net_file, folder)
    assert [each.portrait is not None for each in done] == [True, False, True]
    assert done[1].problem.startswith(f"{folder / 'b.png'}: cannot read the image")
    assert GalleryFile(tmp_path / "g.h5").columns.people() == ["a", "c"]


def test_a_photo_that_changes_meanwhile_is_left_out(folder, net_file):
    done = Drawer(net_file, "none")(Photo(folder / "a.png", "a", False), bytes(32))
    assert "was changed while photos were enrolled" in done.problem


def test_without_thumbnails_only_the_path_is_kept(folder, net_file, tmp_path):
    enrol(tmp_path / "g.h5", net_file, folder, thumbnails=False)
    columns = GalleryFile(tmp_path / "g.h5").columns
    assert (columns.photos[0], columns.path_of(0)) == (b"", str(folder / "a.png"))
    assert len(columns.sketches[0]) > 100


def test_a_name_that_is_no_text_is_enrolled_and_found_again(net_file, tmp_path):
    (tmp_path / "photos").mkdir()
    shutil.copy(write_photo(tmp_path / "x.png", 3), os.fsencode(tmp_path / "photos") + b"/\xff\x1b[2J.png")
    done, _ = enrol(tmp_path / "g.h5", net_file, tmp_path / "photos")
    assert done[0].problem == ""
    assert GalleryFile(tmp_path / "g.h5").columns.people() == ["\udcff\x1b[2J"]
    assert enrol(tmp_path / "g.h5", net_file, tmp_path / "photos")[1].held == 1


# again, and more


def test_enrolling_twice_changes_no_byte_and_draws_nothing(folder, net_file, tmp_path, monkeypatch):
    enrol(tmp_path / "g.h5", net_file, folder)
    before = (tmp_path / "g.h5").read_bytes(), (tmp_path / "g.h5").stat().st_ino
    monkeypatch.setattr(enrolment, "Drawer", None)
    done, plan = enrol(tmp_path / "g.h5", net_file, folder)
    assert (done, plan.held) == ([], 3)
    assert ((tmp_path / "g.h5").read_bytes(), (tmp_path / "g.h5").stat().st_ino) == before


def test_a_photo_that_comes_to_the_folder_comes_behind_the_others_which_stay_as_they_are(folder, net_file, tmp_path):
    enrol(tmp_path / "g.h5", net_file, folder)
    before = held(tmp_path / "g.h5")
    write_photo(folder / "aa.png", 9)
    assert len(enrol(tmp_path / "g.h5", net_file, folder)[0]) == 1
    after = held(tmp_path / "g.h5")
    assert list(after) == [*before, str(folder / "aa.png")]
    assert {path: after[path] for path in before} == before


def test_the_same_file_under_two_names_is_enrolled_once_and_said(folder, net_file, tmp_path):
    shutil.copy(folder / "a.png", folder / "d.png")
    done, plan = enrol(tmp_path / "g.h5", net_file, folder)
    assert len(done) == 3
    assert plan.remarks == [f"{folder / 'd.png'}: the same file as {folder / 'a.png'}; enrolled once, as a"]


def test_who_is_there_under_another_name_stays_and_is_told(folder, net_file, tmp_path):
    gallery, table = tmp_path / "g.h5", tmp_path / "people.csv"
    for seed in range(6):
        write_photo(folder / f"x{seed}.png", 50 + seed)
    enrol(gallery, net_file, folder)
    before = gallery.read_bytes()
    rows = [f"{path.name},{path.stem if path.stem in 'ab' else 'carl'}" for path in folder.iterdir()]
    table.write_text("\n".join(["file,person", *rows, ""]))
    _, plan = enrol(gallery, net_file, folder, people=table)
    first = f"to enrol it as carl, tools/gallery.py {gallery} remove c first"
    assert plan.remarks[0] == f"{folder / 'c.png'}: is enrolled as c, and stays so; {first}"
    assert plan.remarks[5:] == ["2 more photos are enrolled under other names, and stay so"]
    assert gallery.read_bytes() == before
    (tmp_path / "more").mkdir()
    shutil.copy(folder / "b.png", tmp_path / "more" / "ben.png")
    remark = enrol(gallery, net_file, tmp_path / "more", add=True)[1].remarks[0]
    assert remark.startswith(f"{tmp_path / 'more' / 'ben.png'}: is enrolled as b, and stays so; to enrol it as ben")
    assert gallery.read_bytes() == before


def test_another_set_needs_add(folder, net_file, tmp_path):
    enrol(tmp_path / "g.h5", net_file, folder)
    write_photo(tmp_path / "more" / "d.png", 9)
    message = refused(GalleryError, enrol, tmp_path / "g.h5", net_file, tmp_path / "more")
    assert "holds 3 photos that are not among those given now; --add adds these to it" in message
    enrol(tmp_path / "g.h5", net_file, tmp_path / "more", add=True)
    assert GalleryFile(tmp_path / "g.h5").columns.people() == ["a", "b", "c", "d"]


def test_two_photos_of_one_stem_are_not_one_person_without_a_word(folder, net_file, tmp_path):
    write_photo(tmp_path / "more" / "a.png", 9)
    message = refused(GalleryError, enrol, tmp_path / "g.h5", net_file, folder, tmp_path / "more")
    assert f"would make one person of {folder / 'a.png'} and {tmp_path / 'more' / 'a.png'}, as their names" in message
    enrol(tmp_path / "g.h5", net_file, folder)
    message = refused(GalleryError, enrol, tmp_path / "g.h5", net_file, tmp_path / "more", add=True)
    assert f"would make one person of {tmp_path / 'more' / 'a.png'} and {folder / 'a.png'}" in message


def test_a_folder_or_a_csv_makes_one_person_of_photos_and_says_so(folder, net_file, tmp_path):
    write_photo(folder / "anna" / "1.png", 8)
    write_photo(tmp_path / "more" / "anna" / "1.png", 9)
    _, plan = enrol(tmp_path / "g.h5", net_file, folder, tmp_path / "more")
    assert plan.remarks == [f"anna: one person, with photos in {tmp_path / 'more' / 'anna'} and {folder / 'anna'}"]
    write_photo(tmp_path / "third" / "anna" / "2.png", 10)
    _, plan = enrol(tmp_path / "g.h5", net_file, tmp_path / "third", add=True)
    assert plan.remarks == [f"anna: one person, with {folder / 'anna' / '1.png'}, who is there already"]
    columns = GalleryFile(tmp_path / "g.h5").columns
    assert np.bincount(columns.person).tolist() == [1, 1, 1, 3]


def test_a_photo_whose_file_has_changed_is_told(folder, net_file, tmp_path):
    enrol(tmp_path / "g.h5", net_file, folder)
    write_photo(folder / "a.png", 99)
    message = refused(GalleryError, enrol, tmp_path / "g.h5", net_file, folder, add=True)
    assert f"{folder / 'a.png'}: has changed since it was enrolled" in message
    remove_people(tmp_path / "g.h5", ["a"])
    enrol(tmp_path / "g.h5", net_file, folder)
    assert GalleryFile(tmp_path / "g.h5").columns.people() == ["b", "c", "a"]


def test_a_gallery_of_another_net_or_no_gallery_is_refused_and_left_as_it_is(folder, net_file, tmp_path):
    enrol(tmp_path / "g.h5", net_file, folder)
    before = (tmp_path / "g.h5").read_bytes()
    message = refused(GalleryError, Enrolment, tmp_path / "g.h5", ROOT / "netdefs" / "pretrained" / "sr.h5")
    assert "drawn by another net" in message
    assert (tmp_path / "g.h5").read_bytes() == before
    (tmp_path / "text.h5").write_text("hello")
    assert "found a text" in refused(GalleryError, Enrolment, tmp_path / "text.h5", net_file)
    assert (tmp_path / "text.h5").read_text() == "hello"
    assert not list(tmp_path.glob("*.enrolling"))


def test_a_net_that_draws_photos_enrols_nobody(tmp_path):
    photo = ROOT / "netdefs" / "pretrained" / "photo.h5"
    assert "draws a photo of a sketch" in refused(DataError, Enrolment, tmp_path / "g.h5", photo)


def test_two_enrolments_at_once_the_second_is_refused(net_file, tmp_path):
    with Enrolment(tmp_path / "g.h5", net_file):
        assert "another process is writing it" in refused(GalleryError, Enrolment, tmp_path / "g.h5", net_file)


def test_the_log_names_nobody(folder, net_file, tmp_path, caplog):
    with caplog.at_level(logging.DEBUG):
        write_photo(folder / "anna" / "1.png", 8)
        enrol(tmp_path / "g.h5", net_file, folder)
    assert not [line for line in caplog.messages if "anna" in line or str(folder) in line]


def test_there_are_as_many_workers_as_cores_and_memory_allow_and_no_more_than_photos(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": (4 << 30) // 4096}[name])
    assert [default_workers(photos) for photos in (0, 1, 11, 100)] == [1, 1, 2, 3]


# stopped on the way


def test_interrupted_what_is_drawn_is_kept_and_the_rest_goes_on(folder, net_file, tmp_path, monkeypatch):
    draw = Drawer.__call__

    def interrupted(self, photo, digest):
        if photo.person == "c":
            raise KeyboardInterrupt
        return draw(self, photo, digest)

    with monkeypatch.context() as patch:
        patch.setattr(Drawer, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            enrol(tmp_path / "g.h5", net_file, folder)
    assert not (tmp_path / "g.h5").exists()
    assert waiting(tmp_path / "g.h5") == 2
    done, plan = enrol(tmp_path / "g.h5", net_file, folder)
    assert (len(done), plan.held, plan.waiting) == (1, 2, 2)
    assert plan.remarks == ["2 photos had been drawn before; they are put into the gallery now"]
    enrol(tmp_path / "straight.h5", net_file, folder)
    assert (tmp_path / "g.h5").read_bytes() == (tmp_path / "straight.h5").read_bytes()


def enrol_and_tell(gallery, net, folder, told):
    """As the command does; who is enrolled is told at once."""
    photos, _ = find_photos([folder])
    with Enrolment(gallery, net) as enrolling, told.open("a", buffering=1) as log:
        with closing(enrolling.draw(enrolling.plan(photos), alone(net))) as results:
            for done in results:
                log.write(f"{done.photo.path}\n")
        enrolling.settle()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("moments", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_at_random_moments_nobody_is_lost(moments, net_file, tmp_path, monkeypatch):
    monkeypatch.setattr(enrolment, "_COMMIT", (0.0, 1))
    for seed in range(3 if moments < 5 else 6):
        write_photo(tmp_path / "photos" / f"{seed}.png", seed)
    folder, straight = tmp_path / "photos", tmp_path / "straight.h5"
    enrol(straight, net_file, folder)
    start = time.monotonic()
    enrol(tmp_path / "again.h5", net_file, folder)
    whole, chance = time.monotonic() - start, random.Random(moments)
    gallery, told, kills = tmp_path / "g" / "gallery.h5", tmp_path / "told.txt", 0
    gallery.parent.mkdir()
    while kills < moments:
        action = partial(enrol_and_tell, gallery, net_file, folder, told)
        killed = killed_after(action, chance.uniform(0.01, whole))
        kills += killed
        with Enrolment(gallery, net_file) as enrolling:
            waits = {path for _, path in enrolling._journal.people().values()}
        there = set(held(gallery)) if gallery.exists() else set()
        assert waits | there >= set(told.read_text().splitlines() if told.exists() else ())
        if not killed:
            assert gallery.read_bytes() == straight.read_bytes()
            gallery.unlink()
            told.unlink()
    enrol(gallery, net_file, folder)
    assert gallery.read_bytes() == straight.read_bytes()
    assert [each.name for each in gallery.parent.iterdir()] == ["gallery.h5"]


def start(gallery, net, folder, *options):
    """The command, as a process of its own."""
    command = [sys.executable, ROOT / "tools" / "enroll.py", folder, "-o", gallery, "--net", net, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def children(pid):
    """The processes that a process has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid):
    """Whether it is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux tells them")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_command_leaves_no_worker_behind_and_goes_on(number, net_file, tmp_path):
    for seed in range(24):
        write_photo(tmp_path / "photos" / f"{seed}.png", seed, (240, 190))
    gallery = tmp_path / "g.h5"
    command = start(gallery, net_file, tmp_path / "photos", "--workers", "2", "--align", "none")
    while not waiting_rows(gallery):
        assert command.poll() is None, command.stderr.read()
        time.sleep(0.02)
    workers = children(command.pid)
    os.killpg(command.pid, number) if number == signal.SIGINT else command.kill()
    out, err = command.communicate(timeout=60)
    if number == signal.SIGINT:
        assert command.returncode == 130
        assert "Traceback" not in err
        assert "interrupted: the same command goes on" in err
        assert 0 < len(GalleryFile(gallery).columns) < 24
        assert out.splitlines()[-1].startswith(f"{gallery}: ")
    deadline = time.monotonic() + 20
    while any(map(is_running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(workers) >= 2
    again = start(gallery, net_file, tmp_path / "photos", "--workers", "1", "--align", "none")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert "there already" in out
    enrol(tmp_path / "straight.h5", net_file, tmp_path / "photos")
    assert gallery.read_bytes() == (tmp_path / "straight.h5").read_bytes()


def waiting_rows(gallery):
    """Whether somebody waits: the file has grown, as it cannot be looked into while it is locked."""
    path = Path(f"{gallery}.enrolling")
    return path.exists() and path.stat().st_size > 100_000


def test_a_photo_that_killed_two_workers_is_left_out_and_the_others_are_enrolled(folder, net_file, tmp_path):
    hands = alone(net_file)

    def lost_first(jobs, name):
        for k, result in enumerate(hands(jobs)):
            yield result if k else Lost(f"killed at {name(jobs[0])}")

    with Enrolment(tmp_path / "g.h5", net_file) as enrolling:
        done = list(enrolling.draw(enrolling.plan(find_photos([folder])[0]), lost_first))
        enrolling.settle()
    assert [bool(each.portrait) for each in done] == [False, True, True]
    assert done[0].problem.startswith(f"{done[0].photo.path}: killed at {done[0].photo.path}")
    assert len(GalleryFile(tmp_path / "g.h5").columns) == 2
