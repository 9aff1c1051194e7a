"""Photos put into a gallery, people erased from it, galleries joined; killed on the way nothing is lost."""

import errno
import os
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
from gallery_makers import IDENTITY, expected, held, make_gallery, portrait, traces
from helpers import refused
from killing import killed_at_line, lines_of

from pysketch.errors import GalleryError
from pysketch.search import upkeep
from pysketch.search.gallery_file import GalleryFile, Identity
from pysketch.search.journal import Journal
from pysketch.search.upkeep import merge_galleries, remove_damaged, remove_people, settle

PORTRAITS = [portrait(1), portrait(2, "anna"), portrait(3), portrait(4, "anna")]


@pytest.fixture
def path(tmp_path):
    make_gallery(tmp_path / "gallery.h5", PORTRAITS)
    return tmp_path / "gallery.h5"


def let_wait(path, *portraits):
    """Photos that wait for the gallery."""
    with Journal(path) as journal:
        journal.begin(IDENTITY)
        journal.add(portraits)


def files(folder):
    """Which files there are."""
    return sorted(each.name for each in folder.iterdir())


def test_photos_that_wait_are_put_behind_those_that_are_there(path):
    before = GalleryFile(path).columns.take(np.arange(4))
    let_wait(path, portrait(5), portrait(6, "anna"), PORTRAITS[0])
    with Journal(path) as journal:
        assert settle(journal) == 2
    assert list(held(path)) == [each.path for each in (*PORTRAITS, portrait(5), portrait(6))]
    assert held(path) == expected([*PORTRAITS, portrait(5), portrait(6, "anna")])
    after = GalleryFile(path).columns
    for name in ("person", "digests", "eyes", "outlines", "details"):
        np.testing.assert_array_equal(getattr(after, name)[:4], getattr(before, name))
    assert files(path.parent) == ["gallery.h5"]


def test_where_nobody_waits_the_gallery_is_not_written(path):
    before = path.stat()
    with Journal(path) as journal:
        assert settle(journal) == 0
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_of_somebody_removed_no_byte_is_left_in_any_file_of_the_folder(path):
    let_wait(path, portrait(5), portrait(6, "anna"))
    shutil.copy(path, path.with_name(".gallery.77-0123abcd.h5"))  # what a killed process has left behind
    assert len(traces(path.parent, PORTRAITS[1])) == 15  # the name waits, too
    assert remove_people(path, ["anna"]) == (3, 1)
    assert [traces(path.parent, each) for each in (PORTRAITS[1], PORTRAITS[3], portrait(6, "anna"))] == [[], [], []]
    assert held(path) == expected([PORTRAITS[0], PORTRAITS[2], portrait(5)])
    assert files(path.parent) == ["gallery.h5"]


def test_the_file_that_was_is_overwritten_and_whoever_has_it_mapped_is_told(path):
    old = GalleryFile(path)
    with path.open("rb") as stream:
        remove_people(path, ["person-1"])
        assert not any(stream.read())
    assert "open it again" in refused(GalleryError, old.check_rows, np.array([0]))
    assert GalleryFile(path).columns.people() == ["anna", "person-3"]


def test_the_last_one_can_be_removed_and_others_enrolled_again(path):
    assert remove_people(path, ["anna", "person-1", "person-3"]) == (4, 3)
    assert held(path) == {}
    let_wait(path, portrait(9))
    with Journal(path) as journal:
        settle(journal)
    assert held(path) == expected([portrait(9)])


def test_somebody_who_only_waits_is_removed_where_there_is_no_gallery_yet(tmp_path):
    path = tmp_path / "new.h5"
    let_wait(path, portrait(1), portrait(2))
    assert remove_people(path, ["person-1"]) == (1, 1)
    assert traces(tmp_path, portrait(1)) == []
    with Journal(path) as journal:
        settle(journal)
    assert held(path) == expected([portrait(2)])


def test_a_name_that_is_nowhere_is_told_and_nothing_is_done(path):
    before = path.read_bytes()
    message = refused(GalleryError, remove_people, path, ["person-3", "ana"])
    assert message == f'{path}: nobody is called ana in it; did you mean "anna"?'
    assert path.read_bytes() == before
    assert files(path.parent) == ["gallery.h5"]


def test_who_has_another_number_is_no_misspelling_but_somebody_else(path):
    assert refused(GalleryError, remove_people, path, ["person-4"]) == f"{path}: nobody is called person-4 in it"
    message = refused(GalleryError, remove_people, path, ["perzon-3"])
    assert message == f'{path}: nobody is called perzon-3 in it; did you mean "person-3"?'


