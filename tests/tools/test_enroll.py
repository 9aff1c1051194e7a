import os
import re
from pathlib import Path

import enroll
import numpy as np
import pytest
from gallery_makers import IDENTITY, make_gallery, portrait, some_pixels

from pysketch.errors import DataError, GalleryError
from pysketch.images import synthetic
from pysketch.images.pictures import write_image
from pysketch.search import enrolment
from pysketch.search.enrolment import Drawer
from pysketch.search.gallery_file import GalleryFile
from pysketch.search.journal import Journal


@pytest.fixture
def call(net_file, tmp_path, monkeypatch):
    """Runs the command in a folder with photos/a.png and photos/b.png."""
    for seed, name in enumerate("ab"):
        picture = np.random.default_rng(seed).integers(0, 256, (40, 32, 3)).astype(np.uint8)
        write_image(tmp_path / "photos" / f"{name}.png", picture)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(enrolment, "describe", some_pixels)
    common = ["-o", "gallery.h5", "--net", str(net_file), "--align", "none", "--workers", "1"]
    return lambda *words: enroll.main([*words, *common])


def test_photos_are_enrolled_and_the_second_time_are_there(call, capsys):
    assert call("photos") == 0
    out, err = capsys.readouterr()
    assert out == "2 of 2 photos enrolled\ngallery.h5: 2 photos of 2 people\n"
    before = Path("gallery.h5").read_bytes()
    assert call("photos") == 0
    out, err = capsys.readouterr()
    assert out == "0 of 2 photos enrolled, 2 were there already\ngallery.h5: 2 photos of 2 people\n"
    assert Path("gallery.h5").read_bytes() == before
    assert "error" not in err


def test_a_gallery_is_made_in_no_folder_that_is_not_there(call, net_file):
    with pytest.raises(DataError, match=r"^made/new/g\.h5: there is no folder .*new; make it first$"):
        enroll.main(["photos", "-o", "made/new/g.h5", "--net", str(net_file)])
    assert not Path("made").exists()


@pytest.mark.parametrize("output", ["photos/a.png", "people.csv"])
def test_no_photo_and_no_table_of_people_is_overwritten_by_a_gallery(call, net_file, output):
    Path("people.csv").write_text("file,person\na.png,anna\nb.png,ben\n")
    before = Path(output).read_bytes()
    with pytest.raises(GalleryError, match="expected a gallery"):
        enroll.main(["photos", "-o", output, "--net", str(net_file), "--people", "people.csv"])
    assert Path(output).read_bytes() == before


