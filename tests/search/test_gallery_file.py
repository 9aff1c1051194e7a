"""A gallery's file: read back, by others too; what is cut short, damaged or hostile is refused in a line."""

import json
import os
import random
import stat
import zlib
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from gallery_makers import DETAIL, IDENTITY, OUTLINE, expected, held, make_gallery, portrait
from helpers import refused

from pysketch.errors import GalleryError
from pysketch.search import gallery_file
from pysketch.search.gallery_file import _TYPES, MAGIC, GalleryFile, Identity, Part, write_gallery
from pysketch.search.portraits import columns_of
from pysketch.weights import snapshot

PORTRAITS = [portrait(1), portrait(2, "anna"), portrait(3, pictures=False), portrait(4, "anna")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A gallery's bytes."""
    path = tmp_path_factory.mktemp("whole") / "gallery.h5"
    make_gallery(path, PORTRAITS)
    return path.read_bytes()


@pytest.fixture
def path(whole, tmp_path):
    (tmp_path / "gallery.h5").write_bytes(whole)
    return tmp_path / "gallery.h5"


def table_of(path: Path) -> dict:
    """The table of contents."""
    return json.loads(path.read_bytes()[len(MAGIC) + 9 : 4096].rstrip(b"\0"))


def rewrite(path: Path, table: object) -> None:
    """Put another table of contents into it, its checksum right, as a stranger would."""
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    content = path.read_bytes()
    path.write_bytes((b"%s%08x\n%s" % (MAGIC, zlib.crc32(text), text)).ljust(4096, b"\0") + content[4096:])


def flip(path: Path, at: int) -> None:
    """Change a byte."""
    with path.open("r+b") as stream:
        stream.seek(at)
        old = stream.read(1)[0]
        stream.seek(at)
        stream.write(bytes([old ^ 0x21]))


def place(path: Path, name: str) -> int:
    """Where a column begins."""
    return table_of(path)["columns"][name]["offset"]


def test_what_is_written_is_read_back(path):
    file = GalleryFile(path)
    assert held(path) == expected(PORTRAITS)
    assert file.identity == IDENTITY
    assert file.columns.people() == ["person-1", "anna", "person-3"]
    assert [len(each) for each in file.damaged()] == [0, 0]


def test_any_hdf5_library_reads_the_same_columns(path):
    columns = GalleryFile(path).columns
    with h5py.File(path) as file:
        assert set(file) == set(_TYPES)
        for name in ("person", "digests", "eyes", "outlines", "details"):
            np.testing.assert_array_equal(file[name][()], getattr(columns, name))
        assert file["names"][()].tobytes() == b"person-1annaperson-3"


def test_the_same_photos_make_the_same_bytes(path, tmp_path):
    make_gallery(tmp_path / "again.h5", PORTRAITS)
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()


def test_parts_are_one_after_the_other_and_people_of_one_name_one_person(tmp_path):
    first, second = columns_of([portrait(1, "a"), portrait(2, "b")]), columns_of([portrait(3, "c"), portrait(4, "a")])
    write_gallery(tmp_path / "g.h5", IDENTITY, [Part(second, np.array([1])), Part(first, np.array([1, 0]))])
    columns = GalleryFile(tmp_path / "g.h5").columns
    assert columns.people() == ["a", "b"]
    assert [columns.path_of(row) for row in range(3)] == [portrait(k).path for k in (4, 2, 1)]
    assert columns.person.tolist() == [0, 1, 0]


def test_more_photos_than_a_block_has(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_file, "_BLOCK", 4)
    portraits = [portrait(k, f"{k % 7}", pictures=k % 5 == 3) for k in range(11)]
    file = make_gallery(tmp_path / "g.h5", portraits)
    assert held(tmp_path / "g.h5") == expected(portraits)
    assert [len(each) for each in file.damaged()] == [0, 0]


def test_how_many_photos_are_written_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_file, "_BLOCK", 4)
    told = []
    part = Part(columns_of([portrait(k) for k in range(6)]), np.arange(6))
    write_gallery(tmp_path / "g.h5", IDENTITY, [part, part], lambda *step: told.append(step))
    assert told == [("photos written", done, 12) for done in (4, 6, 10, 12)]


def test_a_gallery_without_anybody_keeps_its_widths(tmp_path):
    columns = columns_of(PORTRAITS)
    write_gallery(tmp_path / "g.h5", IDENTITY, [Part(columns, np.array([], int))])
    file = GalleryFile(tmp_path / "g.h5")
    assert (len(file.columns), file.columns.people()) == (0, [])
    assert (file.columns.outlines.shape, file.columns.details.shape) == ((0, OUTLINE), (0, DETAIL))


