import json
import os

import gallery
import pytest
from gallery_makers import IDENTITY, expected, held, make_gallery, portrait

from pysketch.errors import GalleryError
from pysketch.search.journal import Journal

STRANGE = "\x1b[2Jo\nx"
PORTRAITS = [portrait(1, "berta"), portrait(2, "anna"), portrait(3, "berta"), portrait(4, STRANGE)]


@pytest.fixture
def path(tmp_path):
    make_gallery(tmp_path / "g.h5", PORTRAITS)
    return str(tmp_path / "g.h5")


def test_everybody_is_listed_by_name_and_what_steers_a_terminal_in_words(path, capsys):
    assert gallery.main([path, "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["<character 27>[2Jo<a line break>x\t1 photo", "anna\t1 photo", "berta\t2 photos"]


def test_a_program_gets_every_photo(path, capsys):
    assert gallery.main([path, "list", "--json"]) == 0
    strange, anna, berta = json.loads(capsys.readouterr().out)
    assert (strange["name"], anna["name"], berta["name"]) == (STRANGE, "anna", "berta")
    assert berta["photos"] == [
        {"row": row, "path": each.path, "sha256": each.digest.hex()}
        for row, each in ((0, PORTRAITS[0]), (2, PORTRAITS[2]))
    ]


def test_info_counts_and_names_nobody(path, capsys):
    with Journal(path) as journal:
        journal.begin(IDENTITY)
        journal.add([portrait(7)])
    assert gallery.main([path, "info"]) == 0
    out = capsys.readouterr().out
    for line in (
        "photos: 4",
        "people: 3",
        f"net: {IDENTITY.net} (",
        "description: version 3",
        "waiting to be put into it: 1 photo;",
    ):
        assert line in out
    assert "anna" not in out
    with Journal(path):
        gallery.main([path, "info"])
    assert "being written by another process" in capsys.readouterr().out


def test_a_program_gets_what_info_says(path, tmp_path, capsys):
    with Journal(path) as journal:
        journal.begin(IDENTITY)
        journal.add([portrait(7)])
    gallery.main([path, "info", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["waiting"] == 1
    held = told["gallery"]
    assert (held["photos"], held["people"], held["net"], held["description"]) == (4, 3, IDENTITY.net, 3)
    assert held["bytes"] == os.path.getsize(path) > held["thumbnail_bytes"] + held["sketch_bytes"] > 0
    new = str(tmp_path / "new.h5")
    with Journal(new) as journal:
        journal.begin(IDENTITY)
        journal.add([portrait(7)])
    gallery.main([new, "info", "--json"])
    assert json.loads(capsys.readouterr().out) == {"gallery": None, "waiting": 1}
    with Journal(path):
        gallery.main([path, "info", "--json"])
    assert json.loads(capsys.readouterr().out)["waiting"] is None


def test_who_waits_is_listed_beside_those_who_are_there_and_where_there_is_no_gallery_yet(path, tmp_path, capsys):
    new = str(tmp_path / "new.h5")
    for each in (path, new):
        with Journal(each) as journal:
            journal.begin(IDENTITY)
            journal.add([portrait(7), portrait(8, "anna"), PORTRAITS[0]])
    assert gallery.main([path, "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "anna\t1 photo, 1 photo waiting",
        "berta\t2 photos",
        "person-7\t1 photo waiting",
    ]
    assert gallery.main([new, "list"]) == 0
    assert capsys.readouterr().out == ("anna\t1 photo waiting\nberta\t1 photo waiting\nperson-7\t1 photo waiting\n")
    assert gallery.main([new, "list", "--json"]) == 0
    anna = json.loads(capsys.readouterr().out)[0]
    assert anna["photos"] == [{"row": None, "path": portrait(8).path, "sha256": portrait(8).digest.hex()}]
    assert gallery.main([new, "info"]) == 0
    assert capsys.readouterr().out == (
        "no gallery yet\nwaiting to be put into it: 3 photos; the same enroll.py command goes on\n"
    )


def test_a_gallery_that_is_not_there_is_told_from_one_that_is_being_written(tmp_path):
    new = str(tmp_path / "new.h5")
    for action in ("list", "info"):
        with pytest.raises(GalleryError, match=r"no such gallery$"):
            gallery.main([new, action])
        with Journal(new), pytest.raises(GalleryError, match="no such gallery yet: another process is enrolling"):
            gallery.main([new, action])


def test_people_are_erased_and_a_hint_says_what_brings_them_back(path, capsys):
    assert gallery.main([path, "remove", "berta", STRANGE]) == 0
    out, err = capsys.readouterr()
    assert out == "erased: 3 photos of 2 people\n"
    assert "enrolled again, would come back" in err
    assert held(path) == expected([PORTRAITS[1]])
    with pytest.raises(GalleryError, match="nobody is called"):
        gallery.main([path, "remove", "berta"])


@pytest.mark.parametrize("words", [[], ["anna", "--damaged"]])
def test_remove_takes_names_or_damage(words, path, capsys):
    with pytest.raises(SystemExit):
        gallery.main([path, "remove", *words])
    assert "expected names of people, or --damaged" in capsys.readouterr().err
    assert len(held(path)) == 4


def test_damage_is_named_by_number_and_can_be_taken_out(path, tmp_path, capsys):
    assert gallery.main([path, "verify"]) == 0
    assert capsys.readouterr().out == "4 of 4 photos are as they were written\n"
    content = (tmp_path / "g.h5").read_bytes()
    for piece in (PORTRAITS[1].detail.tobytes(), PORTRAITS[2].photo):
        content = content.replace(piece, bytes([piece[0] ^ 1]) + piece[1:])
    (tmp_path / "g.h5").write_bytes(content)
    assert gallery.main([path, "verify"]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "photo 1 (anna, photos/of-2.jpg, if that is not what is damaged): damaged: what is searched and told of it",
        "photo 2 (berta, photos/of-3.jpg): damaged: its pictures (thumbnail, drawn sketch)",
        "2 of 4 photos are as they were written",
    ]
    assert err.startswith(f"error: {path}: 2 photos damaged; remove --damaged takes these out")
    assert "; only after that, enrolling these files again, with --add, brings them back whole" in err
    assert gallery.main([path, "remove", "--damaged"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "photo 1 (anna, photos/of-2.jpg, if that is not what is damaged): erased",
        "photo 2 (berta, photos/of-3.jpg): erased",
        "erased: 2 photos of 2 people",
    ]
    assert "enrolling these files again" in err
    assert gallery.main([path, "verify"]) == 0
    assert held(path) == expected([PORTRAITS[0], PORTRAITS[3]])


def test_another_gallery_is_put_into_it(path, tmp_path, capsys):
    make_gallery(tmp_path / "other.h5", [portrait(8, "anna"), portrait(1, "carl")])
    with pytest.raises(GalleryError, match="anna is in both"):
        gallery.main([path, "merge", str(tmp_path / "other.h5")])
    assert gallery.main([path, "merge", str(tmp_path / "other.h5"), "--join"]) == 0
    out, err = capsys.readouterr()
    assert out == f"1 photo of {tmp_path / 'other.h5'} added to {path}, 1 was there already\n"
    assert "photos/of-1.jpg: is enrolled as berta, and stays so; to enrol it as carl" in err
    assert held(path) == expected([*PORTRAITS, portrait(8, "anna")])
    gallery.main([path, "merge", str(tmp_path / "other.h5"), "--join"])
    assert capsys.readouterr().out == f"0 photos of {tmp_path / 'other.h5'} added to {path}, 2 were there already\n"


def test_without_an_action_they_are_told(path, capsys):
    with pytest.raises(SystemExit):
        gallery.main([path])
    assert "list|info|remove|verify|merge" in capsys.readouterr().err
