"""The journal: what is added is on the disk, in order; one process at a time; nothing is left of it at its end."""

import os
import sqlite3
import stat
import subprocess
import sys

import numpy as np
import pytest
from gallery_makers import IDENTITY, expected, held, make_gallery, portrait, traces
from helpers import refused

from pysketch.errors import GalleryError
from pysketch.search.gallery_file import GalleryFile, Identity, write_gallery
from pysketch.search.journal import Journal, journal_path, old_path, waiting, waiting_photos


@pytest.fixture
def gallery(tmp_path):
    return tmp_path / "gallery.h5"


def fill(gallery, *numbers):
    """A journal, closed, in which these wait."""
    with Journal(gallery) as journal:
        journal.begin(IDENTITY)
        journal.add([portrait(k) for k in numbers])


def test_what_is_added_waits_in_order_in_whatever_process(gallery, tmp_path):
    fill(gallery, 3, 1)
    fill(gallery, 2)
    assert waiting(gallery) == 3
    assert waiting_photos(gallery) == [(each.digest, each.person, each.path) for each in map(portrait, (3, 1, 2))]
    with Journal(gallery) as journal:
        assert (len(journal), journal.identity) == (3, IDENTITY)
        assert list(journal.people().values()) == [(f"person-{k}", f"photos/of-{k}.jpg") for k in (3, 1, 2)]
        write_gallery(tmp_path / "other.h5", IDENTITY, [journal])
    assert held(tmp_path / "other.h5") == expected([portrait(k) for k in (3, 1, 2)])
    assert list(held(tmp_path / "other.h5")) == [portrait(k).path for k in (3, 1, 2)]


def test_what_waits_makes_the_gallery_that_portraits_make(gallery, tmp_path):
    fill(gallery, 1, 2)
    with Journal(gallery) as journal:
        write_gallery(tmp_path / "other.h5", IDENTITY, [journal])
    make_gallery(tmp_path / "straight.h5", [portrait(1), portrait(2)])
    assert (tmp_path / "other.h5").read_bytes() == (tmp_path / "straight.h5").read_bytes()


def test_who_waits_already_is_kept_as_it_is(gallery):
    fill(gallery, 1)
    with Journal(gallery) as journal:
        journal.add([portrait(1, "somebody else")])
        assert list(journal.people().values()) == [("person-1", portrait(1).path)]


def test_a_journal_in_which_nobody_waits_is_removed(gallery, tmp_path):
    with Journal(gallery) as journal:
        journal.begin(IDENTITY)
        assert journal.path.exists()
        assert journal.identity is None
    assert list(tmp_path.iterdir()) == []
    assert (waiting(gallery), waiting_photos(gallery)) == (0, [])


def test_finished_nothing_of_it_is_left(gallery, tmp_path):
    fill(gallery, 1, 2)
    with Journal(gallery) as journal:
        journal.finish()
    assert list(tmp_path.iterdir()) == []


def test_of_those_who_are_dropped_no_byte_is_left(gallery, tmp_path):
    fill(gallery, *range(20))
    assert len(traces(tmp_path, portrait(7))) == 7
    with Journal(gallery) as journal:
        journal.drop({portrait(7).digest})
        assert len(journal) == 19
        assert traces(tmp_path, portrait(7)) == []
    assert traces(tmp_path, portrait(7)) == []
    assert len(traces(tmp_path, portrait(8))) == 7


def test_others_portraits_are_not_mixed_in(gallery):
    fill(gallery, 1)
    with Journal(gallery) as journal:
        message = refused(GalleryError, journal.begin, Identity("00" * 32, 3))
        assert "1 photos that wait to be put into it were drawn by another net" in message
        journal.begin(IDENTITY)


@pytest.mark.slow
def test_a_second_process_is_refused_in_a_line_and_no_longer_than_the_first_lives(gallery):
    fill(gallery, 1)
    code = (
        "import sys\nfrom pysketch.search.journal import Journal, waiting\n"
        "from pysketch.errors import GalleryError\n"
        "try:\n    Journal(sys.argv[1])\nexcept GalleryError as error:\n    print(waiting(sys.argv[1]), error)\n"
    )
    with Journal(gallery) as journal:
        run = subprocess.run([sys.executable, "-c", code, gallery], capture_output=True, text=True, check=True)
        assert run.stdout.startswith(f"None {gallery}: another process is writing it; wait until it is done")
        journal.add([portrait(2)])
    assert waiting(gallery) == 2


def test_a_second_one_is_refused_in_a_line_while_the_first_is_open(gallery):
    with Journal(gallery) as journal:
        journal.begin(IDENTITY)
        assert "another process is writing it" in refused(GalleryError, Journal, gallery)
        assert waiting(gallery) is waiting_photos(gallery) is None
    Journal(gallery).close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_it_is_its_owners_alone(gallery):
    fill(gallery, 1)
    assert stat.S_IMODE(journal_path(gallery).stat().st_mode) == 0o600


def test_another_sqlite_file_is_left_alone(gallery):
    with sqlite3.connect(journal_path(gallery)) as base:
        base.execute("CREATE TABLE portraits (number)")
    base.close()
    before = journal_path(gallery).read_bytes()
    assert "found another SQLite file" in refused(GalleryError, Journal, gallery)
    assert journal_path(gallery).read_bytes() == before


@pytest.mark.parametrize("content", [b"hello", b"hello" * 1000])
def test_what_is_no_sqlite_file_is_left_alone(content, gallery):
    journal_path(gallery).write_bytes(content)
    assert "damaged" in refused(GalleryError, Journal, gallery)
    assert journal_path(gallery).read_bytes() == content