def test_what_is_left_out_is_a_line_each_and_a_count_and_status_2(call, tmp_path, capsys):
    (tmp_path / "photos" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_image(tmp_path / "photos" / "d.png", np.zeros((300, 300, 3), np.uint8))
    (tmp_path / "photos" / "notes.txt").write_text("x")
    assert call("photos") == 2
    out, err = capsys.readouterr()
    assert out.startswith("2 of 4 photos enrolled, 2 left out\n")
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert [re.search(r"photos/(\w)\.png", line)[1] for line in lines] == ["c", "d"]
    assert "photos: left out: notes.txt (no picture)" in err


def test_the_counts_of_the_last_line_add_up(call, tmp_path, capsys):
    (tmp_path / "photos" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "photos" / "copy.png").write_bytes((tmp_path / "photos" / "a.png").read_bytes())
    assert call("photos") == 2
    assert capsys.readouterr().out.startswith("2 of 4 photos enrolled, 1 the same as another, 1 left out\n")


def test_what_was_drawn_when_it_was_interrupted_counts_as_enrolled(call, capsys, monkeypatch):
    def told_late(self, plan, hands):
        list(drawn(self, plan, hands))
        raise KeyboardInterrupt
        yield

    drawn = enrolment.Enrolment.draw
    monkeypatch.setattr(enrolment.Enrolment, "draw", told_late)
    assert call("photos") == 130
    assert capsys.readouterr().out == "2 of 2 photos enrolled\ngallery.h5: 2 photos of 2 people\n"


def test_a_file_that_may_not_be_read_is_left_out(call, tmp_path, capsys, monkeypatch):
    (tmp_path / "photos" / "c.png").symlink_to(tmp_path / "photos" / "loop.png")
    (tmp_path / "photos" / "loop.png").symlink_to(tmp_path / "photos" / "c.png")
    assert call("photos") == 0
    assert "left out: c.png (a link to nothing)" in capsys.readouterr().err


def test_names_that_steer_a_terminal_are_told_in_words(call, tmp_path, capsys):
    (tmp_path / "photos" / "\x1b[2J\udcff.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert call("photos") == 2
    assert "error: photos/<character 27>[2J\\xff.png: " in capsys.readouterr().err


def test_options_reach_the_gallery(call, tmp_path, capsys):
    (tmp_path / "people.csv").write_text("file,person\na.png,Anna\nb.png,Anna\n")
    assert call("photos", "--no-thumbnails", "--people", "people.csv") == 0
    columns = GalleryFile("gallery.h5").columns
    assert (columns.people(), columns.photos[0]) == (["Anna"], b"")
    write_image(tmp_path / "more" / "c.png", np.zeros((9, 8, 3), np.uint8))
    assert call("more", "--add") == 0
    assert capsys.readouterr().out.endswith("gallery.h5: 3 photos of 2 people\n")


def test_interrupted_it_keeps_what_is_drawn_and_says_how_to_go_on(call, capsys, monkeypatch):
    draw = Drawer.__call__

    def interrupted(self, photo, digest):
        if photo.person == "b":
            raise KeyboardInterrupt
        return draw(self, photo, digest)

    with monkeypatch.context() as patch:
        patch.setattr(Drawer, "__call__", interrupted)
        assert call("photos") == 130
    out, err = capsys.readouterr()
    assert out.endswith("gallery.h5: 1 photo of 1 person\n")
    assert err.endswith("interrupted: the same command goes on\n")
    assert call("photos") == 0
    assert capsys.readouterr().out == "1 of 2 photos enrolled, 1 was there already\ngallery.h5: 2 photos of 2 people\n"


def test_who_waits_from_a_killed_command_is_put_in_and_told(call, capsys):
    assert call("photos") == 0
    file = GalleryFile("gallery.h5")
    with Journal("gallery.h5") as journal:
        journal.begin(file.identity)
        width = file.columns.outlines.shape[1], file.columns.details.shape[1]
        each = portrait(5).__dict__ | {"outline": np.zeros(width[0], np.int8), "detail": np.zeros(width[1], np.int8)}
        journal.add([type(portrait(5))(**each)])
    assert call("photos", "--add") == 0
    assert capsys.readouterr().out.endswith("gallery.h5: 3 photos of 3 people\n")
    assert not os.path.exists("gallery.h5.enrolling")


@pytest.mark.parametrize(("sketches", "told"), [(3, True), (2, False)])
def test_a_folder_of_sketches_is_told_and_one_among_photos_is_not(sketches, told, call, tmp_path, capsys):
    for seed in range(3):
        photo, sketch = synthetic.face_pair(20 + seed)
        write_image(tmp_path / "faces" / f"{seed}.png", sketch if seed < sketches else photo)
    assert call("faces") == 0
    err = capsys.readouterr().err
    assert ("3 of the 3 pictures look like sketches, grey lines on white paper" in err) == told
    assert ("look like" in err) == told


def test_another_nets_gallery_is_an_error_that_changes_nothing(call, tmp_path):
    make_gallery(tmp_path / "gallery.h5", [portrait(1)], IDENTITY)
    with pytest.raises(GalleryError, match="drawn by another net"):
        call("photos")


@pytest.mark.parametrize("words", [["photos"], ["-o", "g.h5"], ["photos", "-o", "g.h5", "--workers", "0"]])
def test_what_is_missing_or_wrong_is_said(words, capsys):
    with pytest.raises(SystemExit) as stop:
        enroll.main(words)
    assert stop.value.code == 2
    assert "error:" in capsys.readouterr().err