def test_descriptions_of_two_sizes_are_not_one_gallery(tmp_path):
    columns = columns_of(PORTRAITS)
    wider = replace(columns_of([portrait(9)]), details=np.zeros((1, DETAIL + 1), np.int8))
    parts = [Part(columns, np.arange(4)), Part(wider, np.arange(1))]
    assert "of one size" in refused(GalleryError, write_gallery, tmp_path / "g.h5", IDENTITY, parts)
    assert not (tmp_path / "g.h5").exists()


def test_nothing_is_written_over_what_is_there_if_it_fails_on_the_way(path):
    class Broken(Part):
        def blocks(self):
            yield next(super().blocks())
            raise OSError(28, "No space left on device")

    before = path.read_bytes()
    part = Broken(columns_of(PORTRAITS), np.arange(4))
    message = refused(GalleryError, write_gallery, path, IDENTITY, [part])
    assert message == f"{path}: cannot be written: No space left on device"
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["gallery.h5"]


@pytest.mark.parametrize("count", [0, 1, 30])
def test_what_is_reserved_is_enough_and_what_is_not_needed_is_given_back(count, tmp_path, monkeypatch):
    columns = columns_of([portrait(k, f"{k}" * 50) for k in range(30)])
    sizes, reserve = [], snapshot.reserve
    monkeypatch.setattr(snapshot, "reserve", lambda where, size: sizes.append(size) or reserve(where, size))
    write_gallery(tmp_path / "g.h5", IDENTITY, [Part(columns, np.arange(count))])
    monkeypatch.setattr(snapshot, "reserve", lambda *arguments: None)
    write_gallery(tmp_path / "again.h5", IDENTITY, [Part(columns, np.arange(count))])
    assert (tmp_path / "g.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    assert (tmp_path / "g.h5").stat().st_size + 30_000 < sizes[-1] < (tmp_path / "g.h5").stat().st_size + 66_000


@pytest.mark.parametrize("says", [3, 5])
def test_a_source_that_has_not_as_many_as_it_says_is_not_written(says, tmp_path):
    class Wrong(Part):
        def __len__(self):
            return says

    part = Wrong(columns_of(PORTRAITS), np.arange(4))
    assert "not as much as it says" in refused(GalleryError, write_gallery, tmp_path / "g.h5", IDENTITY, [part])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_a_new_gallery_is_its_owners_alone_and_an_old_one_keeps_its_bits(tmp_path):
    path = tmp_path / "gallery.h5"
    make_gallery(path, PORTRAITS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    make_gallery(path, PORTRAITS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_who_has_it_mapped_keeps_the_old_one_when_it_is_written_anew(path):
    old = GalleryFile(path)
    make_gallery(path, [portrait(8)])
    assert old.columns.path_of(3) == PORTRAITS[3].path
    old.check_rows(np.arange(4))


def test_a_mapped_file_that_is_overwritten_with_zeros_is_known_by_that(path):
    old = GalleryFile(path)
    with path.open("r+b") as stream:
        stream.write(bytes(path.stat().st_size))
    assert "open it again" in refused(GalleryError, old.check_rows, np.array([0]))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "found an empty file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "found a PNG picture"),
        (b"hello", "found a text"),
        (bytes(5000), "found something else"),
        (MAGIC, "cut short"),
    ],
)
def test_another_file_is_named(content, found, tmp_path):
    (tmp_path / "g.h5").write_bytes(content)
    assert found in refused(GalleryError, GalleryFile, tmp_path / "g.h5")


def test_an_hdf5_file_of_others_is_no_gallery_whatever_it_links_to(tmp_path):
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["details"] = h5py.ExternalLink("/etc/passwd", "/")
        file.attrs["format"] = "pysketch gallery"
    assert "found an HDF5 file" in refused(GalleryError, GalleryFile, tmp_path / "g.h5")


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path):
    assert "no such gallery" in refused(GalleryError, GalleryFile, tmp_path / "none.h5")
    assert "cannot be read" in refused(GalleryError, GalleryFile, tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.h5")
        assert "found no file" in refused(GalleryError, GalleryFile, tmp_path / "pipe.h5")


def test_a_missing_gallery_for_which_photos_wait_says_so(tmp_path):
    (tmp_path / "g.h5.enrolling").write_bytes(b"")
    assert refused(GalleryError, GalleryFile, tmp_path / "g.h5").endswith("no such gallery")
    (tmp_path / "g.h5.enrolling").write_bytes(b"somebody")
    assert "enrolling goes on where it stopped" in refused(GalleryError, GalleryFile, tmp_path / "g.h5")


@pytest.mark.parametrize("left", [20, 4095, 4096, 5000, -1])
def test_a_file_that_is_cut_short_is_called_so(left, path):
    content = path.read_bytes()
    path.write_bytes(content[:left])
    assert "cut short" in refused(GalleryError, GalleryFile, path)


def test_a_file_with_more_in_it_is_damaged(path):
    path.write_bytes(path.read_bytes() + b"x")
    assert "damaged: expected " in refused(GalleryError, GalleryFile, path)


def test_another_version_says_which(path):
    rewrite(path, {**table_of(path), "version": 7})
    assert "a gallery of version 7; this pysketch reads version 1" in refused(GalleryError, GalleryFile, path)


SETS = {
    "net": "x",
    "description": -1,
    "size": None,
    "columns": [],
    ("person", "type"): "|O",
    ("person", "shape"): [4, 1],
    ("person", "offset"): -8,
    ("details", "offset"): 4096 * 2 + 1,
    ("details", "shape"): [4, 1 << 20],
    ("outlines", "shape"): [1 << 61, 5],
    ("digests", "shape"): [4.0, 32],
    ("digests", "crc"): True,
    ("names_ends", "shape"): [],
    ("eyes", "shape"): "four",
}


@pytest.mark.parametrize("where", SETS, ids=str)
def test_a_strangers_table_of_contents_is_checked(where, path):
    table = table_of(path)
    target, key = (table["columns"][where[0]], where[1]) if isinstance(where, tuple) else (table, where)
    target[key] = SETS[where]
    rewrite(path, table)
    refused(GalleryError, GalleryFile, path, where=f"{path}: no gallery: ")


@pytest.mark.parametrize(
    "text", [b"[" * 4000, b"{}", b"3", b"null", b'{"version": "1"}', b"\xff", b'{"version":1e999}']
)
def test_what_is_no_table_of_contents_is_none(text, path):
    rewrite(path, text)
    refused(GalleryError, GalleryFile, path, where=f"{path}: (no gallery|a gallery of version)")


def test_columns_over_each_other_are_refused(path):
    table = table_of(path)
    table["columns"]["digests"]["offset"] = table["columns"]["sums"]["offset"]
    rewrite(path, table)
    assert "do not lie one after the other" in refused(GalleryError, GalleryFile, path)


@pytest.mark.parametrize(
    ("name", "value"), [("person", 99), ("person", -1), ("names_ends", -5), ("paths_ends", 1 << 40)]
)
def test_a_strangers_columns_that_do_not_fit_together_are_refused(name, value, path):
    table, content = table_of(path), bytearray(path.read_bytes())
    entry = table["columns"][name]
    size = np.dtype(entry["type"]).itemsize * entry["shape"][0]
    values = np.frombuffer(bytes(content[entry["offset"] :][:size]), entry["type"]).copy()
    values[1] = value
    content[entry["offset"] :][:size] = values.tobytes()
    content[entry["offset"] : entry["offset"] + size] = values.tobytes()
    entry["crc"] = zlib.crc32(values.tobytes())
    path.write_bytes(content)
    rewrite(path, table)
    assert "do not fit together" in refused(GalleryError, GalleryFile, path)


def test_a_name_that_steers_a_terminal_or_is_no_text_is_read_as_it_is(tmp_path):
    file = make_gallery(tmp_path / "g.h5", [portrait(1, "a\x1b[2J\n\udcff")])
    assert file.columns.name_of(0) == "a\x1b[2J\n\udcff"


@pytest.mark.parametrize(
    "name", ["person", "sums", "names", "names_ends", "paths_ends", "sketches_ends", "photos_ends"]
)
def test_damage_to_a_small_column_is_found_when_the_file_is_opened(name, path):
    flip(path, place(path, name) + 1)
    assert f"damaged: its {name} column is not" in refused(GalleryError, GalleryFile, path)


@pytest.mark.parametrize(("name", "width"), [("digests", 32), ("eyes", 16), ("outlines", OUTLINE), ("details", DETAIL)])
def test_damage_to_a_row_is_found_where_it_is(name, width, path):
    flip(path, place(path, name) + 2 * width)
    file = GalleryFile(path)
    assert [each.tolist() for each in file.damaged()] == [[2], []]
    file.check_rows(np.array([0, 1, 3]))
    message = refused(GalleryError, file.check_rows, np.array([1, 2]))
    assert f"photo 2 is not what was written; tools/gallery.py {path} verify says what is lost" in message


def test_damage_to_a_path_and_to_pictures_is_found_where_it_is(path):
    flip(path, place(path, "paths"))
    flip(path, place(path, "sketches") + len(PORTRAITS[0].sketch) + 5)
    flip(path, place(path, "photos") + 7)
    file = GalleryFile(path)
    assert [each.tolist() for each in file.damaged()] == [[0], [0, 1]]
    assert file.damage() == [
        (0, "person-1", "Q" + PORTRAITS[0].path[1:], False, True),
        (1, "anna", PORTRAITS[1].path, True, True),
    ]
    file.check_pictures(3)
    assert "the pictures of photo 1" in refused(GalleryError, file.check_pictures, 1)


def test_damage_to_the_outlines_is_found_before_they_are_searched(path):
    flip(path, place(path, "outlines") + 3)
    assert "damaged: its outlines column" in refused(GalleryError, GalleryFile(path).check_column, "outlines")


def test_what_is_damaged_stays_known_as_damaged_when_it_is_copied(path, tmp_path):
    flip(path, place(path, "details") + DETAIL)
    file = GalleryFile(path)
    write_gallery(tmp_path / "copy.h5", IDENTITY, [Part(file.columns, np.array([3, 1]), file.sums)])
    assert GalleryFile(tmp_path / "copy.h5").damaged()[0].tolist() == [1]


def test_identities_differ_in_words():
    assert IDENTITY.difference(IDENTITY) == ""
    assert IDENTITY.difference(Identity("00" * 32, 3)).startswith(
        "drawn by another net (5e5e5e5e5e5e, not 000000000000"
    )
    assert IDENTITY.difference(Identity("5e" * 32, 4)) == "described by version 3, not 4, of this search"


def everything(path: Path) -> dict:
    """All that a gallery holds, everything checked that can be; what a search, a list and a page would read."""
    file = GalleryFile(path)
    file.check_column("outlines")
    described, pictures = file.damaged()
    if len(described) or len(pictures):
        raise GalleryError(f"{path}: damaged")
    return held(path)


def fuzz(path: Path, rounds: int, seed: int) -> int:
    """Damage at random places, in random ways: how often it was found; what is not found has changed nothing."""
    chance, whole, right, found = random.Random(seed), path.read_bytes(), held(path), 0
    small = path.with_name("damaged.h5")
    for _ in range(rounds):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 1, 3, 40])):
            at = chance.randrange(chance.choice([2000, len(content)]))
            content[at] = chance.choice([content[at] ^ (1 << chance.randrange(8)), 0, 255, chance.randrange(256)])
        if chance.random() < 0.25:
            del content[chance.randrange(len(content)) :]
        if chance.random() < 0.1:
            at = chance.randrange(len(content) + 1)
            content[at:at] = chance.randbytes(chance.randrange(1, 70))
        small.write_bytes(content)
        try:
            assert everything(small) == right
        except GalleryError as error:
            assert "\n" not in str(error)
            found += 1
    return found