def test_a_gallery_that_is_not_there_is_not_made(path, tmp_path):
    (tmp_path / "a").mkdir()
    for act, *arguments in ((remove_people, ["anna"]), (remove_damaged,), (merge_galleries, path)):
        for name in ("a/no.h5", "new/no.h5"):
            message = refused(GalleryError, act, tmp_path / name, *arguments)
            assert message == f"{tmp_path / name}: no such gallery"
    assert files(tmp_path) == ["a", "gallery.h5"] and files(tmp_path / "a") == []


def test_a_gallery_with_a_second_name_is_not_overwritten(path, tmp_path):
    os.link(path, tmp_path / "backup.h5")
    assert "a hard link" in refused(GalleryError, remove_people, path, ["anna"])
    assert held(tmp_path / "backup.h5") == held(path) == expected(PORTRAITS)


def test_where_the_disk_is_full_nothing_is_done(path, monkeypatch):
    def full(*arguments):
        raise GalleryError("full")

    let_wait(path, portrait(5))
    monkeypatch.setattr(upkeep, "write_gallery", full)
    assert refused(GalleryError, remove_people, path, ["anna"]) == "full"
    assert held(path) == expected(PORTRAITS)
    assert files(path.parent) == ["gallery.h5", "gallery.h5.enrolling"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file size limits")
def test_wherever_the_disk_ends_it_is_a_line_and_nobody_is_lost(tmp_path):
    """In another process, as it was ended by a segmentation fault once; limits: the smallest to the largest file."""
    path = start_over(tmp_path)
    script = (
        "import resource, sys\n"
        "from pysketch.errors import GalleryError\n"
        "from pysketch.search.journal import Journal\n"
        "from pysketch.search.upkeep import merge_galleries, remove_people, settle\n"
        "path, other = sys.argv[1:]\n"
        "def put_in():\n"
        "    with Journal(path) as journal:\n"
        "        settle(journal)\n"
        "actions = [lambda: remove_people(path, ['anna']), lambda: merge_galleries(path, other), put_in]\n"
        "for action in actions:\n"
        "    for limit in (0, 300, 4096, 5000, 9000, 20_000, 40_000, 60_000):\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "        try:\n"
        "            action()\n"
        "        except GalleryError as error:\n"
        "            print(error)\n"
        "        else:\n"
        "            print('done')\n"
    )
    call = [sys.executable, "-c", script, path, tmp_path / "other.h5"]
    result = subprocess.run(call, capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    assert (len(lines), result.stderr) == (24, "")
    assert all(": cannot be written: " in line for line in lines)
    assert f"{path}: cannot be written: {os.strerror(errno.EFBIG)}" in lines
    assert held(path) == expected(PORTRAITS)
    settle_all(path)
    assert set(held(path)) >= {each.path for each in THERE if each.person != "anna"}


@pytest.mark.parametrize("name", ["settle", "remove", "damaged", "merge"])
def test_whoever_writes_a_gallery_tells_how_far_it_is(name, tmp_path):
    path, told = start_over(tmp_path), []
    progress = lambda *step: told.append(step)  # noqa: E731
    if name == "settle":
        with Journal(path) as journal:
            settle(journal, progress)
    elif name == "remove":
        remove_people(path, ["anna"], progress)
    elif name == "merge":
        merge_galleries(path, path.with_name("other.h5"), progress=progress)
    else:
        content, piece = path.read_bytes(), PORTRAITS[1].detail.tobytes()
        path.write_bytes(content.replace(piece, bytes(len(piece))))
        remove_damaged(path, progress)
    assert {what for what, _, _ in told} == {"photos written"}
    count = len(held(path))
    assert told[-1] == ("photos written", count, count)


def test_the_folder_is_on_the_disk_before_anything_is_overwritten(path, monkeypatch):
    order = []
    for name in ("sync_folder", "overwrite"):
        real = getattr(upkeep, name)
        told = lambda each, name=name, real=real: order.append(name) or real(each)  # noqa: E731
        monkeypatch.setattr(upkeep, name, told)
    remove_people(path, ["anna"])
    assert order == ["sync_folder", "overwrite"]


def test_damaged_photos_are_taken_out_and_the_rest_is_whole(path):
    content, piece = path.read_bytes(), PORTRAITS[1].detail.tobytes()
    path.write_bytes(content.replace(piece, bytes(len(piece))))
    assert remove_damaged(path) == [(1, "anna", PORTRAITS[1].path, False, False)]
    assert held(path) == expected([PORTRAITS[0], PORTRAITS[2], PORTRAITS[3]])
    assert remove_damaged(path) == []


def test_another_gallerys_photos_come_behind_each_once_and_it_stays(path, tmp_path):
    other = tmp_path / "other.h5"
    make_gallery(other, [portrait(5), PORTRAITS[0], portrait(6, "berta")])
    before = other.read_bytes()
    let_wait(path, portrait(7))
    assert merge_galleries(path, other) == 2
    assert list(held(path)) == [each.path for each in (*PORTRAITS, portrait(7), portrait(5), portrait(6))]
    assert other.read_bytes() == before
    assert merge_galleries(path, other) == 0
    assert files(tmp_path) == ["gallery.h5", "other.h5"]


def test_a_photo_that_is_somebody_elses_in_the_other_gallery_stays_and_is_told(path, tmp_path):
    make_gallery(tmp_path / "other.h5", [portrait(5), portrait(1, "carl"), PORTRAITS[1]])
    told = []
    assert merge_galleries(path, tmp_path / "other.h5", say=told.append) == 1
    first = f"to enrol it as carl, tools/gallery.py {path} remove person-1 first"
    assert told == [f"{PORTRAITS[0].path}: is enrolled as person-1, and stays so; {first}"]
    assert held(path) == expected([*PORTRAITS, portrait(5)])


def test_people_of_one_name_in_two_galleries_are_one_only_if_that_is_said(path, tmp_path):
    other = tmp_path / "other.h5"
    make_gallery(other, [portrait(8, "anna"), portrait(9)])
    assert "anna is in both, with other photos; --join" in refused(GalleryError, merge_galleries, path, other)
    assert held(path) == expected(PORTRAITS)
    assert merge_galleries(path, other, joined=True) == 2
    assert GalleryFile(path).columns.people() == ["person-1", "anna", "person-3", "person-9"]


@pytest.mark.parametrize(
    ("identity", "message"), [(Identity("00" * 32, 3), "another net"), (Identity("5e" * 32, 4), "version 4, not 3")]
)
def test_galleries_of_another_net_or_version_are_not_joined(identity, message, path, tmp_path):
    make_gallery(tmp_path / "other.h5", [portrait(5)], identity)
    assert message in refused(GalleryError, merge_galleries, path, tmp_path / "other.h5")
    assert held(path) == expected(PORTRAITS)


def test_a_gallery_is_not_joined_with_itself_nor_with_one_for_which_photos_wait(path, tmp_path):
    assert "is the gallery itself" in refused(GalleryError, merge_galleries, path, path)
    make_gallery(tmp_path / "other.h5", [portrait(5)])
    let_wait(tmp_path / "other.h5", portrait(6))
    assert "finish that first" in refused(GalleryError, merge_galleries, path, tmp_path / "other.h5")
    assert "no such gallery" in refused(GalleryError, merge_galleries, path, tmp_path / "none.h5")


def test_while_somebody_writes_it_nothing_is_done(path):
    with Journal(path):
        for call in (lambda: remove_people(path, ["anna"]), lambda: merge_galleries(path, path.with_name("x.h5"))):
            assert "another process is writing it" in refused(GalleryError, call)
    assert held(path) == expected(PORTRAITS)


def start_over(folder):
    """A gallery of four photos, two more that wait, and another gallery of two."""
    for each in folder.iterdir():
        each.unlink()
    path = folder / "gallery.h5"
    make_gallery(path, PORTRAITS)
    let_wait(path, portrait(5), portrait(6, "anna"))
    make_gallery(folder / "other.h5", [portrait(7), PORTRAITS[0]])
    return path


def settle_all(path):
    with Journal(path) as journal:
        settle(journal)


def remove_anna(path):
    """As somebody does who tries again until it is done."""
    try:
        remove_people(path, ["anna"])
    except GalleryError as error:
        assert "nobody is called anna" in str(error)


THERE = [*PORTRAITS, portrait(5), portrait(6, "anna")]
ACTIONS = {
    "settle": (settle_all, THERE, THERE),
    "remove": (remove_anna, (others := [each for each in THERE if each.person != "anna"]), others),
    "merge": (lambda path: merge_galleries(path, path.with_name("other.h5")), THERE, [*THERE, portrait(7)]),
}
"""What is done; who must be there at any time, if only as one who waits; who must be there afterwards."""


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "moments"),
    [("remove", 1), *(pytest.param(name, 25, marks=pytest.mark.slow) for name in ACTIONS)],
)
def test_killed_at_any_line_nobody_is_lost_and_the_same_again_ends_as_if_nothing_had_been(name, moments, tmp_path):
    action, always, after = ACTIONS[name]
    path = start_over(tmp_path)
    total = lines_of(lambda: action(path))
    chance = random.Random(1)
    for moment in sorted(chance.sample(range(1, total), moments)):
        start_over(tmp_path)
        assert killed_at_line(lambda: action(path), moment)
        with Journal(path) as journal:
            found = {where for _, where in journal.people().values()} | set(held(path))
        assert found >= {each.path for each in always}
        action(path)
        assert [traces(tmp_path, each) for each in THERE if each not in after] == [[]] * (len(THERE) - len(always))
        settle_all(path)
        assert held(path) == expected(after)
        assert files(tmp_path) == ["gallery.h5", "other.h5"]