def test_damage_of_which_sqlites_own_message_is_no_text_is_a_line(gallery):
    fill(gallery, 1)
    path = journal_path(gallery)
    path.write_bytes(
        path.read_bytes().replace(b"tableportraits", b"tableportrait\xb7").replace(b"CREATE", b"CR\xb7ATE")
    )
    assert "damaged" in refused(GalleryError, Journal, gallery)


@pytest.mark.parametrize(
    "change",
    ["identity SET description = 'x'", "identity SET net = x'00'", "portraits SET digest = 99999999999"]
    + [f"portraits SET {name} = 'x'" for name in ("person", "path", "eyes", "outline", "detail", "photo", "sums")],
)
def test_a_strangers_journal_of_other_values_is_a_line(change, gallery):
    fill(gallery, 1)
    with sqlite3.connect(journal_path(gallery)) as base:
        base.execute(f"UPDATE {change}")
    base.close()
    with Journal(gallery) as journal:
        calls = (lambda: journal.identity, journal.people, lambda: write_gallery(gallery, IDENTITY, [journal]))
        messages = []
        for call in calls:
            try:
                call()
            except GalleryError as error:
                messages.append(str(error))
    assert any("damaged" in message for message in messages)


def test_what_sqlite_quotes_of_a_damaged_file_steers_no_terminal(gallery):
    fill(gallery, 1)
    with sqlite3.connect(journal_path(gallery)) as base:
        base.execute("UPDATE portraits SET sketch = CAST(? AS TEXT)", (b"\xff\x1b[2J\nx",))
    base.close()
    with Journal(gallery) as journal:
        message = refused(GalleryError, lambda: list(journal.blocks()))
    assert message.isprintable()


def test_one_whose_overwriting_was_broken_off_is_removed(gallery):
    journal_path(gallery).write_bytes(bytes(4096) + b"rest" * 1000)
    with Journal(gallery) as journal:
        assert len(journal) == 0
    assert not journal_path(gallery).exists()


@pytest.mark.parametrize(("rounds", "seed"), [(12, 3), pytest.param(300, 4, marks=pytest.mark.slow)])
def test_damage_in_it_is_a_line(rounds, seed, gallery, tmp_path):
    fill(gallery, *range(10))
    path = journal_path(gallery)
    whole, chance = path.read_bytes(), np.random.default_rng(seed)
    found, right = 0, expected([portrait(k) for k in range(10)])
    for _ in range(rounds):
        content = bytearray(whole[: int(chance.integers(20, len(whole) + 1)) if chance.random() < 0.3 else len(whole)])
        for _ in range(20):
            content[int(chance.integers(len(content)))] = int(chance.integers(256))
        path.write_bytes(content)
        try:
            with Journal(gallery) as journal:
                write_gallery(tmp_path / "other.h5", IDENTITY, [journal])
                file = GalleryFile(tmp_path / "other.h5")
                assert len(file.columns) == len(journal)
                whole_rows = set(range(len(file.columns))) - set(np.concatenate(file.damaged()).tolist())
                for row in whole_rows:  # what is not known as damaged is as it was
                    assert held(file.path)[file.columns.path_of(row)] in right.values()
        except GalleryError as error:
            assert "\n" not in str(error)
            found += 1
    assert found > rounds // 3


def test_a_damaged_picture_that_waits_is_known_as_damaged_in_the_gallery(gallery, tmp_path):
    fill(gallery, 1, 2)
    path = journal_path(gallery)
    content, piece = path.read_bytes(), portrait(2).detail.tobytes()
    path.write_bytes(content.replace(piece, piece[:-1] + bytes([piece[-1] ^ 1])))
    with Journal(gallery) as journal:
        write_gallery(gallery, IDENTITY, [journal])
    assert GalleryFile(gallery).damaged()[0].tolist() == [1]


def test_what_killed_processes_left_behind_is_erased(gallery, tmp_path):
    make_gallery(gallery, [portrait(1)])
    before = gallery.read_bytes()
    left = tmp_path / ".gallery.123-0123abcd.h5"
    others = [tmp_path / name for name in (".gallery.h5", ".gallery.x-0123abcd.h5", ".other.123-0123abcd.h5")]
    for path in [left, *others, old_path(gallery)]:
        path.write_bytes(b"somebody")
    with Journal(gallery):
        assert not left.exists()
    assert not old_path(gallery).exists()
    assert all(path.read_bytes() == b"somebody" for path in others)
    assert gallery.read_bytes() == before


def test_the_second_name_of_a_gallery_that_was_not_yet_replaced_is_taken_away_and_nothing_erased(gallery):
    make_gallery(gallery, [portrait(1)])
    before = gallery.read_bytes()
    os.link(gallery, old_path(gallery))
    with Journal(gallery):
        assert not old_path(gallery).exists()
    assert gallery.read_bytes() == before


def test_a_link_to_a_gallery_shares_its_journal(gallery, tmp_path):
    make_gallery(gallery, [portrait(1)])
    (tmp_path / "link.h5").symlink_to(gallery)
    with Journal(gallery):
        assert "another process is writing it" in refused(GalleryError, Journal, tmp_path / "link.h5")


def test_a_folder_that_cannot_be_made_is_a_line(tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(GalleryError, Journal, tmp_path / "file" / "g.h5")


def test_one_that_a_full_disk_leaves_empty_is_removed_and_one_in_which_somebody_waits_is_not(gallery, monkeypatch):
    def full(journal):
        if journal.gallery != gallery:
            os.truncate(journal.path, 0)
        raise GalleryError("database or disk is full")

    fill(gallery, 1)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_check_schema", full)
        for path in (gallery, gallery.with_name("new.h5")):
            assert refused(GalleryError, Journal, path) == "database or disk is full"
    assert not [each.name for each in gallery.parent.iterdir() if each.name.startswith("new")]
    assert waiting(gallery) == 1