@pytest.mark.parametrize(("rounds", "seed"), [(40, 1), pytest.param(1500, 2, marks=pytest.mark.slow)])
def test_a_damaged_gallery_is_refused_in_a_line_or_gives_the_right_answer(rounds, seed, path):
    assert fuzz(path, rounds, seed) > rounds // 2


@pytest.mark.slow
def test_a_strangers_damage_with_a_right_checksum_is_refused_or_read_and_never_another_error(path):
    chance, table = random.Random(5), table_of(path)
    values = [0, 1, -1, 64, 4096, 1 << 30, 1 << 62, 1 << 70, 1.5, None, "x", [], {}, True, [4], [4, 5], [0, 0], [-1]]
    whole, read = path.read_bytes(), 0
    for _ in range(1000):
        hostile = json.loads(json.dumps(table))
        for _ in range(chance.choice([1, 2, 5])):
            inside = isinstance(hostile["columns"], dict) and chance.random() < 0.8
            entry = hostile["columns"].get(chance.choice(list(_TYPES))) if inside else hostile
            if isinstance(entry, dict):
                entry[chance.choice([*entry, "further"])] = chance.choice(values)
        path.write_bytes(whole)
        rewrite(path, hostile)
        try:
            everything(path)
            read += 1
        except GalleryError as error:
            assert "\n" not in str(error)
    assert read < 500


def test_a_file_that_lacks_its_last_byte_says_so(path):
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert f"the last 1 byte of {len(content)} is missing" in refused(GalleryError, GalleryFile, path)


def test_a_huge_shape_takes_no_memory(path):
    table = table_of(path)
    table["columns"]["details"] |= {"shape": [1 << 48, 128], "offset": 1 << 20}
    table["size"] = 1 << 62
    rewrite(path, table)
    assert "cut short: the last " in refused(GalleryError, GalleryFile, path)
